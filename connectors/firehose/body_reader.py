"""The reader of request bodies, within limits of time and size, and a memory budget for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from connectors.firehose.body import BODY_MAX_BYTES, too_large
from connectors.firehose.headers import Refused, retry_later


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The limits of size and time of requests. AWS waits 180 s for an answer."""

    body_bytes: int = BODY_MAX_BYTES
    held_bytes: int = 192 << 20  # of bodies that are being read or parsed
    under_way: int = 512  # requests at once
    pause_s: float = 10.0  # without a byte of a body
    body_s: float = 90.0  # for a whole body
    commit_s: float = 60.0  # from the parsed request to its commit
    overdue_s: float = 10.0  # for one transaction; after that, requests are refused
    drain_s: float = 4.0  # for running requests at SIGTERM


class Bodies:
    """The bodies in memory."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self.held_bytes = 0

    @property
    def is_full(self) -> bool:
        """Return whether the memory budget is exceeded."""
        return self.held_bytes > self._limits.held_bytes

    @asynccontextmanager
    async def body(self, request: web.BaseRequest) -> AsyncIterator[bytes | Refused]:
        """Read a body, and count its memory until the context ends."""
        held = _Held(self)
        try:
            yield await self._read(request, held)
        finally:
            self.held_bytes -= held.size

    async def _read(self, request: web.BaseRequest, held: _Held) -> bytes | Refused:
        if (request.content_length or 0) > self._limits.body_bytes:
            return too_large(self._limits.body_bytes)
        try:
            async with asyncio.timeout(self._limits.body_s):
                await _continue(request)
                return await self._parts(request, held)
        except TimeoutError:
            return Refused(408, "slow", "The body arrived too slowly: send it again.")
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
            return Refused(400, "cut off", "The connection ended before the body: send it again.")

    async def _parts(self, request: web.BaseRequest, held: _Held) -> bytes | Refused:
        parts: list[bytes] = []
        while not request.content.at_eof():
            async with asyncio.timeout(self._limits.pause_s):
                part = await request.content.readany()
            parts.append(part)
            held.add(len(part))
            if held.size > self._limits.body_bytes:
                return too_large(self._limits.body_bytes)
            if self.is_full:
                return retry_later("full", "Too many request bodies are in memory")
        return b"".join(parts)


class _Held:
    """The memory of one request."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies, self.size = bodies, 0

    def add(self, size: int) -> None:
        self.size += size
        self._bodies.held_bytes += size


async def _continue(request: web.BaseRequest) -> None:
    """Send `100 Continue` if the request has `Expect: 100-continue`; its head is accepted."""
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # only the answer counts
