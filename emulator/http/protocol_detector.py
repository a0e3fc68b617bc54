"""The first moments of a connection: which version of HTTP its client speaks.

Over TLS, ALPN says so; else the first bytes do: HTTP/2 begins with `PRI`, which no HTTP/1.1 method does.
"""

from __future__ import annotations

import asyncio
from typing import cast

from emulator.http.connections import Connections
from emulator.http.http1 import Http1
from emulator.http.messages import Service
from emulator.http.rules import Rules

_PREFACE = b"PRI"


class ProtocolDetector(asyncio.Protocol):
    """A connection that has not said yet what it speaks."""

    def __init__(self, service: Service, rules: Rules, connections: Connections) -> None:
        self._service, self._rules, self._connections = service, rules, connections
        self._transport: asyncio.Transport | None = None
        self._first = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes, but not for ever; unless TLS has settled it."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._rules.idle_s, self.abort)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._open(True)

    def data_received(self, data: bytes) -> None:
        """Decide by the first three bytes."""
        self._first += data
        if self._first.startswith(_PREFACE):
            self._open(True)
        elif not _PREFACE.startswith(self._first):
            self._open(False)

    def eof_received(self) -> bool:
        """Close: nothing was asked."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave()

    def finish(self) -> None:
        """Close: nothing is owed."""
        self.abort()

    def abort(self) -> None:
        """Close."""
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
            from emulator.http.http2 import Http2  # loads `h2`, which takes a tenth of a second

            protocol = Http2(self._service, self._rules, self._connections)
        else:
            protocol = Http1(self._service, self._rules, self._connections)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._leave()
        if self._first:
            protocol.data_received(self._first)
