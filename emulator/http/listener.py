"""A listening port for HTTP/1.1 and HTTP/2, with TLS on the same port if there is a certificate.

With TLS, this module accepts connections itself and peeks at the first byte: 0x16 starts a TLS handshake and
no HTTP request. Without TLS, asyncio's server accepts connections.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass, field

from emulator.http.connections import Connections
from emulator.http.limits import HttpLimits
from emulator.http.messages import Service
from emulator.http.protocol_detector import ProtocolDetector
from emulator.log import log

BACKLOG = 1024
SHUTDOWN_S = 2.0  # The time for requests in progress when the server stops.
_TLS_HANDSHAKE = b"\x16"
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_WAIT_FOR_FILES_S = 0.2


@dataclass(slots=True)
class HttpListener:
    """An open port."""

    port: int
    connections: Connections
    _server: asyncio.Server
    _accepting: list[asyncio.Task[None]] = field(default_factory=list)

    async def close(self) -> None:
        """Stop accepting, and end the open connections."""
        self._server.close()
        for task in self._accepting:
            task.cancel()
        if self._accepting:
            await asyncio.wait(self._accepting)
        await self.connections.end(SHUTDOWN_S)
        await self._server.wait_closed()


async def listen(
    service: Service,
    host: str,
    port: int,
    *,
    limits: HttpLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> HttpListener:
    """Listen on a port (0: any free port). Raises `OSError`."""
    loop = asyncio.get_running_loop()
    connections, used_limits = Connections(), limits or HttpLimits()

    def detector() -> ProtocolDetector:
        return ProtocolDetector(service, used_limits, connections)

    server = await loop.create_server(detector, host, port, backlog=BACKLOG, start_serving=tls is None)
    bound = int(server.sockets[0].getsockname()[1])
    listener = HttpListener(bound, connections, server)
    if tls is not None:
        for shared in server.sockets:
            own = shared.dup()
            own.listen(BACKLOG)
            own.setblocking(False)
            accepting = _TlsAcceptor(own, detector, tls, used_limits)
            listener._accepting.append(loop.create_task(accepting.run()))
    return listener


class _TlsAcceptor:
    """The acceptor of one socket, with TLS for connections that start with a TLS handshake."""

    def __init__(
        self,
        sock: socket.socket,
        detector: type[ProtocolDetector] | object,
        tls: ssl.SSLContext,
        limits: HttpLimits,
    ):
        self._sock, self._detector, self._tls, self._limits = sock, detector, tls, limits
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(self._sock)
                except OSError as error:
                    if error.errno not in _OUT_OF_FILES:
                        continue  # The client disconnected before it was accepted.
                    log.warning("no connection can be accepted", reason=str(error))
                    await asyncio.sleep(_WAIT_FOR_FILES_S)
                    continue
                task = loop.create_task(self._open(connection))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
        finally:
            self._sock.close()
            for task in tuple(self._opening):
                task.cancel()

    async def _open(self, connection: socket.socket) -> None:
        """Peek at a connection's first byte, and create its protocol with or without TLS."""
        loop = asyncio.get_running_loop()
        taken = False
        try:
            connection.setblocking(False)
            async with asyncio.timeout(self._limits.head_s):
                first = await _peek(connection)
            if first:
                tls = self._tls if first == _TLS_HANDSHAKE else None
                limit_s = self._limits.head_s if tls is not None else None
                taken = True
                await loop.connect_accepted_socket(
                    self._detector,  # type: ignore[arg-type]
                    connection,
                    ssl=tls,
                    ssl_handshake_timeout=limit_s,
                )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            log.debug("connection ended before a request", reason=repr(error))
        finally:
            if not taken:
                connection.close()


async def _peek(connection: socket.socket) -> bytes:
    """Return the first byte without consuming it, or empty bytes if the client closes first."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(connection, _settle, readable)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
