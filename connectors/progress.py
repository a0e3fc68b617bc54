"""Source progress: the event time up to which each source is read, and the resulting watermark. Pure.

A *source* is a shard, a bucket prefix, a queue, an export folder, or the Firehose endpoint. Event times are
epoch seconds of the field `start`; `NONE` means that none is known.

`complete_to` of a source is the event time up to which its lines are in committed blocks. A source that is
behind is complete to its newest `start`. A source that is caught up is complete to the newest `start` that
any slot had committed before the call that returned nothing: its later records are newer, apart from the
allowed lateness of windows. A source that was never read has no `complete_to`, so it stops the watermark. A
slot without sources is complete to the newest `start` that is known.

Each slot commits a `SlotProgress` with its blocks. Without blocks, it commits changed progress about once a
second, and unchanged progress every `QUIET_REPORT_S`. Every instance
follows the progress of all slots (`Group`). The watermark that a slot sends with its blocks is the minimum
over *all* slots, not only over its own sources. This order matters when a source moves to another slot: a
child shard's slot must not have promised more than the child's parents had (`tests/connectors/
test_progress.py` has the interleaving). A slot without a live connector keeps its last progress, so it
holds the watermark of every slot. The wall clock has no influence: `reported_ms` is for display, and for the
alignment of reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

NONE = -1
PROGRESS_KEY = b"progress"
"""State key of a slot in `positions`; the value is `SlotProgress.encode`. The partition is the slot."""

UNREAD, BEHIND, ENDED = "unread", "behind", "ended"
STALE_MS = 10_000
"""A slot that has reported nothing for so long has no live connector. Reports come every `QUIET_REPORT_S`."""

REPORT_S = 1.0
"""The pause between two different reports of a slot that has no lines to commit."""

QUIET_REPORT_S = 2.0
"""The pause between two equal reports. Each is a transaction, a message to `sum`, and a state to follow."""

UNREAD_WAIT_MS = 60_000
"""Reads wait so long for a source that was never read. Its event time is unknown, so one that fails for
longer must not stop all others."""


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """One source that is not caught up.

    `state` is `UNREAD`, `BEHIND`, or `ENDED`: a parent shard that is read to its end holds the watermark
    until each of its child shards has begun. `since_ms` is when its slot's owner began to expect it.
    """

    source: str
    state: str
    complete_to: int = NONE
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class SlotProgress:
    """The last committed progress of one slot.

    `sources` are those that are not caught up; `caught_up` counts the others, and `caught_up_to` is the
    minimum of their `complete_to`. A slot without any source has `caught_up` 0 and the newest known event
    time in `caught_up_to`. `newest` is the newest `start` that this slot has committed.
    """

    sources: tuple[SourceProgress, ...] = ()
    caught_up: int = 0
    caught_up_to: int = NONE
    newest: int = NONE
    reported_ms: int = 0

    @property
    def hold(self) -> int:
        """Return the event time up to which this slot is complete; `NONE` if a source was never read."""
        held = [one.complete_to for one in self.sources]
        if self.caught_up or not self.sources:
            held.append(self.caught_up_to)
        return min(held)

    @property
    def holder(self) -> SourceProgress | None:
        """Return the source with the lowest `complete_to`; None if all are caught up."""
        return min(self.sources, key=lambda one: one.complete_to, default=None)

    def encode(self) -> bytes:
        """Return the value kept on the `positions` topic."""
        return b"%b" % orjson.dumps(self)


def decode_progress(value: bytes) -> SlotProgress:
    """Decode the value of `PROGRESS_KEY`. Raises `ValueError`, `KeyError` or `TypeError` on foreign bytes."""
    found = orjson.loads(value)
    found["sources"] = tuple(SourceProgress(**one) for one in found["sources"])
    return SlotProgress(**found)


@dataclass(slots=True)
class Group:
    """The committed progress of all slots, as far as this process has seen it."""

    count: int
    slots: dict[int, SlotProgress] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """Return the newest `start` in the committed blocks of any slot."""
        return max((one.newest for one in self.slots.values()), default=NONE)

    def watermark(self, slot: int, progress: SlotProgress) -> int:
        """Return the watermark of a slot with its new progress.

        The result is `NONE` while any slot has never reported, or has a source that was never read.
        """
        known = {**self.slots, slot: progress}
        return min(one.hold for one in known.values()) if len(known) == self.count else NONE

    def is_caught_up(self, slot: int, progress: SlotProgress) -> bool:
        """Return whether every source of every slot is caught up."""
        known = {**self.slots, slot: progress}
        return len(known) == self.count and not any(one.sources for one in known.values())

    def slowest(self, now_ms: int) -> int | None:
        """Return the event time of the slowest source that is being read, for the alignment of reads.

        Sources that are caught up and slots without a live connector do not count, since reads must not wait
        for them. None means that there is nothing to wait for.
        """
        live = [one for one in self.slots.values() if now_ms - one.reported_ms < STALE_MS]
        waited = [s.complete_to for one in live for s in one.sources if _is_waited_for(s, now_ms)]
        return min(waited, default=None)


def _is_waited_for(source: SourceProgress, now_ms: int) -> bool:
    if source.state == UNREAD:
        return now_ms - source.since_ms < UNREAD_WAIT_MS
    # A source that was read and has no valid event time cannot be compared.
    return source.state == BEHIND and source.complete_to != NONE
