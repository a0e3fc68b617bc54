"""A doorway in front of a server that cuts connections, holds a body back, or refuses: a network's faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
)
HEAD_BYTES = 4096  # answers' heads are shorter: what is counted is about a body's bytes


@dataclass(slots=True)
class Doorway:
    """`cut_after` and `hold_after` count bytes of one connection's answers; `refuse` counts connections.

    `cuts` is how many connections are cut; `open` lets a held body go on.
    """

    target: tuple[str, int]
    url: str = ""
    cut_after: int = 0
    cuts: int = 0
    hold_after: int = 0
    refuse: int = 0
    connections: int = 0
    is_held: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.refuse:
                self.refuse -= 1
                await reader.readuntil(b"\r\n\r\n")
                head = b"HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
                writer.write(head % len(SLOW_DOWN) + SLOW_DOWN)
                await writer.drain()
                return
            inner_reader, inner_writer = await asyncio.open_connection(*self.target)
            asking = asyncio.ensure_future(_copy(reader, inner_writer))
            try:
                await self._answer(inner_reader, writer)
            finally:
                asking.cancel()
                inner_writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pass  # The client went away, as clients do.
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = 0
        while data := await reader.read(64 << 10):
            writer.write(data)
            await writer.drain()
            told += len(data)
            if self.cuts and told > self.cut_after:
                self.cuts -= 1
                return
            if self.hold_after and told > self.hold_after:
                self.is_held.set()
                await self.open.wait()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(64 << 10):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def doorway(url: str) -> AsyncIterator[Doorway]:
    """Stand before a server's address while in the context."""
    there = urlsplit(url)
    assert there.hostname
    assert there.port
    door = Doorway((there.hostname, there.port))
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await door.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # The test is over. asyncio's streams would report the cancellation as an error.
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    door.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield door
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
