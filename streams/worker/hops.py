"""The law of the hop: how the reader of a numbered log opens, reads and flushes.

A `Hop` is one partition of one hop: its slot, its place in its input, and what it has read and not yet
flushed. It never commits what it did not read in order (`numbering.py`). The sums and the windows are left to
`agents/` and the pure modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.kafka.slots import Slot
from connectors.settings import Work
from streams.numbering import Input, Rewind

FLUSH_S = 0.15
FLUSH_MAX_S = 1.5
SHARE = 4
BEHIND_S = 2.0  # older than that when flushed: no longer fresh, so throughput comes first
FLUSH_BEHIND_S = 1.0


PLACE_S = 30.0
"""A place that moved by messages without content is committed this often: retention must not pass it."""


@dataclass(slots=True)
class Pace:
    """When a hop may flush: often when flushes are short, more seldom when they are long.

    A flush has costs that do not grow with what it holds, so a hop that is behind should hold more. The
    pause is `SHARE` times the last flush, at least `FLUSH_S` (`FLUSH_BEHIND_S` when even the newest that it
    held had arrived more than `BEHIND_S` ago) and at most `FLUSH_MAX_S`. Not the oldest: that one has waited
    for the pause, and so a hop that was behind once would stay so for ever.
    """

    next_at: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether the pause is over."""
        return now >= self.next_at

    def flushed(self, began: float, ended: float, newest_ms: int = 0) -> None:
        """Note a flush, to set the pause after it; `newest_ms` is its newest arrival, 0 if unknown."""
        is_behind = newest_ms and began - newest_ms / 1000 > BEHIND_S
        least = FLUSH_BEHIND_S if is_behind else FLUSH_S
        self.next_at = ended + min(max((ended - began) * SHARE, least), FLUSH_MAX_S)


class Hop(Protocol):
    """One partition of a hop, as the app drives it. All times are `time.time()`, passed in."""

    input: str
    slot: Slot

    @property
    def place(self) -> int:
        """The offset to read next."""

    async def open(self, now: float) -> None:
        """Fence the previous owner and load the state."""

    def offer(self, message: Input, now: float) -> Rewind | None:
        """Apply, skip, or ask to read again."""

    def step_over(self, message: Input) -> int | None:
        """Accept that the messages before this one are lost.

        Return how many lines, flows or rows they held; None where the producer's format does not tell.
        """

    def is_due(self, now: float) -> bool:
        """Whether `flush` should be called."""

    @property
    def is_large(self) -> bool:
        """Whether the next flush takes so much memory that it should run alone."""

    async def flush(self, now: float) -> None:
        """Commit outputs, state and place in one transaction."""


def make_slot(settings: Work, hop: str, partition: int) -> Slot:
    """Return the slot of a hop's partition, under the id that fences its previous owner."""
    prefix = settings.prefix
    return Slot(
        settings.kafka,
        f"{prefix}{hop}-state",
        partition,
        f"{prefix}{hop}-{partition}",
        contract={"VPCFLOW_WINDOW_S": settings.window_s, "VPCFLOW_SLOTS": settings.slots},
    )
