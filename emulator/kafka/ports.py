"""Ports of 127.0.0.1: a free one, and the check that a chosen one is free."""

from __future__ import annotations

import errno
import socket

from emulator.kafka.errors import PortInUse


def free_port() -> int:
    """Return a port on which no process listens; the kernel does not hand it out again at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether a server can listen on a port. Raises `PortInUse` if this user may not."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise PortInUse(
            f"Kafka cannot listen on port {port} of 127.0.0.1 ({error.strerror}): choose another port"
        ) from None
    return True


def require_free(port: int) -> None:
    """Raise `PortInUse` unless a server can listen on the port."""
    if not is_free(port):
        raise PortInUse(
            f"port {port} of 127.0.0.1 is in use, maybe by another Kafka: stop the program that listens"
            " there, or choose another port (0 for any free one)"
        )
