"""The progress of one slot's sources, from what its readers commit. Pure.

The owner of a slot names the sources that are not read to their end (`expect`). Each committed read moves one
of them (`read`). `report` returns what the next transaction writes. `restored` takes the
progress of an earlier owner: a source continues from its last report, as `BEHIND`, because only a read shows
that it is caught up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.kinesis.positions import (
    Shard,
    Stream,
    decode_position,
    shard_key,
    slot_of_shard,
    startable,
    waiting_parents,
    without_children,
)
from connectors.kinesis.transaction import source_name
from connectors.progress import (
    BEHIND,
    ENDED,
    NONE,
    UNREAD,
    SlotProgress,
    SourceProgress,
)

CAUGHT_UP = "caught up"


@dataclass(frozen=True, slots=True)
class Expected:
    """A source that is not read to its end, or a parent shard that holds until its children have begun.

    `newest` is the newest `start` of its committed lines. `is_read`: its position was committed before.
    """

    source: str
    newest: int = NONE
    is_read: bool = False
    is_ended: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedShards:
    """The shards of a stream that hold the watermark, by slot.

    `has_waiting`: a shard has ended and no child of it has begun. `has_unlisted`: no child of such a shard is
    listed.
    """

    by_slot: dict[int, list[Expected]]
    has_waiting: bool
    has_unlisted: bool


def expected_shards(
    stream: Stream,
    shards: Sequence[Shard],
    positions: Mapping[bytes, bytes],
    owned: frozenset[int],
    slots: int,
) -> ExpectedShards:
    """Return the shards of the owned slots that hold the watermark, by the last listing and all positions."""
    waiting = waiting_parents(shards, positions, stream.key, owned, slots)
    unfinished = [one.shard_id for one in startable(shards, positions, stream.key, owned, slots)]
    by_slot: dict[int, list[Expected]] = {}
    for shard_id in [*unfinished, *waiting]:
        value = positions.get(shard_key(stream.key, shard_id))
        expected = Expected(
            source_name(stream.name, shard_id),
            decode_position(value).newest if value else NONE,
            is_read=value is not None,
            is_ended=shard_id in waiting,
        )
        by_slot.setdefault(slot_of_shard(stream.key, shard_id, slots), []).append(expected)
    return ExpectedShards(by_slot, bool(waiting), bool(without_children(shards, waiting)))


@dataclass(slots=True)
class _Source:
    state: str
    complete_to: int = NONE
    since_ms: int = 0


@dataclass(slots=True)
class ProgressTracker:
    """The sources of one slot; `newest` is the newest `start` that the slot has committed."""

    newest: int = NONE
    _sources: dict[str, _Source] = field(default_factory=dict)
    _before: SlotProgress | None = None

    @classmethod
    def restored(cls, committed: SlotProgress | None) -> ProgressTracker:
        """Return the tracker of a slot whose earlier owner reported `committed`; None if none ever did."""
        return cls(committed.newest if committed else NONE, {}, committed)

    def expect(self, one: Expected, now_ms: int = 0) -> None:
        """Add a source; a known one keeps its state."""
        if one.source not in self._sources:
            state = ENDED if one.is_ended else BEHIND if one.is_read else UNREAD
            complete_to = max(one.newest, self._complete_before(one.source)) if one.is_read else NONE
            self._sources[one.source] = _Source(state, complete_to, now_ms)

    def keep(self, sources: Collection[str]) -> None:
        """Forget every source that is not in `sources`."""
        for gone in [name for name in self._sources if name not in sources]:
            del self._sources[gone]

    def read(self, source: str, newest: int, *, is_caught_up: bool, known: int = NONE) -> None:
        """Record a committed read of a source.

        `newest` is the newest `start` in it. If the source had no more records, `known` is the newest
        `start` that any slot had committed before the call.
        """
        one = self._sources.setdefault(source, _Source(UNREAD))
        self.newest = max(self.newest, newest)
        one.complete_to = max(one.complete_to, newest, known if is_caught_up else NONE)
        # A source without a valid event time is read, but its `complete_to` is unknown.
        one.state = CAUGHT_UP if is_caught_up else BEHIND

    def end(self, source: str) -> None:
        """Record the end of a source. It holds the watermark until `keep` removes it."""
        if source in self._sources:
            self._sources[source].state = ENDED

    def report(self, known: int, now_ms: int) -> SlotProgress:
        """Return the progress to commit. `known` is the newest `start` that any slot has committed."""
        caught_up = [one.complete_to for one in self._sources.values() if one.state == CAUGHT_UP]
        return SlotProgress(
            sources=tuple(
                SourceProgress(name, one.state, one.complete_to, one.since_ms)
                for name, one in self._sources.items()
                if one.state != CAUGHT_UP
            ),
            caught_up=len(caught_up),
            caught_up_to=min(caught_up, default=known),
            newest=self.newest,
            reported_ms=now_ms,
        )

    def _complete_before(self, source: str) -> int:
        """Return the `complete_to` of a source in the last report of an earlier owner."""
        before = self._before
        if before is None:
            return NONE
        return next((one.complete_to for one in before.sources if one.source == source), before.caught_up_to)
