"""The law of the hop, said once: what a numbered log's reader does on opening, reading and flushing.

A `Hop` is one partition of one hop: its slot, its place in its input, and what it has read and not yet
flushed. It never commits what it did not read in order: a number seen before is skipped, a jump is answered
with the offset to read again from (design.md 2). What the sums and windows are is left to `agents.py` and
the pure modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.messages import Message
from connectors.settings import Work
from connectors.slots import Slot

FLUSH_S = 0.15
FLUSH_MAX_S = 1.5
SHARE = 4
BEHIND_S = 2.0  # older than that when flushed: nobody sees it fresh any more, so throughput comes first
FLUSH_BEHIND_S = 1.0


@dataclass(frozen=True, slots=True)
class Input:
    """One message of a hop's input topic."""

    offset: int
    headers: Mapping[str, bytes]
    value: bytes

    def number(self, name: str = "number") -> int:
        """Return a numeric header."""
        return int(self.headers[name])


@dataclass(frozen=True, slots=True)
class Rewind:
    """A jump in the numbers: read again from `offset`; `missing` messages are between."""

    offset: int
    missing: int


@dataclass(slots=True)
class Sequence:
    """The last number applied of one producer, and its offset: the number check of the law."""

    number: int = -1
    offset: int = -1

    def check(self, number: int) -> bool | Rewind:
        """Return True for the next number, False for one seen before, `Rewind` for a jump."""
        if number <= self.number:
            return False
        if number > self.number + 1:
            return Rewind(self.offset + 1, number - self.number - 1)
        return True

    def took(self, number: int, offset: int) -> None:
        """Note that a number was applied."""
        self.number, self.offset = number, offset


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

    def step_over(self, message: Input) -> None:
        """Accept that the messages before this one are lost: the app has counted them."""

    def is_due(self, now: float) -> bool:
        """Whether `flush` should be called."""

    async def flush(self, now: float) -> None:
        """Commit outputs, state and place in one transaction."""


def make_slot(settings: Work, hop: str, partition: int) -> Slot:
    """Return the slot of a hop's partition, under the id that fences its previous owner."""
    prefix = settings.prefix
    return Slot(settings.kafka, f"{prefix}{hop}-state", partition, f"{prefix}{hop}-{partition}")


def numbered(topic: str, partition: int, number: int, value: bytes, **headers: bytes) -> Message:
    """Return an output message with its number."""
    named = (("number", b"%d" % number), *headers.items())
    return Message(topic, partition, None, value, named)
