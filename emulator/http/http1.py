"""One HTTP/1.1 connection: parsed by llhttp (`httptools`), answered in order.

While one request is answered, at most one more is read: a client that sends too fast is slowed down. A client
that closes its sending half still gets its responses. Invariant: all input is within `HttpLimits`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import httptools

from emulator.http import heads
from emulator.http.bodies import BadBody, inflated
from emulator.http.connections import Connections
from emulator.http.limits import HEAD_MAX_BYTES, HttpLimits
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.http.sockets import reset

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PART_BYTES = 256 << 10
_NEVER = float("inf")


class Http1(asyncio.Protocol):
    """One connection."""

    def __init__(self, service: Service, limits: HttpLimits, connections: Connections) -> None:
        self._service, self._limits, self._connections = service, limits, connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Incoming | BadBody, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._deadline, self._timer = _NEVER, cast("asyncio.TimerHandle | None", None)
        self._head_bytes = 0
        self._is_closing = self._is_half_closed = self._is_streaming = self._owes_continue = False
        self._fresh()

    def _fresh(self) -> None:
        """Reset the state of the request being read."""
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._in_head = self._is_reading = False
        self._most_bytes = 0

    # The connection's life.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the idle timer."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._wait_at_most(self._limits.idle_s)
        self._timer = self._loop.call_later(self._limits.head_s, self._check_time)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the response in progress, because the client has disconnected."""
        self._connections.discard(self)
        self._transport = None
        self._can_write.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._answering is not None:
            self._answering.cancel()

    def eof_received(self) -> bool:
        """Keep a half-closed connection open until its response is sent (TLS has no such state).

        With a streamed response the connection is closed: this is the only sign that the client has gone.
        """
        self._is_half_closed = True
        has_tls = self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
        return self._answering is not None and not has_tls and not self._is_streaming

    def pause_writing(self) -> None:
        """Pause the response: the client reads too slowly."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """Resume the response."""
        self._can_write.set()

    def finish(self) -> None:
        """Close after the pending response. A streamed response is aborted."""
        self._is_closing = True
        if self._is_streaming:
            self.abort()
        elif self._transport is not None and self._answering is None:
            self._transport.close()

    def abort(self) -> None:
        """Close immediately."""
        if self._transport is not None:
            self._transport.abort()

    def _wait_at_most(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds

    def _check_time(self) -> None:
        """Close the connection after its deadline. One timer serves all its time limits."""
        left = self._deadline - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(min(max(left, 0.01), 5.0), self._check_time)
        elif self._is_reading and not self._is_closing:
            self._refuse(408, "The request was not complete in time.")
            self._timer = self._loop.call_later(self._limits.linger_s, self._check_time)
        else:
            self.abort()

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Parse received data."""
        if self._is_closing:
            return  # The rest of a refused request.
        if self._in_head or not self._is_reading:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # A server may ignore an upgrade and use HTTP/1.1.
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.data_received(rest)
            return
        except httptools.HttpParserError as error:
            self._refuse(400, f"The request is malformed: {error}.")
            return
        if self._in_head and self._head_bytes > HEAD_MAX_BYTES:
            self._refuse(431, f"The request's head is larger than {HEAD_MAX_BYTES} bytes.")
        elif self._body_bytes > self._most_bytes and not self._in_head:
            self._refuse(413, f"The request's body is larger than {self._most_bytes} bytes.")
        elif self._is_reading and not self._in_head and self._answering is None:
            self._wait_at_most(self._limits.silence_s)

    def on_message_begin(self) -> None:
        """Start a request."""
        self._fresh()
        self._in_head = self._is_reading = True
        if self._answering is None:
            self._wait_at_most(self._limits.head_s)

    def on_url(self, url: bytes) -> None:
        """Append a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Repeated headers are joined with commas."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Check the announced size. Send `100 Continue` if the request has `Expect: 100-continue`."""
        self._in_head = False
        headers = self._headers
        self._most_bytes = self._limits.body_max_bytes(headers)
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._most_bytes:
            self._body_bytes = int(announced)
        elif headers.get("expect", "").lower() == "100-continue":
            if self._answering is None and self._transport is not None:
                self._transport.write(_CONTINUE)
            else:
                self._owes_continue = True

    def on_body(self, part: bytes) -> None:
        """Append a part of the body, up to the size limit."""
        self._body_bytes += len(part)
        if self._body_bytes <= self._most_bytes:
            self._body.append(part)

    def on_message_complete(self) -> None:
        """Queue the request."""
        if self._body_bytes > self._most_bytes:
            return
        self._is_reading = False
        body, self._body = b"".join(self._body), []
        request: Incoming | BadBody
        try:
            if "content-encoding" in self._headers and self._limits.inflates(self._headers):
                body = inflated(body, self._headers, self._most_bytes)
            method, target = self._parser.get_method().decode("latin-1"), self._url.decode("latin-1")
            request = Incoming(method, target, self._headers, body)
        except BadBody as bad:
            request = bad
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._head_bytes = 0
        if self._answering is None:
            self._answering = self._loop.create_task(self._answer_all())
        elif self._transport is not None:
            self._transport.pause_reading()

    # Responses.

    async def _answer_all(self) -> None:
        """Answer the queued requests in order. The task ends with the connection."""
        try:
            while self._waiting and self._transport is not None:
                self._deadline = _NEVER
                request, keeps = self._waiting.popleft()
                if isinstance(request, BadBody):
                    self._refuse(request.status, str(request))
                    return
                await self._answer(request, keeps and not self._is_closing)
        finally:
            self._answering = None
        self._go_on()

    def _go_on(self) -> None:
        """Resume reading, or close."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._is_half_closed or self._is_closing:
            transport.close()
            return
        if self._owes_continue:
            self._owes_continue = False
            transport.write(_CONTINUE)
        self._wait_at_most(self._limits.silence_s if self._is_reading else self._limits.idle_s)
        transport.resume_reading()

    async def _answer(self, request: Incoming, keeps: bool) -> None:
        outgoing = await self._service(request)
        transport = self._transport
        if transport is None:
            return
        if outgoing.reset:
            reset(transport)
        elif isinstance(outgoing.body, bytes):
            await self._write(transport, outgoing, request.method, keeps)
        else:
            await self._stream(transport, outgoing, outgoing.body, keeps)
        if not keeps or self._is_half_closed:
            self._is_closing = True

    async def _write(
        self, transport: asyncio.Transport, outgoing: Outgoing, method: str, keeps: bool
    ) -> None:
        """Write a complete response. A large one is written in parts, as the transport copies unsent data."""
        head, body = heads.whole(outgoing, method, keeps), cast("bytes", outgoing.body)
        if method == "HEAD" or len(body) <= _PART_BYTES:
            transport.write(head if method == "HEAD" else head + body)
            return
        transport.write(head)
        view = memoryview(body)
        for at in range(0, len(view), _PART_BYTES):
            if self._transport is None:
                return
            transport.write(view[at : at + _PART_BYTES])
            if not self._can_write.is_set():
                self._wait_at_most(self._limits.silence_s)
                await self._can_write.wait()
                self._deadline = _NEVER

    async def _stream(
        self, transport: asyncio.Transport, outgoing: Outgoing, parts: AsyncIterator[bytes], keeps: bool
    ) -> None:
        """Write a streamed response in chunked encoding."""
        lines = heads.lines(outgoing, keeps) + "Transfer-Encoding: chunked\r\n\r\n"
        transport.write(lines.encode("latin-1"))
        self._is_streaming = True
        try:
            async for part in parts:
                transport.write(b"%x\r\n%b\r\n" % (len(part), part))
                self._wait_at_most(self._limits.silence_s)
                await self._can_write.wait()
                self._deadline = _NEVER
        finally:
            self._is_streaming = False
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()
        transport.write(b"0\r\n\r\n")

    def _refuse(self, status: int, sentence: str) -> None:
        """Send an error response and discard further input.

        If it closed the connection at once, the kernel would reset it and the client might lose the response.
        """
        self._is_closing = True
        transport = self._transport
        if transport is None:
            return
        if self._answering is not None and self._is_reading:
            return  # An earlier request is being answered. The connection closes after it.
        outgoing = heads.refusal(status, sentence)
        transport.write(heads.whole(outgoing, "POST", False) + cast("bytes", outgoing.body))
        if transport.can_write_eof():
            transport.write_eof()
            self._wait_at_most(self._limits.linger_s)
            transport.resume_reading()
        else:
            transport.close()
