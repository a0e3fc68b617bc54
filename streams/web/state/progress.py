"""The progress of all connectors as the page knows it: the watermark, and the slots that hold it.

The input is what connectors commit to `positions` (`connectors/progress.py`). Event times compare with event
times: a source is behind by the newest known `start` minus the `start` up to which it is complete. Only "no
connector" uses the page's clock, and only for display.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.progress import (
    BEHIND,
    ENDED,
    NONE,
    UNREAD,
    SlotProgress,
    SourceProgress,
    decode_progress,
)
from streams.web.state.history import ForeignMessage

REPORT_AGE_MAX_S = 4.0
"""Reports come about once a second. A slot that misses four has no connector; this leaves a second of the
five within which the page names the slot."""

HELD_S = 120
"""A source that is less far behind is not shown: one read of a shard is that old in ordinary operation."""

_STATES = (UNREAD, BEHIND, ENDED)


@dataclass(frozen=True, slots=True)
class Held:
    """One slot that holds the watermark, the event time at which it holds it (`NONE`: unread), and why."""

    slot: int
    complete_to: int
    text: str


@dataclass(slots=True)
class Progress:
    """The newest progress of each slot. `count` is the number of slots; 0 before it is known."""

    count: int = 0
    slots: dict[int, SlotProgress] = field(default_factory=dict)

    def take(self, slot: int, value: bytes) -> None:
        """Keep a slot's progress. Raises `ForeignMessage`, also for a newer format, and changes nothing."""
        try:
            found = decode_progress(value)
            numbers = (found.hold, found.newest, found.caught_up, found.reported_ms)
            states = [
                one.state for one in found.sources if one.state in _STATES and isinstance(one.source, str)
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ForeignMessage(f"not the progress of a slot: {error!r}") from error
        if not all(type(number) is int for number in numbers) or len(states) < len(found.sources):
            raise ForeignMessage("not the progress of a slot: a field has a foreign type")
        self.slots[slot] = found

    @property
    def newest(self) -> int:
        """The newest `start` that any slot has committed; `NONE` if there is none."""
        return max((one.newest for one in self.slots.values()), default=NONE)

    @property
    def complete_to(self) -> int:
        """The watermark of all sources; `NONE` while a slot has not reported or a source is unread."""
        if not 0 < self.count <= len(self.slots):
            return NONE
        return min(one.hold for one in self.slots.values())

    def hold_s(self, slot: int) -> float:
        """Return by how many seconds of event time a slot holds the watermark; infinity if it is unread."""
        found = self.slots.get(slot)
        if found is None or (found.hold == NONE and self.newest != NONE):
            return math.inf
        return float(max(self.newest - found.hold, 0))

    def report_age_s(self, slot: int, now: float) -> float:
        """Return the age of a slot's newest report at `now`; infinity if there is none."""
        found = self.slots.get(slot)
        return math.inf if found is None else max(now - found.reported_ms / 1000, 0.0)

    def held(self, now: float) -> list[Held]:
        """Return every slot that holds the watermark or has no connector, the worst first."""
        found = [held for slot in range(self.count) for held in self._held(slot, now)]
        return sorted(found, key=lambda one: (one.complete_to, one.slot))

    def _held(self, slot: int, now: float) -> Iterator[Held]:
        found = self.slots.get(slot)
        if found is None:
            yield Held(slot, NONE, f"slot {slot}: no connector yet")
        elif (age_s := self.report_age_s(slot, now)) > REPORT_AGE_MAX_S:
            yield Held(slot, found.hold, f"slot {slot}: no connector for {span(age_s)}")
        elif (holder := found.holder) is not None and self.hold_s(slot) >= HELD_S:
            others = len(found.sources) - 1
            more = f", and {others} more {'source' if others == 1 else 'sources'}" if others else ""
            yield Held(slot, found.hold, f"slot {slot}: {holder.source} {self._state(holder)}{more}")

    def _state(self, source: SourceProgress) -> str:
        if source.complete_to == NONE:
            return "is not read yet" if source.state == UNREAD else "has no line yet whose time is readable"
        behind = f"{span(self.newest - source.complete_to)} behind"
        return f"has ended {behind}, its child shards have not begun" if source.state == ENDED else behind


def span(seconds: float) -> str:
    """Return a duration in its largest unit, rounded down: `42 s`, `4 min`, `2 h`, `3 d`."""
    whole = max(int(seconds), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
