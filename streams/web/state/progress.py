"""The progress of all connectors: the watermark, and the slots that hold it. Pure.

The input are the messages that connectors commit to `positions` (`connectors/progress.py`). The lag of a
source is in event time: the newest known `start` minus the `start` up to which the source is complete. Only
the message "no connector" depends on the clock, and only for display.
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
"""Age of a report after which the slot has no connector; a slot reports at least every two seconds. The page
names such a slot within five seconds."""

HELD_S = 120
"""Lag above which a source is shown, in seconds; in normal operation one read of a shard is that old."""

_STATES = (UNREAD, BEHIND, ENDED)


@dataclass(frozen=True, slots=True)
class Held:
    """A slot that holds the watermark, the event time of the hold (`NONE`: unread), and the cause as text."""

    slot: int
    complete_to: int
    text: str


@dataclass(slots=True)
class SlotsProgress:
    """The newest progress of each slot. `count` is the number of slots, 0 if unknown."""

    count: int = 0
    slots: dict[int, SlotProgress] = field(default_factory=dict)

    def take(self, slot: int, value: bytes) -> None:
        """Store the progress of a slot. Raises `ForeignMessage`, also for a newer format."""
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
        """The newest committed `start` of all slots; `NONE` if there is none."""
        return max((one.newest for one in self.slots.values()), default=NONE)

    @property
    def complete_to(self) -> int:
        """The watermark of all sources; `NONE` while a slot has no report or a source is unread."""
        if not 0 < self.count <= len(self.slots):
            return NONE
        return min(one.hold for one in self.slots.values())

    def hold_s(self, slot: int) -> float:
        """Return the event time between the watermark of a slot and the newest line, in seconds.

        The result is infinity if the slot is unread.
        """
        found = self.slots.get(slot)
        if found is None or (found.hold == NONE and self.newest != NONE):
            return math.inf
        return float(max(self.newest - found.hold, 0))

    def report_age_s(self, slot: int, now: float) -> float:
        """Return the age of the newest report of a slot in seconds; infinity if there is none."""
        found = self.slots.get(slot)
        return math.inf if found is None else max(now - found.reported_ms / 1000, 0.0)

    def held(self, now: float) -> list[Held]:
        """Return every slot that holds the watermark or has no connector, the lowest event time first."""
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
            return "is not read yet" if source.state == UNREAD else "has no line with a valid time yet"
        behind = f"{span(self.newest - source.complete_to)} behind"
        return f"has ended {behind}, its child shards have not begun" if source.state == ENDED else behind


def span(seconds: float) -> str:
    """Return a duration in its largest unit, rounded down: `42 s`, `4 min`, `2 h`, `3 d`."""
    whole = max(int(seconds), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
