"""Requests as Firehose makes them, an endpoint in this process or its own, and what it left on Kafka."""

from __future__ import annotations

import asyncio
import gzip
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pybase64

from connectors.firehose.body_reader import RequestLimits
from connectors.firehose.connector import receive
from connectors.firehose.handler import Receiver
from connectors.firehose.listener import listening
from connectors.settings import ConnectFirehose
from tests.processes import until

ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/flows"
DEADLINE_S = 40.0

Reader = Callable[[str], Awaitable[list[Any]]]


@dataclass(frozen=True, slots=True)
class Post:
    """One request of Firehose: the same each time that it is sent."""

    records: Sequence[bytes] = (b"2 a line",)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    key: str = ""
    is_gzip: bool = False
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """Return its headers."""
        found = {
            "Content-Type": "application/json",
            "X-Amz-Firehose-Protocol-Version": "1.0",
            "X-Amz-Firehose-Request-Id": self.request_id,
            "X-Amz-Firehose-Source-Arn": ARN,
        }
        if self.key:
            found["X-Amz-Firehose-Access-Key"] = self.key
        if self.is_gzip:
            found["Content-Encoding"] = "gzip"
        if self.attributes:
            attributes = {"commonAttributes": self.attributes}
            found["X-Amz-Firehose-Common-Attributes"] = orjson.dumps(attributes).decode()
        return found

    @property
    def body(self) -> bytes:
        """Return its body."""
        data = [{"data": pybase64.b64encode(record).decode()} for record in self.records]
        text = orjson.dumps({"requestId": self.request_id, "timestamp": 1_700_000_000_000, "records": data})
        return gzip.compress(text) if self.is_gzip else text


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def raw_head(post: Post, length: int) -> bytes:
    """Return a head as it is on the wire, for a body of some length."""
    named = {"Host": "x", **post.headers, "Content-Length": str(length)}
    return b"POST / HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in named.items()).encode() + b"\r\n"


async def send(url: str, post: Post, **changed: Any) -> Answer:
    """Send a request over a connection of its own; `changed` are other arguments for aiohttp."""
    arguments = {"data": post.body, "headers": post.headers, **changed}
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.post(url, **arguments) as got:
        return Answer(got.status, dict(got.headers), orjson.loads(await got.read()))


async def deliver(url: str | Callable[[], str], post: Post) -> Answer:
    """Send a request until it is taken, as Firehose does, but without long pauses."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                answer = await send(url if isinstance(url, str) else url(), post)
                if answer.status == 200:
                    return answer
            except (aiohttp.ClientError, ConnectionError):
                pass  # Nobody there, or gone in the middle: come again.
            await asyncio.sleep(0.05)


@asynccontextmanager
async def receiving(settings: ConnectFirehose, limits: RequestLimits | None = None) -> AsyncIterator[str]:
    """Run an endpoint in this process, once it owns its slots; yields its address."""
    receiver, stop = Receiver(settings, limits), asyncio.Event()
    async with listening(settings, receiver.handle) as listener:
        running = asyncio.ensure_future(receive(receiver, stop, listener.stop))
        try:
            await until(lambda: has_begun(receiver, running), "no slot is owned")
            yield f"http://127.0.0.1:{listener.port}/any/path"
        finally:
            stop.set()
            await running


async def has_begun(receiver: Receiver, running: asyncio.Future[None]) -> bool:
    """Say whether an endpoint owns its slots, or never will."""
    return receiver.is_ready or running.done()


async def lines(committed: Reader, prefix: str) -> list[bytes]:
    """Return every line in the blocks of slot 0."""
    return [line for m in await with_lines(committed, prefix) for line in m.value.split(b"\n")]


async def with_lines(committed: Reader, prefix: str) -> list[Any]:
    """Return the blocks of slot 0 that have lines; the others carry progress alone."""
    return [message for message in await committed(f"{prefix}blocks") if message.value]


def header(message: Any, name: str) -> str:
    """Return a header of a message."""
    value: bytes = dict(message.headers)[name]
    return value.decode()


def configured(kafka: str, prefix: str, **more: Any) -> ConnectFirehose:
    """Return settings for topics of one partition, and any port."""
    given = {"kafka": kafka, "prefix": prefix, "slots": 1, "firehose_port": 0, "account": "", **more}
    return ConnectFirehose.model_validate(given)


async def raw(url: str, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes, and return the first line of what comes back."""
    host, _, port = url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(DEADLINE_S):
            return await reader.readline()
    finally:
        writer.close()
