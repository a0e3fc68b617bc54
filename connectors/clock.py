"""The time of this machine, for edges: pure modules are given it."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the time, epoch milliseconds."""
    return time.time_ns() // 1_000_000
