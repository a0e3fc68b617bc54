"""The shards of one slot that this process owns: a reader for each, and the committer of all.

Many shards share one transaction. If Kafka is slow, the committer's queue is full and the readers wait.
Before a slot is closed, it commits the batches that its readers have put into the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors import metrics
from connectors.clock import now_ms
from connectors.commit.committer import Committer
from connectors.commit.content import Content
from connectors.commit.source_health import SourceHealth
from connectors.kafka.slots import Slot
from connectors.kinesis.memory_budget import MemoryBudget
from connectors.kinesis.positions import Position, decode_position, shard_key
from connectors.kinesis.progress import Expected, ProgressTracker
from connectors.kinesis.shard_reader import ShardReader
from connectors.kinesis.source import Source
from connectors.kinesis.transaction import ShardBatch, content_of
from connectors.progress import Group, SlotProgress

QUEUED_BATCHES = 64  # many small answers share a transaction; `MemoryBudget` bounds the large ones
DRAIN_S = 5.0
LINGER_S = 0.2  # between two transactions: each costs 2 to 5 ms whatever its size, and there are eight slots
PUSHED_LINGER_S = 0.04  # with enhanced fan-out, whose purpose is a low latency


@dataclass(frozen=True, slots=True)
class SlotContext:
    """The state that all slots of a process share."""

    prefix: str
    budget: MemoryBudget
    group: Group
    linger_s: float = LINGER_S


class ShardSlot:
    """The readers and the committer of one slot. If one of its `tasks` fails, the process ends."""

    def __init__(self, slot: Slot, context: SlotContext) -> None:
        self.slot = slot
        self._context = context
        self._tracker = ProgressTracker.restored(context.group.slots.get(slot.partition))
        self._is_tracking = self._is_closing = False
        self._readers: dict[bytes, asyncio.Task[None]] = {}
        self._keys: dict[str, bytes] = {}
        self._health = SourceHealth("kinesis")
        self._committer = Committer[ShardBatch](
            slot,
            context.prefix,
            context.group,
            self,
            queue_max=QUEUED_BATCHES,
            linger_s=context.linger_s,
        )
        self._committing = self._committer.start()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of this slot."""
        return [self._committing, *self._readers.values()]

    def track(self, expected: Iterable[Expected]) -> None:
        """Hold the watermark for these shards and for those that are being read. Report from now on."""
        wanted = list(expected)
        for one in wanted:
            self._tracker.expect(one, now_ms())
        reading = {name for name, key in self._keys.items() if not self._readers[key].done()}
        self._tracker.keep({one.source for one in wanted} | reading)
        self._is_tracking = True

    def is_reading(self, stream: str, shard_id: str) -> bool:
        """Return whether a shard is being read; `stream` is `Stream.key`."""
        reader = self._readers.get(shard_key(stream, shard_id))
        return reader is not None and not reader.done()

    def start(self, source: Source, shard_id: str, first: Position) -> None:
        """Start the reader of a shard, unless it runs. `first` is the position of a shard never read before.

        A slot that does not report yet starts no reader: a position without progress would release the
        parents of the shard before the slot holds the watermark for the shard itself.
        """
        key = shard_key(source.stream.key, shard_id)
        if self._is_closing or not self._is_tracking or not self._may_start(key):
            return
        value = self.slot.state.get(key)
        position = decode_position(value) if value else first
        if position.is_ended:
            return
        reader = ShardReader(source, shard_id, position, self.put)
        self._readers[key] = asyncio.ensure_future(reader.run())
        self._keys[reader.name] = key
        # Before its first commit, so that every report of this slot has it once it is in `positions`.
        self._tracker.expect(Expected(reader.name, position.newest, is_read=value is not None), now_ms())

    def _may_start(self, key: bytes) -> bool:
        """Return whether a shard has no reader, or one that stopped early and whose batches are committed.

        A reader stops early if Kinesis answers that its shard does not exist. A shard that is still listed
        holds the watermark, so it is read again.
        """
        reader = self._readers.get(key)
        if reader is None:
            return True
        has_stopped = reader.done() and not reader.cancelled() and reader.exception() is None
        return has_stopped and not self._committer.uncommitted

    async def put(self, batch: ShardBatch) -> None:
        """Queue a batch; wait while the queue is full. If the slot is being closed, drop it."""
        if self._is_closing:
            return
        self._context.budget.take(batch.held)
        try:
            await self._committer.put(batch, batch.held)
        except asyncio.CancelledError:
            await self._context.budget.give(batch.held)
            raise

    async def leave(self, stream: str) -> None:
        """Stop the readers of a stream that was deleted or recreated; `stream` is `Stream.key`."""
        head = shard_key(stream, "")
        readers = [reader for key, reader in self._readers.items() if key.startswith(head)]
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    async def content(self, batches: Sequence[ShardBatch]) -> Content:
        """Move the progress of the shards, and return what the batches write."""
        for batch in batches:
            if batch.records or batch.is_caught_up:
                self._tracker.read(
                    batch.source, batch.newest, is_caught_up=batch.is_caught_up, known=batch.known
                )
            if batch.position.is_ended:
                self._tracker.end(batch.source)
        content = content_of(batches)
        for batch in batches:
            if batch.chunks:
                last = batch.chunks[-1]
                content.health += self._health.arrived(
                    batch.source, last.text, last.origin.line_format, last.arrival_ms
                )
        return content

    def progress(self) -> SlotProgress | None:
        """Return the progress of the shards; None before the first `track`."""
        return self._tracker.report(self._context.group.newest, now_ms()) if self._is_tracking else None

    async def committed(self, batches: Sequence[ShardBatch]) -> None:
        """Return the memory of the batches to the budget, and count their records."""
        if held := sum(batch.held for batch in batches):
            await self._context.budget.give(held)
        for batch in batches:
            metrics.BYTES.inc(batch.size)
            metrics.RECORDS.labels("refused").inc(len(batch.refusals))
            metrics.RECORDS.labels("control").inc(batch.control)
            metrics.RECORDS.labels("read").inc(batch.records)

    async def close(self) -> None:
        """Stop the readers, commit what they have put into the queue, and close the slot."""
        self._is_closing = True
        for task in self._readers.values():
            task.cancel()
        await asyncio.gather(*self._readers.values(), return_exceptions=True)
        await self._committer.close(DRAIN_S)
        await self._context.budget.give(self._committer.uncommitted_bytes)
        await self.slot.close()
