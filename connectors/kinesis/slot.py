"""A slot that this process owns: the readers of its shards, a queue, and its committer.

Many shards share one transaction (group commit). When Kafka is slow the queue is full and the readers wait,
and nothing else does. Before a slot is closed, it commits what its readers have handed over. Each
transaction carries the progress of the slot's shards; without reads, one is committed about once a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog

from connectors import metrics
from connectors.clock import now_ms
from connectors.kafka.blocks import Report, Sent
from connectors.kafka.slots import Slot
from connectors.kafka.source_health import Heard, tell
from connectors.kinesis.memory_budget import MemoryBudget
from connectors.kinesis.positions import Position, decode_position, shard_key
from connectors.kinesis.progress import Expected, ProgressTracker
from connectors.kinesis.shard_reader import ShardReader, Source
from connectors.kinesis.transaction import ShardBatch, transaction
from connectors.progress import REPORT_S, Group

log = structlog.get_logger()

QUEUED_READS = 64  # many small answers share a commit; `Room` bounds the large ones
COMMIT_BYTES = 8 << 20
DRAIN_S = 5.0
LINGER_S = 0.2  # between two commits: each costs 2 to 5 ms whatever it holds, and there are eight slots
PUSHED_LINGER_S = 0.04  # who pays for fan-out wants it now


@dataclass(frozen=True, slots=True)
class SlotContext:
    """What all slots of a process share."""

    prefix: str
    budget: MemoryBudget
    group: Group
    linger_s: float = LINGER_S


class ShardSlot:
    """One slot's work. What failed in it is in `tasks`, and ends the process."""

    def __init__(self, slot: Slot, way: SlotContext) -> None:
        self.slot = slot
        self._context = way
        self._queue: asyncio.Queue[ShardBatch | None] = asyncio.Queue(QUEUED_READS)
        self._sent = Sent.of(slot.state)
        self._tracker = ProgressTracker.restored(way.group.slots.get(slot.partition))
        self._is_tracking, self._reported_at = False, 0.0
        self._readers: dict[bytes, asyncio.Task[None]] = {}
        self._names: dict[str, bytes] = {}
        self._heard = Heard("kinesis")
        self._taken, self._uncommitted, self._is_closing = 0, 0, False
        self._committer = asyncio.ensure_future(self._commit_reads())

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Everything that runs for this slot; one that failed ends the process."""
        return [self._committer, *self._readers.values()]

    def track(self, expected: Iterable[Expected]) -> None:
        """Hold the watermark for these shards and for those that are being read; report from now on."""
        wanted = list(expected)
        for one in wanted:
            self._tracker.expect(one, now_ms())
        reading = {name for name, key in self._names.items() if not self._readers[key].done()}
        self._tracker.keep({one.source for one in wanted} | reading)
        self._is_tracking = True

    def is_reading(self, stream: str, shard_id: str) -> bool:
        """Say whether a shard is read now; `stream` is `Stream.key`."""
        reader = self._readers.get(shard_key(stream, shard_id))
        return reader is not None and not reader.done()

    def start(self, source: Source, shard_id: str, first: Position) -> None:
        """Begin to read a shard, once; `first` is where, when it was never read.

        A slot that does not report yet starts nothing: a position without progress would release the parents
        of the shard before the slot holds for it.
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
        self._names[reader.name] = key
        # Before its first commit, so that every report of this slot has it once it is in `positions`.
        self._tracker.expect(Expected(reader.name, position.newest, is_read=value is not None), now_ms())

    def _may_start(self, key: bytes) -> bool:
        """Return whether a shard has no reader, or one that stopped early and whose reads are committed.

        A reader stops early when AWS says that its shard is gone. One that is listed all the same holds the
        watermark, so it is read again.
        """
        reader = self._readers.get(key)
        if reader is None:
            return True
        has_stopped = reader.done() and not reader.cancelled() and reader.exception() is None
        return has_stopped and not self._uncommitted

    async def put(self, read: ShardBatch) -> None:
        """Have a read committed; waits while others must catch up. Nothing once the slot is given back."""
        if self._is_closing:
            return
        self._uncommitted += 1
        self._taken += read.held
        self._context.budget.take(read.held)
        try:
            await self._queue.put(read)
        except asyncio.CancelledError:
            self._uncommitted -= 1
            raise

    async def leave(self, stream: str) -> None:
        """Stop reading a stream that is another one now; `stream` is `Stream.key`."""
        head = shard_key(stream, "")
        readers = [reader for key, reader in self._readers.items() if key.startswith(head)]
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    async def _commit_reads(self) -> None:
        is_open = True
        while is_open:
            reads, is_open = await self._next_reads()
            for read in reads:
                self._observe(read)
            loud = [read for read in reads if not read.is_quiet]
            self._uncommitted -= len(reads) - len(loud)
            if not loud and time.monotonic() - self._reported_at < REPORT_S:
                continue
            began = time.monotonic()
            if loud or self._is_tracking:
                await self._commit(loud)
                self._uncommitted -= len(loud)
            if loud and is_open and self._queue.qsize() < QUEUED_READS // 2:
                await asyncio.sleep(max(self._context.linger_s - (time.monotonic() - began), 0.0))

    async def _next_reads(self) -> tuple[list[ShardBatch], bool]:
        """Return the reads that wait, none if a report is due before one comes; False after the last."""
        reads: list[ShardBatch] = []
        held = 0
        try:
            async with asyncio.timeout(REPORT_S):
                one = await self._queue.get()
        except TimeoutError:
            return reads, True
        while one is not None:
            reads.append(one)
            held += one.held
            if held >= COMMIT_BYTES or self._queue.empty():
                return reads, True
            one = self._queue.get_nowait()
        return reads, False

    def _observe(self, read: ShardBatch) -> None:
        """Move the progress of a read's shard: it is in this transaction, or has nothing to be in one."""
        if read.records or read.is_caught_up:
            self._tracker.read(read.source, read.newest, is_caught_up=read.is_caught_up, known=read.known)
        if read.position.is_ended:
            self._tracker.end(read.source)

    def _report(self) -> Report | None:
        if not self._is_tracking:
            return None
        group, partition = self._context.group, self.slot.partition
        return Report.of(group, partition, self._tracker.report(group.newest, now_ms()))

    async def _commit(self, reads: list[ShardBatch]) -> None:
        reads = [self._heard_of(read) for read in reads]
        report = self._report()
        commit = transaction(reads, self.slot.partition, self._sent, self._context.prefix, report)
        with metrics.COMMIT_SECONDS.time():
            await self.slot.commit(commit.state, commit.messages)
        self._sent, self._reported_at = commit.sent, time.monotonic()
        if report is not None:
            self._context.group.slots[self.slot.partition] = report.progress
        done = sum(read.held for read in reads)
        self._taken -= done
        await self._context.budget.give(done)
        for read in reads:
            count(read)

    def _heard_of(self, read: ShardBatch) -> ShardBatch:
        """Add what the times of these records say about their source."""
        if not read.chunks:
            return read
        last = read.chunks[-1]
        found = self._heard.lines(read.source, last.text, last.line_format, last.arrival_ms)
        return replace(read, health=(*read.health, *found)) if found else read

    async def close(self) -> None:
        """Stop the readers, commit what they have handed over, and give the slot back."""
        self._is_closing = True
        for task in self._readers.values():
            task.cancel()
        await asyncio.gather(*self._readers.values(), return_exceptions=True)
        last = asyncio.ensure_future(self._queue.put(None))
        await asyncio.wait([self._committer], timeout=DRAIN_S)
        if not self._committer.done() or self._committer.exception() is not None:
            # What it did not commit is read again by the slot's next owner.
            error = repr(self._committer.exception()) if self._committer.done() else "not in time"
            log.warning("slot given back with reads uncommitted", slot=self.slot.partition, error=error)
        for task in (last, self._committer):
            task.cancel()
        await asyncio.gather(last, self._committer, return_exceptions=True)
        await self._context.budget.give(self._taken)
        await self.slot.close()


def count(read: ShardBatch) -> None:
    """Count what was committed, and say loudly what is lost."""
    metrics.BYTES.inc(read.size)
    metrics.RECORDS.labels("refused").inc(len(read.refusals))
    metrics.RECORDS.labels("control").inc(read.control)
    metrics.RECORDS.labels("read").inc(read.records)
    tell(read.health)
