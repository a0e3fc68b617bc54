"""A guard that ends a child process when its parent dies. Linux only; elsewhere the child keeps running.

prctl(2), PR_SET_PDEATHSIG: the kernel signals the child when the *thread* that started it ends. That thread
must therefore live as long as the process, as the main thread with asyncio's loop does. The signal is
SIGKILL, because after SIGTERM a JVM may hold its data folder for seconds, when the next one needs it. Kafka
recovers.
Rejected: a shell or a wrapper process that watches the parent, because it can be killed, too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Looked up before any fork: between fork and exec, a child must not import a module or take a lock.
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def dying_with_parent() -> Callable[[], None] | None:
    """Return the function for `preexec_fn` of the child; None on other systems."""
    parent = os.getpid()

    def guard() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It died before the call of prctl.
            os._exit(1)

    return guard if _PRCTL is not None else None
