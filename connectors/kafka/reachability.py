"""Connects to Kafka's bootstrap servers once, to say in a sentence why they cannot be used.

aiokafka reports a TLS listener, a web server and a closed port alike, and retries some of them endlessly.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import collect_hosts
from aiokafka.errors import KafkaError

from connectors.kafka import probe as kafka_probe
from connectors.kafka.probe import Answer

REACH_S = 5.0
ANSWER_S = 10.0  # A busy broker may take seconds for its first answer.
BROKEN = (OSError, asyncio.IncompleteReadError, TimeoutError)


async def why_unreachable(kafka: str) -> str | None:
    """Return why Kafka cannot be used at its bootstrap servers or advertised addresses; None if it can."""
    try:
        servers = [(host.strip("[]"), port) for host, port, _ in collect_hosts(kafka)]
    except ValueError:
        return f"no Kafka answers at {kafka}: it is not host:port[,host:port]; set VPCFLOW_KAFKA"
    answers = await _answers(servers)
    if (why := kafka_probe.sentence(kafka, answers)) is not None:
        return why
    advertised = await _advertised(kafka)
    unknown = {server for server in advertised if _name(*server) not in answers}
    known = {name: answers[name] for name in (_name(*one) for one in advertised) if name in answers}
    return kafka_probe.advertised_sentence(kafka, known | await _answers(unknown))


async def _advertised(kafka: str) -> list[tuple[str, int]]:
    """Return the address that each broker tells clients to use; nothing if Kafka does not say."""
    client = AIOKafkaClient(bootstrap_servers=kafka)
    try:
        await client.bootstrap()
        return [(broker.host, broker.port) for broker in client.cluster.brokers()]
    except KafkaError:
        return []  # The caller asks again, and reports what Kafka says.
    finally:
        await client.close()


async def _answers(servers: Iterable[tuple[str, int]]) -> dict[str, Answer]:
    servers = list(servers)
    found = await asyncio.gather(*(probe(host, port) for host, port in servers))
    return {_name(*server): answer for server, answer in zip(servers, found, strict=True)}


def _name(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def probe(host: str, port: int) -> Answer:
    """Return what listens on a port."""
    try:
        async with asyncio.timeout(REACH_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (socket.gaierror, UnicodeError):
        return Answer.UNRESOLVED
    except TimeoutError:
        return Answer.SILENT
    except (OSError, OverflowError, ValueError):
        return Answer.CLOSED
    try:
        code = await _asked(reader, writer, kafka_probe.api_versions())
        if code is not None:
            code = await _asked(reader, writer, kafka_probe.sasl_handshake())
            return Answer.SASL if kafka_probe.asks_for_sasl(code) else Answer.KAFKA
    finally:
        writer.close()
    return Answer.TLS if await _speaks_tls(host, port) else Answer.NOT_KAFKA


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int | None:
    """Send a request; return the error code of its answer, or None if nothing of Kafka's answers."""
    try:
        async with asyncio.timeout(ANSWER_S):
            writer.write(request)
            await writer.drain()
            count = kafka_probe.answer_bytes(await reader.readexactly(4))
            return kafka_probe.error_code(await reader.readexactly(count)) if count else None
    except BROKEN:
        return None


async def _speaks_tls(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(REACH_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_client_hello(host))
                await writer.drain()
                return kafka_probe.is_tls(await reader.readexactly(2))
            finally:
                writer.close()
    except BROKEN:
        return False


def _client_hello(host: str) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # Nothing is sent after the first message.
    outgoing = ssl.MemoryBIO()
    handshake = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    with contextlib.suppress(ssl.SSLWantReadError):  # It waits for the server.
        handshake.do_handshake()
    return outgoing.read()
