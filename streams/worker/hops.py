"""The interface of a hop: how the worker opens, feeds and flushes the reader of a numbered log.

A `Hop` is one partition of one hop: its slot, its read position, and the input that is not flushed yet. It
commits only what it read in order (`numbering.py`). The modules `sum`, `merge` and `detect` implement it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import Slot
from connectors.settings import Work
from streams.numbering import Input, Rewind
from streams.worker import metrics

log = structlog.get_logger()

CLOSE_S = 5.0
FLUSH_S = 0.15
FLUSH_MAX_S = 1.5
SHARE = 4  # pause after a flush, in durations of that flush
BEHIND_S = 2.0  # if the newest line is older when it is flushed, throughput has priority over delay
FLUSH_BEHIND_S = 1.0
POSITION_S = 30.0
"""Interval to commit a position that moved by messages without content: retention must not pass it."""


@dataclass(slots=True)
class Pace:
    """The pause between the flushes of a hop: short after short flushes, longer after long ones.

    A flush has fixed costs, so a hop that is behind flushes more at once. The pause is `SHARE` times the
    duration of the last flush, at least `FLUSH_S` and at most `FLUSH_MAX_S`. If the newest flushed line
    arrived more than `BEHIND_S` ago, the minimum is `FLUSH_BEHIND_S`. The oldest line does not count: it has
    waited for the pause, so a hop that was behind once would remain behind.
    """

    next_at: float = 0.0

    def allows(self, now: float) -> bool:
        """Return True if the pause is over."""
        return now >= self.next_at

    def flushed(self, began: float, ended: float, newest_ms: int = 0) -> None:
        """Set the pause after a flush; `newest_ms` is its newest arrival (epoch ms), 0 if unknown."""
        is_behind = newest_ms and began - newest_ms / 1000 > BEHIND_S
        least = FLUSH_BEHIND_S if is_behind else FLUSH_S
        self.next_at = ended + min(max((ended - began) * SHARE, least), FLUSH_MAX_S)


class Hop(Protocol):
    """One partition of a hop. Each `now` is `time.time()`, passed in by the worker."""

    input: str
    slot: Slot

    @property
    def next_offset(self) -> int:
        """The offset to read next."""

    async def open(self, now: float) -> None:
        """Fence the previous owner and load the state."""

    def offer(self, message: Input, now: float) -> Rewind | None:
        """Apply or skip a message; at a gap, return the offset to read again from."""

    def skip_gap(self, message: Input) -> int | None:
        """Skip the lost messages before this one.

        Return the number of lines, flows or rows in them; None if the format of the producer has no totals.
        """

    def is_due(self, now: float) -> bool:
        """Return True if the worker should call `flush`."""

    @property
    def is_large(self) -> bool:
        """True if the next flush needs so much memory that it must run alone."""

    async def flush(self, now: float) -> None:
        """Commit outputs, state and position in one transaction."""


async def flush(hop: Hop, now: float) -> None:
    """Flush a hop, and count it."""
    await hop.flush(now)
    metrics.FLUSHES.labels(hop.input).inc()


async def close_all(hops: Iterable[Hop]) -> None:
    """Close slots concurrently: each waits for its producer, for seconds if Kafka does not answer."""
    closing = (asyncio.wait_for(hop.slot.close(), CLOSE_S) for hop in hops)
    for ended in await asyncio.gather(*closing, return_exceptions=True):
        if isinstance(ended, Exception):
            log.warning("slot did not close", error=repr(ended))  # The next owner fences it.


def make_slot(settings: Work, hop: str, partition: int) -> Slot:
    """Return the slot of a partition of a hop; its transactional id fences the previous owner."""
    prefix = settings.prefix
    return Slot(
        KafkaConnection.of(settings),
        f"{prefix}{hop}-state",
        partition,
        f"{prefix}{hop}-{partition}",
        contract={"VPCFLOW_WINDOW_S": settings.window_s, "VPCFLOW_SLOTS": settings.slots},
    )
