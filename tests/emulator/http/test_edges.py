"""Connections as careless, slow and hostile clients make them: each gets an answer or an end, soon."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from emulator.http import certificate
from emulator.http.limits import HEAD_MAX_BYTES, HttpLimits
from emulator.http.listener import listen
from emulator.http.messages import Incoming, Outgoing, Service
from tests.emulator.http.http2_client import http2

pytestmark = pytest.mark.socket

QUICK = HttpLimits(head_s=0.3, silence_s=0.3, idle_s=0.3, linger_s=0.3, body_max_bytes=lambda _: 1_000_000)
PATIENT = HttpLimits(body_max_bytes=lambda _: 1_000_000)


async def echo(incoming: Incoming) -> Outgoing:
    return Outgoing(200, {"Content-Type": "text/plain", "X-Method": incoming.method}, incoming.body)


@asynccontextmanager
async def listening(
    service: Service = echo, limits: HttpLimits = PATIENT, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    listener = await listen(service, "127.0.0.1", 0, limits=limits, tls=tls)
    try:
        yield listener.port
    finally:
        await listener.close()
        assert not len(listener.connections)


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def told(port: int, *parts: bytes, ends: bool = False) -> bytes:
    """Send bytes and return all that comes back until the server closes."""
    async with raw(port) as (reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
        if ends:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 10)


def post(body: bytes, *headers: str, path: str = "/") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_requests_on_one_connection_are_answered_in_order() -> None:
    async def slow_first(incoming: Incoming) -> Outgoing:
        for _ in range(3 if incoming.body == b"1" else 0):
            await asyncio.sleep(0)
        return await echo(incoming)

    async with listening(slow_first) as port:
        answer = await told(port, post(b"1") + post(b"2") + post(b"3", "Connection: close"))
    heads = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [part.rpartition(b"\r\n\r\n")[2] for part in heads] == [b"1", b"2", b"3"]
    assert [b"Connection: close" in part for part in heads] == [False, False, True]


async def test_a_request_may_come_byte_by_byte_or_in_chunks() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    async with listening() as port:
        request = post(b"hello", "Connection: close")
        assert (await told(port, *(request[at : at + 1] for at in range(len(request))))).endswith(
            b"\r\n\r\nhello"
        )
        assert (await told(port, chunked, body)).endswith(b"\r\n\r\nabcde")


async def test_a_half_closed_client_still_gets_its_answer() -> None:
    async with listening() as port:
        assert (await told(port, post(b"hello"), ends=True)).endswith(b"hello")
        assert await told(port, b"POST / HTTP/1.1\r\nContent-Le", ends=True) == b""
        assert await told(port, ends=True) == b""


async def test_a_client_that_waits_for_continue_is_told_to() -> None:
    async with listening() as port, raw(port) as (reader, writer):
        head, body = post(b"hello", "Expect: 100-continue", "Connection: close").split(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).endswith(b"hello")


async def test_a_body_that_is_too_large_is_refused_before_it_is_sent() -> None:
    async with listening() as port:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n"
        answer = await told(port, head)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert answer.endswith(b"The request's body is larger than 1000000 bytes.")
        chunks = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"20000\r\n"
        part = bytes(0x20000) + b"\r\n20000\r\n"
        assert (await told(port, chunks, *[part] * 12)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02",
        b"PUT\r\n\r\n",
        b"P\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_what_is_not_http_is_told_so_and_closed(request_bytes: bytes) -> None:
    async with listening() as port:
        assert (await told(port, request_bytes)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_a_head_without_end_is_refused() -> None:
    async with listening() as port:
        head = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"y" * 1000) for n in range(80))
        assert len(head) > HEAD_MAX_BYTES
        assert (await told(port, head)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"PR", b""),
        (b"POST / HTTP/1.1\r\nHost", b"HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab", b"HTTP/1.1 408 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00\x00"),
    ],
)
async def test_a_silent_client_is_given_up(sent: bytes, status: bytes) -> None:
    async with listening(limits=QUICK) as port:
        assert (await told(port, sent))[: len(status)] == status


async def test_a_client_that_takes_no_answer_is_given_up() -> None:
    async def endless(_: Incoming) -> Outgoing:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield bytes(1 << 20)

        return Outgoing(200, {}, parts())

    listener = await listen(endless, "127.0.0.1", 0, limits=QUICK)
    async with raw(listener.port) as (reader, writer):
        writer.write(post(b""))
        await reader.readexactly(1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(10):
            while len(listener.connections):  # noqa: ASYNC110  the server's own event is not ours to await
                await asyncio.sleep(0.01)
    await listener.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(b"hello", mtime=0), 200),
        (gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0), 200),
        (gzip.compress(b"hello", mtime=0)[:-3], 400),
        (b"hello", 400),
        (gzip.compress(bytes(1_000_001), mtime=0), 413),
    ],
)
async def test_gzip_is_undone_within_bounds(body: bytes, status: int) -> None:
    async with listening() as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        headers = {"Content-Encoding": "gzip"}
        async with http.post("/", data=body, headers=headers) as answer:
            assert answer.status == status
            if status == 200:
                assert await answer.read() == b"hello"
    async with listening() as port, http2(port) as client:
        got, _, back = await client.answer(client.send(headers, body))
        assert (got, back == b"hello") == (str(status), status == 200)


async def test_a_reset_is_seen_as_one() -> None:
    async def broken(_: Incoming) -> Outgoing:
        return Outgoing(200, reset=True)

    async with listening(broken) as port:
        with pytest.raises(ConnectionResetError):
            await told(port, post(b""))
        async with http2(port) as client:
            stream_id = client.send({})
            with pytest.raises(AssertionError, match="the stream was reset"):
                await client.answer(stream_id)


async def test_a_client_that_goes_ends_its_stream() -> None:
    ended = asyncio.Event()

    async def endless(_: Incoming) -> Outgoing:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                ended.set()

        return Outgoing(200, {}, parts())

    async with listening(endless) as port:
        for leave in (_leave_http1, _leave_http2):
            ended.clear()
            await leave(port)
            await asyncio.wait_for(ended.wait(), 10)


async def _leave_http1(port: int) -> None:
    async with raw(port) as (reader, writer):
        writer.write(post(b""))
        assert (await reader.readuntil(b"first\r\n")).endswith(b"\r\n\r\n5\r\nfirst\r\n")


async def _leave_http2(port: int) -> None:
    async with http2(port) as client:
        stream_id = client.send({})
        while client.bodies[stream_id] != b"first":
            await client.step()
        client.h2.reset_stream(stream_id)
        client.flush()


async def test_http2_answers_many_at_once_and_keeps_to_the_clients_windows() -> None:
    large = bytes(range(256)) * 3000
    async with listening() as port, http2(port) as client:
        client.flush()
        await client.step()  # the server's windows are larger than the protocol's first ones
        streams = {client.send({"X-N": str(n)}, large[: n * 1000]): n for n in range(20)}
        for stream_id, n in streams.items():
            status, headers, body = await client.answer(stream_id)
            assert (status, headers["content-length"], body) == ("200", str(n * 1000), large[: n * 1000])
        stream_id = client.send({}, large)
        assert (await client.answer(stream_id))[2] == large  # far more than the 64 KiB of a window


async def test_http2_that_breaks_the_protocol_is_closed() -> None:
    async with listening() as port:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        no_increment = b"\x00\x00\x04\x08\x00\x00\x00\x00\x00" + bytes(4)
        half_a_setting = b"\x00\x00\x04\x04\x00\x00\x00\x00\x00" + bytes(4)
        for frame in (no_increment, half_a_setting):
            assert (await told(port, preface + frame)).startswith(b"\x00\x00")


async def test_one_port_speaks_plain_and_tls_in_both_versions(tmp_path: Path) -> None:
    authority = certificate.authority_path(tmp_path / "tls", "127.0.0.1")
    assert certificate.authority_path(tmp_path / "tls", "127.0.0.1").read_bytes() == authority.read_bytes()
    assert (tmp_path / "tls" / "server.pem").stat().st_mode & 0o77 == 0
    trusting = ssl.create_default_context(cafile=str(authority))
    async with listening(tls=certificate.context(authority)) as port:
        for url, context in ((f"https://localhost:{port}", trusting), (f"http://127.0.0.1:{port}", False)):
            async with aiohttp.ClientSession() as http, http.post(url, data=b"hello", ssl=context) as answer:
                assert (answer.status, await answer.read()) == (200, b"hello")
        trusting.set_alpn_protocols(["h2"])
        for context2 in (trusting, None):
            async with http2(port, context2) as client:
                assert (await client.answer(client.send({}, b"hello")))[2] == b"hello"
        assert await told(port, b"\x16\x03\x01garbage that is no handshake") is not None
        assert await told(port, ends=True) == b""
