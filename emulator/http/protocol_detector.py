"""The detection of the HTTP version of a new connection.

With TLS, ALPN determines it. Without, the first bytes do: HTTP/2 begins with `PRI`, which is no HTTP/1.1
method.
"""

from __future__ import annotations

import asyncio
from typing import cast

from emulator.http.connections import Connections
from emulator.http.http1 import Http1
from emulator.http.limits import HttpLimits
from emulator.http.messages import Service

_PREFACE = b"PRI"


class ProtocolDetector(asyncio.Protocol):
    """A connection whose HTTP version is not known yet."""

    def __init__(self, service: Service, limits: HttpLimits, connections: Connections) -> None:
        self._service, self._limits, self._connections = service, limits, connections
        self._transport: asyncio.Transport | None = None
        self._first = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Use the ALPN result, or wait for the first bytes up to the idle limit."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limits.idle_s, self.abort)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._open(True)

    def data_received(self, data: bytes) -> None:
        """Detect the version from the first three bytes."""
        self._first += data
        if self._first.startswith(_PREFACE):
            self._open(True)
        elif not _PREFACE.startswith(self._first):
            self._open(False)

    def eof_received(self) -> bool:
        """Close the connection: there was no request."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        self._leave()

    def finish(self) -> None:
        """Close the connection: no response is pending."""
        self.abort()

    def abort(self) -> None:
        """Close the connection immediately."""
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _open(self, is_http2: bool) -> None:
        transport = self._transport
        assert transport is not None
        protocol: asyncio.Protocol
        if is_http2:
            from emulator.http.http2 import Http2  # Loading `h2` takes a tenth of a second.

            protocol = Http2(self._service, self._limits, self._connections)
        else:
            protocol = Http1(self._service, self._limits, self._connections)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._leave()
        if self._first:
            protocol.data_received(self._first)
