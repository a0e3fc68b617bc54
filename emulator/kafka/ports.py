"""A free port on loopback, for the parts that a replay or a test starts."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port that no process listens on now; the kernel does not hand it out again at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
