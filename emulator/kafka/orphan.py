"""Ends a child when its parent dies, however it dies. Linux only; elsewhere a killed parent leaves its child.

prctl(2), PR_SET_PDEATHSIG: the kernel signals the child when the *thread* that started it ends, so start it
from a thread that lives as long as the process; asyncio's loop in the main thread does. The signal is
SIGKILL, because a JVM asked politely may still hold its data folder when the next one wants it; Kafka
recovers from it.
Rejected: a watching shell or a wrapper process, one more thing to be killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Looked up before any fork: between fork and exec a child may not import, nor take a lock.
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def dying_with_parent() -> Callable[[], None] | None:
    """Return what the child shall call before exec (`preexec_fn`), or None where there is no such guard."""
    parent = os.getpid()

    def guard() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It died before the kernel was asked.
            os._exit(1)

    return guard if _PRCTL is not None else None
