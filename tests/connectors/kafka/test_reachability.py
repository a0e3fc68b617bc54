"""What a port that is not a usable Kafka is reported as: real listeners of each kind."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka import probe as kafka_probe
from connectors.kafka import reachability
from connectors.kafka.clients.connection import KafkaConnection, Login
from connectors.kafka.probe import ProbeAnswer, ProbeResult
from connectors.kafka.reachability import probe, why_unreachable
from connectors.kafka.topics import TopicError, ensure_topics
from emulator.kafka.ports import free_port

pytestmark = pytest.mark.socket

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on loopback; yields host:port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def kafka_like(sasl_code: int) -> Handler:
    """Return a listener that answers ApiVersions, and SaslHandshake with a code."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for code in (0, sasl_code):
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            request = await reader.readexactly(size)
            (correlation_id,) = struct.unpack(">i", request[4:8])
            writer.write(struct.pack(">iihi", 10, correlation_id, code, 0))
            await writer.drain()

    return handle


async def probed(kafka: str) -> ProbeResult:
    """Return what listens at host:port."""
    return await probe(KafkaConnection(kafka), "127.0.0.1", int(kafka.rpartition(":")[2]))


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever comes as a web server does."""
    await reader.read(64)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read until cancelled."""
    await reader.read(-1)


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_tls_listener_is_told_from_a_closed_port(tls: ssl.SSLContext) -> None:
    async with listening(mute, tls) as kafka:
        why = await why_unreachable(KafkaConnection(kafka))
    assert why is not None
    assert why.startswith(f"{kafka}: the broker is reachable but requires TLS: set VPCFLOW_KAFKA_SECURITY")


async def test_a_tls_listener_that_wants_a_certificate_is_one(tls: ssl.SSLContext) -> None:
    tls.verify_mode = ssl.CERT_REQUIRED
    async with listening(mute, tls) as kafka:
        assert "requires TLS" in (await why_unreachable(KafkaConnection(kafka)) or "")


async def test_a_process_ends_within_seconds_at_a_tls_listener(tls: ssl.SSLContext) -> None:
    began = time.monotonic()
    async with listening(mute, tls) as kafka:
        with pytest.raises(TopicError, match="requires TLS"):
            await ensure_topics(KafkaConnection(kafka), "unused.", 1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("code", "answer"),
    [(34, ProbeAnswer.KAFKA), (33, ProbeAnswer.SASL), (0, ProbeAnswer.SASL), (35, ProbeAnswer.KAFKA)],
)
async def test_a_listener_with_sasl_is_told_from_one_without(code: int, answer: ProbeAnswer) -> None:
    async with listening(kafka_like(code)) as kafka:
        assert (await probed(kafka)).answer is answer


@pytest.mark.parametrize(
    ("login", "code", "expected"),
    [
        ("PLAIN", 33, ProbeResult(ProbeAnswer.MECHANISM, " to GSSAPI or SCRAM-SHA-512")),
        ("AWS_MSK_IAM", 33, ProbeResult(ProbeAnswer.MECHANISM, " to GSSAPI or SCRAM-SHA-512")),
        ("PLAIN", 0, ProbeResult(ProbeAnswer.KAFKA)),
        ("PLAIN", 34, ProbeResult(ProbeAnswer.NO_SASL)),
        ("", 33, ProbeResult(ProbeAnswer.SASL, " to GSSAPI or SCRAM-SHA-512")),
        ("", 34, ProbeResult(ProbeAnswer.KAFKA)),
    ],
)
def test_the_mechanisms_of_a_listener_are_told(login: str, code: int, expected: ProbeResult) -> None:
    names = b"".join(struct.pack(">h", len(name)) + name for name in (b"SCRAM-SHA-512", b"GSSAPI"))
    answer = struct.pack(">ihi", kafka_probe.CORRELATION_ID, code, 2) + names
    secured = KafkaConnection("a:1", "sasl_plaintext" if login else "plaintext")
    secured = replace(secured, login=Login(login)) if login else secured
    found = kafka_probe.handshake_answer(secured, answer)
    assert found == expected
    if found.answer is ProbeAnswer.MECHANISM:
        assert kafka_probe.sentence(secured, {"a:1": found}) == (
            f"a:1: the broker does not accept VPCFLOW_KAFKA_SASL={login}: set it to GSSAPI or SCRAM-SHA-512"
        )


@given(st.binary(max_size=40))
def test_an_answer_to_a_handshake_may_hold_anything(answer: bytes) -> None:
    head = struct.pack(">ih", kafka_probe.CORRELATION_ID, 33)
    assert isinstance(kafka_probe.mechanisms(head + answer), list)


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever comes with the TLS alert `handshake_failure`."""
    await reader.read(64)
    writer.write(b"\x15\x03\x03\x00\x02\x02\x28")
    await writer.drain()


async def test_a_handshake_that_fails_is_told_with_its_reason() -> None:
    async with listening(refusing) as kafka:
        why = await why_unreachable(KafkaConnection(kafka, "ssl"))
    assert why == (
        f"{kafka}: the TLS handshake with the broker fails (SSLV3_ALERT_HANDSHAKE_FAILURE): it must offer TLS"
        " 1.2 or 1.3"
    )


async def test_a_web_server_is_not_kafka() -> None:
    async with listening(web) as kafka:
        why = await why_unreachable(KafkaConnection(kafka))
    assert why == (
        f"no Kafka answers at {kafka}: the port is open, but what answers is not Kafka:"
        " start one, or set VPCFLOW_KAFKA to its host:port"
    )


async def test_a_port_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "ANSWER_S", 0.05)
    monkeypatch.setattr(reachability, "REACH_S", 0.05)
    async with listening(mute) as kafka:
        assert "not Kafka" in (await why_unreachable(KafkaConnection(kafka)) or "")


async def test_one_usable_server_is_enough() -> None:
    async with listening(kafka_like(34)) as kafka:
        closed = f"127.0.0.1:{free_port()}"
        found = {closed: ProbeResult(ProbeAnswer.CLOSED), kafka: await probed(kafka)}
        assert kafka_probe.sentence(KafkaConnection(f"{closed},{kafka}"), found) is None


async def test_of_several_reasons_the_most_useful_is_given(tls: ssl.SSLContext) -> None:
    async with listening(mute, tls) as kafka:
        why = await why_unreachable(
            KafkaConnection(f"127.0.0.1:{free_port()},no-such-host.invalid:9092,{kafka}")
        )
    assert why is not None
    assert why.startswith(f"{kafka}: the broker is reachable but requires TLS")


def test_an_address_that_only_the_broker_knows_is_named() -> None:
    """A broker in a container often advertises a name that exists in its network only."""
    found = {"kafka:9092": ProbeResult(ProbeAnswer.UNRESOLVED)}
    why = kafka_probe.advertised_sentence(KafkaConnection("localhost:9092"), found)
    assert why == (
        "Kafka answers at localhost:9092, but tells clients to use kafka:9092, where the host name cannot be"
        " resolved: set advertised.listeners of the broker to an address that this machine reaches"
    )
    one = KafkaConnection("a:1")
    usable = {"a:1": ProbeResult(ProbeAnswer.KAFKA), "b:1": ProbeResult(ProbeAnswer.CLOSED)}
    assert kafka_probe.advertised_sentence(one, usable) is None
    assert kafka_probe.advertised_sentence(one, {}) is None


@pytest.mark.parametrize("host", ["256.256.256.256", "a..b", "x" * 300, "no-such-host.invalid"])
async def test_a_host_that_is_no_name_is_unresolved(host: str) -> None:
    assert await probe(KafkaConnection(host), host, 9092) == ProbeResult(ProbeAnswer.UNRESOLVED)


@pytest.mark.kafka
async def test_a_real_kafka_is_reachable(kafka: str) -> None:
    assert await why_unreachable(KafkaConnection(kafka)) is None
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert await why_unreachable(KafkaConnection(f"{kafka},127.0.0.1:{free_port()}")) is None
