"""One HTTP/2 connection (`h2` implements the protocol): concurrent requests, each answered by its own task.

Responses wait for the client's flow-control windows. If a client opens no window for `silence_s`, its stream
is reset. A request is passed on when it is complete, as for HTTP/1.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from emulator.http import heads
from emulator.http.bodies import BadBody, inflated
from emulator.http.connections import Connections
from emulator.http.limits import HEAD_MAX_BYTES, HttpLimits, date
from emulator.http.messages import Incoming, Outgoing, Service

_STREAM_WINDOW = 1 << 20
_CONNECTION_WINDOW = 1 << 24
_MOST_STREAMS = 256
_WRITE_AHEAD_BYTES = 1 << 18
_OF_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


@dataclass(slots=True)
class _Request:
    """An incomplete request."""

    method: str
    target: str
    headers: dict[str, str]
    most_bytes: int
    parts: list[bytes] = field(default_factory=list)
    body_bytes: int = 0


class Http2(asyncio.Protocol):
    """A connection, from the client's preface on."""

    def __init__(self, service: Service, limits: HttpLimits, connections: Connections) -> None:
        self._service, self._limits, self._connections = service, limits, connections
        self._loop = asyncio.get_running_loop()
        # Header names and values are bytes, so that invalid text causes no exception in `h2`.
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._transport: asyncio.Transport | None = None
        self._requests: dict[int, _Request] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._streaming: set[int] = set()
        # Set if a window was opened, the transport was resumed, or the connection ended.
        self._moved = asyncio.Event()
        self._is_paused = self._is_finishing = False
        self._last_heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    # The connection's life.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the server's settings."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
                SettingCodes.MAX_CONCURRENT_STREAMS: _MOST_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_MAX_BYTES,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._flush()
        self._timer = self._loop.call_later(self._limits.silence_s, self._check_time)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all responses, because the client has disconnected."""
        self._connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks.values():
            task.cancel()
        self._move()

    def pause_writing(self) -> None:
        """Pause the responses."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Resume the responses."""
        self._is_paused = False
        self._move()

    def finish(self) -> None:
        """Accept no more requests, cancel streamed responses, and close after the last other response."""
        self._is_finishing = True
        for stream_id in self._streaming:
            self._tasks[stream_id].cancel()
        if self._transport is not None:
            self._h2.close_connection()
            self._flush()
            self._close_if_done()

    def abort(self) -> None:
        """Close immediately."""
        if self._transport is not None:
            self._transport.abort()

    def _check_time(self) -> None:
        """Close a connection whose client is silent within a request, or is idle for too long."""
        silent_s = self._loop.time() - self._last_heard
        allowed_s = self._limits.silence_s if self._requests else self._limits.idle_s
        if silent_s >= allowed_s and not self._tasks:
            self.finish()
            self.abort()
            return
        self._timer = self._loop.call_later(min(self._limits.silence_s, 5.0), self._check_time)

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)

    def _close_if_done(self) -> None:
        if self._is_finishing and not self._tasks and self._transport is not None:
            self._transport.close()

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Process received data. A protocol error is answered with GOAWAY, and the connection is closed."""
        self._last_heard = self._loop.time()
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except ProtocolError:
            self._is_finishing = True
            self._flush()
            if self._transport is not None:
                self._transport.close()
            return
        self._flush()
        self._move()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(stream_id), headers=headers):
                self._begin(stream_id, headers)
            case DataReceived(stream_id=int(stream_id), data=bytes(data)):
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)
                self._add(stream_id, data)
            case StreamEnded(stream_id=int(stream_id)):
                self._whole(stream_id)
            case StreamReset(stream_id=int(stream_id)):
                self._requests.pop(stream_id, None)
                if task := self._tasks.get(stream_id):
                    task.cancel()
            case ConnectionTerminated():
                self._is_finishing = True
                self._close_if_done()
            case _:
                return

    def _begin(self, stream_id: int, pairs: list[tuple[bytes, bytes]]) -> None:
        headers: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            separator = "; " if name == "cookie" else ", "
            headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
        method, target = headers.pop(":method", ""), headers.pop(":path", "/")
        headers.setdefault("host", headers.pop(":authority", ""))
        headers.pop(":scheme", None)
        if self._is_finishing:
            self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        request = _Request(method, target, headers, self._limits.body_max_bytes(headers))
        self._requests[stream_id] = request
        if headers.get("expect", "").lower() == "100-continue":
            self._h2.send_headers(stream_id, [(":status", "100")])

    def _add(self, stream_id: int, data: bytes) -> None:
        request = self._requests.get(stream_id)
        if request is None:
            return
        request.body_bytes += len(data)
        if request.body_bytes <= request.most_bytes:
            request.parts.append(data)
            return
        del self._requests[stream_id]
        sentence = f"The request's body is larger than {request.most_bytes} bytes."
        self._start(stream_id, heads.refusal(413, sentence), request.method)

    def _whole(self, stream_id: int) -> None:
        request = self._requests.pop(stream_id, None)
        if request is None:
            return
        body = b"".join(request.parts)
        try:
            if "content-encoding" in request.headers and self._limits.inflates(request.headers):
                body = inflated(body, request.headers, request.most_bytes)
        except BadBody as bad:
            self._start(stream_id, heads.refusal(bad.status, str(bad)), request.method)
            return
        incoming = Incoming(request.method, request.target, request.headers, body)
        self._start(stream_id, incoming, request.method)

    def _start(self, stream_id: int, asked: Incoming | Outgoing, method: str) -> None:
        task = self._loop.create_task(self._answer(stream_id, asked, method))
        self._tasks[stream_id] = task
        task.add_done_callback(lambda _: self._done(stream_id))

    def _done(self, stream_id: int) -> None:
        del self._tasks[stream_id]
        self._last_heard = self._loop.time()
        self._close_if_done()

    # Responses.

    async def _answer(self, stream_id: int, asked: Incoming | Outgoing, method: str) -> None:
        outgoing = asked if isinstance(asked, Outgoing) else await self._service(asked)
        try:
            if outgoing.reset:
                self._h2.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)
            else:
                await self._write(stream_id, outgoing, method)
        except ProtocolError:
            return  # The client has closed the stream. `StreamReset` handles the other tasks.
        except TimeoutError:
            self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        finally:
            self._flush()

    async def _write(self, stream_id: int, outgoing: Outgoing, method: str) -> None:
        body = outgoing.body
        headers = [
            (name.lower(), value)
            for name, value in outgoing.headers.items()
            if name.lower() not in _OF_CONNECTION
        ]
        has_length = any(name == "content-length" for name, _ in headers)
        if isinstance(body, bytes) and not has_length and outgoing.status not in heads.WITHOUT_BODY:
            headers.append(("content-length", str(len(body))))
        if method == "HEAD":
            body = b""
        headers = [(":status", str(outgoing.status)), *headers, ("date", date())]
        self._h2.send_headers(stream_id, headers, end_stream=body == b"")
        self._flush()
        if isinstance(body, bytes):
            if body:
                await self._send(stream_id, body, True)
            return
        await self._stream(stream_id, body)

    async def _stream(self, stream_id: int, parts: AsyncIterator[bytes]) -> None:
        self._streaming.add(stream_id)
        try:
            async for part in parts:
                await self._send(stream_id, part, False)
        finally:
            self._streaming.discard(stream_id)
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()
        self._h2.end_stream(stream_id)

    async def _send(self, stream_id: int, data: bytes, is_last: bool) -> None:
        """Send data at the pace of the client's windows and the socket. Raises `TimeoutError`."""
        view = memoryview(data)
        written = 0
        while view and self._transport is not None:
            room = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)
            if room <= 0 or self._is_paused:
                self._flush()
                written = 0
                moved = self._moved
                async with asyncio.timeout(self._limits.silence_s):
                    await moved.wait()
                continue
            self._h2.send_data(stream_id, bytes(view[:room]), end_stream=is_last and room >= len(view))
            view = view[room:]
            written += room
            if written >= _WRITE_AHEAD_BYTES:
                self._flush()
                written = 0
        self._flush()
