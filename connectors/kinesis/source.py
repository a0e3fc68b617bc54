"""One stream that is read: what its readers share, and its last listing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from connectors.aws.calls import Caller
from connectors.aws.group_formats import GroupFormats
from connectors.clock import now_ms
from connectors.kinesis.client import StreamReader
from connectors.kinesis.get_records import RecordsCall
from connectors.kinesis.memory_budget import MemoryBudget
from connectors.kinesis.positions import Position, Shard, Stream
from connectors.kinesis.transaction import Naming
from connectors.progress import Group

ALIGN_LOOK_S = 0.1  # between two looks at the slowest source, while a shard waits for it


@dataclass(slots=True)
class Source:
    """One stream, shared by its readers. `consumer` is the ARN of the fan-out consumer, empty to poll.

    `stream` is the latest description: the retention may change.
    """

    stream: Stream
    reader: StreamReader
    naming: Naming
    caller: Caller
    records: RecordsCall
    formats: GroupFormats
    budget: MemoryBudget
    group: Group
    align_s: int
    is_limited: bool = True
    consumer: str = ""
    _slowest: int | None = None
    _looked_at: float = float("-inf")

    async def aligned(self, newest: int) -> None:
        """Wait while a shard that has read up to event time `newest` is too far ahead of the slowest."""
        while self._is_ahead(newest):  # noqa: ASYNC110 - others' progress comes from Kafka, without an event
            await asyncio.sleep(ALIGN_LOOK_S)

    def _is_ahead(self, newest: int) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= ALIGN_LOOK_S:  # One look for all shards: it reads all progress.
            self._slowest, self._looked_at = self.group.slowest(now_ms()), now
        return self._slowest is not None and newest > self._slowest + self.align_s


@dataclass(slots=True)
class KnownStream:
    """A stream that is read, and its shards in the last listing.

    `missing` has the positions of shards that were known before the last two listings and are in neither.
    """

    source: Source
    shards: list[Shard]
    missing: dict[str, Position] = field(default_factory=dict)
    missed_once: dict[str, Position] = field(default_factory=dict)

    def listed(self, shards: list[Shard], missing: dict[str, Position]) -> None:
        """Record a listing. One listing proves no loss: another process may know a newer shard."""
        self.missing = {shard_id: p for shard_id, p in missing.items() if shard_id in self.missed_once}
        self.shards, self.missed_once = shards, missing
