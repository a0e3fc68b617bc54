"""The offsets of the consumer group, for lag tools only; the slots have the positions of the hops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faust.types import TP

from streams.worker.gaps import Assigned
from streams.worker.hops import Hop


class GroupOffsets:
    """The last committed offset of each partition; an offset that has not moved is not committed again."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._committed: dict[TP, int] = {}

    async def commit(self, consumer: Any, assigned: set[Assigned], hops: Mapping[Assigned, Hop]) -> None:
        """Commit the offsets of the assigned partitions that have moved. An error is logged, not raised."""
        offsets = {
            TP(self._prefix + topic, partition): hop.next_offset
            for (topic, partition), hop in hops.items()
            if (topic, partition) in assigned and hop.next_offset > 0
        }
        moved = {tp: offset for tp, offset in offsets.items() if self._committed.get(tp) != offset}
        if moved and await consumer._commit(moved):
            self._committed |= moved
