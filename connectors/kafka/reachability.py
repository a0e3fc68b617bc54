"""Connects to Kafka's bootstrap servers once, to say in a sentence why they cannot be used.

aiokafka reports a TLS listener, a web server, a wrong password and a closed port alike, and retries some of
them endlessly.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable

from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from connectors.kafka import probe as kafka_probe
from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.tls import tls_context
from connectors.kafka.clients.tokens import TokenUnavailable
from connectors.kafka.probe import ProbeAnswer, ProbeResult

REACH_S = 5.0
ANSWER_S = 10.0  # A busy broker may take seconds for its first answer.
BROKEN = (OSError, asyncio.IncompleteReadError, TimeoutError)
_REFUSED = (SaslAuthenticationFailed, AuthenticationFailedError, UnsupportedSaslMechanismError)


async def why_unreachable(kafka: KafkaConnection) -> str | None:
    """Return why Kafka cannot be used at its bootstrap servers or advertised addresses; None if it can.

    Raises `SettingsError` if a file of the connection cannot be used.
    """
    try:
        servers = [(host.strip("[]"), port) for host, port, _ in collect_hosts(kafka.servers)]
    except ValueError:
        return f"no Kafka answers at {kafka.servers}: it is not host:port[,host:port]; set VPCFLOW_KAFKA"
    found = await _found(kafka, servers)
    if (why := kafka_probe.sentence(kafka, found)) is not None:
        return why
    usable = next(server for server in servers if found[_name(*server)].answer is ProbeAnswer.KAFKA)
    advertised = await _advertised(kafka, *usable)
    if isinstance(advertised, str):
        return advertised
    unknown = {server for server in advertised if _name(*server) not in found}
    known = {name: found[name] for name in (_name(*one) for one in advertised) if name in found}
    return kafka_probe.advertised_sentence(kafka, known | await _found(kafka, unknown))


async def _advertised(kafka: KafkaConnection, host: str, port: int) -> list[tuple[str, int]] | str:
    """Authenticate, and return the address that each broker tells clients to use, or why Kafka refuses."""
    try:
        connection = await factory.connect(kafka, host, port)
    except TokenUnavailable as error:
        return _message(error)
    except _REFUSED as error:
        return kafka_probe.refused_sentence(kafka, _name(host, port), _message(error))
    except (*BROKEN, KafkaError, ValueError):
        return _closed(kafka, host, port)
    try:
        return await _brokers(connection) or _closed(kafka, host, port)
    except (*BROKEN, KafkaError):
        return _closed(kafka, host, port)
    finally:
        await connection.close()


def _closed(kafka: KafkaConnection, host: str, port: int) -> list[tuple[str, int]] | str:
    """Return the sentence for a connection that Kafka closes after the handshake, or answers with no brokers.

    It does so for a token that it refuses: aiokafka takes its challenge for a success. Without authentication
    there is no sentence: the caller asks again, and reports what Kafka says.
    """
    if kafka.login is None:
        return []
    return kafka_probe.refused_sentence(kafka, _name(host, port), "it ends the connection")


async def _brokers(connection: AIOKafkaConnection) -> list[tuple[str, int]]:
    answer = await connection.send(MetadataRequest([]))
    return [(broker[1], broker[2]) for broker in answer.brokers]


def _message(error: KafkaError) -> str:
    """Return the broker's own words, without the name of aiokafka's class."""
    return str(error.args[0]) if error.args and isinstance(error.args[0], str) else type(error).__name__


async def _found(kafka: KafkaConnection, servers: Iterable[tuple[str, int]]) -> dict[str, ProbeResult]:
    servers = list(servers)
    found = await asyncio.gather(*(probe(kafka, host, port) for host, port in servers))
    return {_name(*server): one for server, one in zip(servers, found, strict=True)}


def _name(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def probe(kafka: KafkaConnection, host: str, port: int) -> ProbeResult:
    """Return what listens on a port. Raises `SettingsError`."""
    context = tls_context(kafka.tls) if kafka.has_tls else None
    try:
        async with asyncio.timeout(REACH_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, OverflowError, ValueError) as error:
        found = _not_opened(kafka, error)
        return await _without_tls(found, host, port) if found.answer is ProbeAnswer.HANDSHAKE else found
    try:
        if await _asked(reader, writer, kafka_probe.api_versions()) is not None:
            mechanism = kafka_probe.handshake_mechanism(kafka)
            answer = await _asked(reader, writer, kafka_probe.sasl_handshake(mechanism))
            return kafka_probe.handshake_answer(kafka, answer)
    except ssl.SSLError as error:  # In TLS 1.3 the broker looks at our certificate after our handshake.
        return kafka_probe.alert_answer(kafka, error.reason or "") or ProbeResult(ProbeAnswer.NOT_KAFKA)
    finally:
        writer.transport.abort()  # To close TLS would wait for the other side.
    has_tls = context is None and await _speaks_tls(host, port)
    return ProbeResult(ProbeAnswer.TLS if has_tls else ProbeAnswer.NOT_KAFKA)


def _not_opened(kafka: KafkaConnection, error: Exception) -> ProbeResult:
    """Interpret the error of a connection that was not opened."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return ProbeResult(ProbeAnswer.UNRESOLVED)
    if isinstance(error, TimeoutError):
        return ProbeResult(ProbeAnswer.SILENT)
    if isinstance(error, ssl.SSLCertVerificationError):
        return kafka_probe.certificate_answer(error.verify_code, error.verify_message)
    if isinstance(error, ssl.SSLError):
        handshake = ProbeResult(ProbeAnswer.HANDSHAKE, error.reason or "no reason given")
        return kafka_probe.alert_answer(kafka, error.reason or "") or handshake
    if kafka.has_tls and isinstance(error, ConnectionResetError):
        return ProbeResult(ProbeAnswer.HANDSHAKE, "it closes the connection")
    return ProbeResult(ProbeAnswer.CLOSED)


async def _without_tls(handshake: ProbeResult, host: str, port: int) -> ProbeResult:
    """Return what listens on a port that has not completed a TLS handshake."""
    found = await probe(KafkaConnection(_name(host, port)), host, port)
    if found.answer is ProbeAnswer.TLS:
        return handshake
    return (
        ProbeResult(ProbeAnswer.PLAINTEXT) if found.answer in {ProbeAnswer.KAFKA, ProbeAnswer.SASL} else found
    )


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes | None:
    """Send a request; return its answer, or None if nothing of Kafka's answers. Raises `ssl.SSLError`."""
    try:
        async with asyncio.timeout(ANSWER_S):
            writer.write(request)
            await writer.drain()
            count = kafka_probe.answer_bytes(await reader.readexactly(4))
            answer = await reader.readexactly(count) if count else b""
    except ssl.SSLError:
        raise
    except BROKEN:
        return None
    return answer if count and kafka_probe.error_code(answer) is not None else None


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
