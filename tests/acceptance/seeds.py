"""What fault tests share: several seeds by hand, a line for each; and nobody left paused."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol


class Outcome(Protocol):
    """What one seed came to."""

    @property
    def is_exact(self) -> bool: ...

    @property
    def text(self) -> str: ...


def run_seeds(seeds: str, run: Callable[[int], Coroutine[Any, Any, Outcome]]) -> None:
    """Run one seed, or a range such as `1-10`; exit with the number that was not exact."""
    first, _, last = seeds.partition("-")
    wrong = 0
    for seed in range(int(first), int(last or first) + 1):
        outcome = asyncio.run(run(seed))
        wrong += not outcome.is_exact
        print(f"seed {seed}: {'exact' if outcome.is_exact else 'NOT EXACT'}, {outcome.text}", flush=True)
    sys.exit(wrong)


def resume_all(paused: dict[int, tuple[int, float]]) -> None:
    """Let every paused process (its id, and until when it was to be) go on."""
    for pid, _ in paused.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    paused.clear()
