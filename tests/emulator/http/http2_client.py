"""A small HTTP/2 client for the tests, over a plain socket or TLS, on the client's side of `h2`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset


class Http2Client:
    """One connection; events are kept until they are asked for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.reset: set[int] = set()
        self.is_over = False
        self.takes = True

    def send(self, headers: dict[str, str], body: bytes = b"", method: str = "POST", path: str = "/") -> int:
        """Start a request whose body fits the server's window."""
        stream_id = self.h2.get_next_available_stream_id()
        pseudo = {":method": method, ":path": path, ":scheme": "http", ":authority": "localhost"}
        pairs = [*pseudo.items(), *((name.lower(), value) for name, value in headers.items())]
        self.h2.send_headers(stream_id, pairs, end_stream=not body)
        frame = self.h2.max_outbound_frame_size
        for at in range(0, len(body), frame):
            self.h2.send_data(stream_id, body[at : at + frame], end_stream=at + frame >= len(body))
        self.bodies[stream_id] = b""
        self.flush()
        return stream_id

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def step(self) -> None:
        """Take in what comes next."""
        data = await asyncio.wait_for(self.reader.read(1 << 16), 10)
        if not data:
            self.is_over = True
            return
        for event in self.h2.receive_data(data):
            match event:
                case ResponseReceived(stream_id=int(stream_id), headers=headers):
                    self.headers[stream_id] = dict(headers or [])  # type: ignore[arg-type]
                case DataReceived(stream_id=int(stream_id), data=bytes(part)):
                    self.bodies[stream_id] += part
                    if self.takes:
                        self.h2.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)
                case StreamEnded(stream_id=int(stream_id)):
                    self.ended.add(stream_id)
                case StreamReset(stream_id=int(stream_id)):
                    self.reset.add(stream_id)
                case ConnectionTerminated():
                    self.is_over = True
                case _:
                    pass
        self.flush()

    async def answer(self, stream_id: int) -> tuple[str, dict[str, str], bytes]:
        """Return a whole answer."""
        while stream_id not in self.ended:
            assert not self.is_over, "the connection ended"
            assert stream_id not in self.reset, "the stream was reset"
            await self.step()
        headers = self.headers[stream_id]
        return headers[":status"], headers, self.bodies[stream_id]


@asynccontextmanager
async def http2(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Http2Client]:
    """Connect with prior knowledge, or by ALPN over TLS."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    try:
        yield Http2Client(reader, writer)
    finally:
        writer.transport.abort()
