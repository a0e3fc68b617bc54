"""The committer of one slot: a queue of batches, and the task that writes them to Kafka.

Batches that arrive during a transaction share the next one (group commit). Each transaction carries the
progress of the slot. Without batches, changed progress is committed about once a second, and equal progress
every `QUIET_REPORT_S`. After a failed transaction the slot is useless: the task ends with the error, and
every batch that was not committed has the outcome False.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from connectors import metrics
from connectors.commit import source_health
from connectors.commit.content import Content, transaction
from connectors.kafka.blocks import ProgressReport, Sent
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot
from connectors.progress import QUIET_REPORT_S, REPORT_S, Group, SlotProgress

log = structlog.get_logger()

COMMIT_BYTES = 8 << 20
"""The size from which a transaction takes no more batches."""

B = TypeVar("B")
B_contra = TypeVar("B_contra", contravariant=True)


class BatchHandler(Protocol[B_contra]):
    """The part of a slot that knows its source."""

    async def content(self, batches: Sequence[B_contra]) -> Content:
        """Record the progress that these batches make, and return what they write.

        The committer calls it once for each batch, in the order of the queue, and also without batches.
        """

    def progress(self) -> SlotProgress | None:
        """Return the progress of the slot after the batches so far; None if it must not report yet."""

    async def committed(self, batches: Sequence[B_contra]) -> None:
        """Release batches that are committed, or that had nothing to write."""


@dataclass(frozen=True, slots=True)
class _Item(Generic[B]):
    """An entry of the queue: a batch of `size` bytes, or a message."""

    batch: B | None
    size: int
    message: Message | None = None
    outcome: asyncio.Future[bool] | None = None

    def resolve(self, is_committed: bool) -> None:
        if self.outcome is not None and not self.outcome.done():  # The waiter may have been cancelled.
            self.outcome.set_result(is_committed)


class Committer(Generic[B]):
    """The queue and the task of one slot.

    `group` is the progress of all slots. `queue_max` bounds the batches in the queue for `put`; 0 means no
    bound. `linger_s` is the least time between the begins of two transactions with content, unless the queue
    is half full.
    """

    def __init__(
        self,
        slot: Slot,
        prefix: str,
        group: Group,
        handler: BatchHandler[B],
        *,
        queue_max: int = 0,
        linger_s: float = 0.0,
    ) -> None:
        self._slot, self._prefix, self._group, self._handler = slot, prefix, group, handler
        self._queue_max, self._linger_s = queue_max, linger_s
        self._queue: asyncio.Queue[_Item[B] | None] = asyncio.Queue(queue_max)
        self._sent = Sent.of(slot.state)
        self._reported_at = self._checked_at = time.monotonic()
        self._reported: ProgressReport | None = None
        self._began_at: float | None = None
        self.queued_bytes = self.uncommitted_bytes = self.uncommitted = 0

    def start(self, before: Callable[[], Awaitable[None]] | None = None) -> asyncio.Task[None]:
        """Start the task, and return it.

        It awaits `before()` first; then the first report is due at once, and otherwise after `REPORT_S`.
        """
        if before is not None:
            self._reported_at = self._checked_at = float("-inf")
        self.task = asyncio.ensure_future(self._run(before))
        return self.task

    @property
    def queued(self) -> int:
        """Return the number of entries in the queue."""
        return self._queue.qsize()

    def busy_s(self) -> float:
        """Return the duration of the running transaction, or 0 if none is running."""
        return 0.0 if self._began_at is None else time.monotonic() - self._began_at

    async def put(self, batch: B, size: int) -> None:
        """Queue a batch; wait while the queue is full."""
        self.uncommitted += 1
        self.uncommitted_bytes += size
        try:
            await self._queue.put(_Item(batch, size))
        except asyncio.CancelledError:
            self.uncommitted -= 1
            self.uncommitted_bytes -= size
            raise
        self.queued_bytes += size

    def add(self, batch: B, size: int) -> asyncio.Future[bool]:
        """Queue a batch. Return the future of whether it was committed, or the slot was lost before.

        Raises `asyncio.QueueFull` if the queue has a bound.
        """
        return self._add(batch, size, None)

    def send(self, message: Message) -> asyncio.Future[bool]:
        """Queue a message for the next transaction. Return the future of whether it was committed."""
        return self._add(None, 0, message)

    def _add(self, batch: B | None, size: int, message: Message | None) -> asyncio.Future[bool]:
        outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Item(batch, size, message, outcome))
        self.uncommitted += 1
        self.uncommitted_bytes += size
        self.queued_bytes += size
        return outcome

    async def _run(self, before: Callable[[], Awaitable[None]] | None) -> None:
        if before is not None:
            await before()
        items: list[_Item[B]] = []
        is_open = True
        try:
            while is_open:
                items, is_open = await self._next()
                began = time.monotonic()
                has_written = await self._write(items)
                for item in items:
                    item.resolve(True)
                if has_written and is_open and self.queued < self._queue_max // 2:
                    await asyncio.sleep(max(self._linger_s - (time.monotonic() - began), 0.0))
        finally:
            for item in items:
                item.resolve(False)

    async def _next(self) -> tuple[list[_Item[B]], bool]:
        """Return the entries that wait, none if a report is due before one comes; False after the last."""
        items: list[_Item[B]] = []
        size = 0
        try:
            async with asyncio.timeout(max(self._checked_at + REPORT_S - time.monotonic(), 0.0)):
                item = await self._queue.get()
        except TimeoutError:
            return items, True
        while item is not None:
            items.append(item)
            size += item.size
            self.queued_bytes -= item.size
            if size >= COMMIT_BYTES or self._queue.empty():
                return items, True
            item = self._queue.get_nowait()
        return items, False

    async def _write(self, items: Sequence[_Item[B]]) -> bool:
        """Commit what some entries write. Return whether there was something, beside progress."""
        batches = [item.batch for item in items if item.batch is not None]
        content = await self._handler.content(batches)
        content.messages += [item.message for item in items if item.message is not None]
        if not content.is_empty or time.monotonic() - self._checked_at >= REPORT_S:
            await self._commit(content)
        self.uncommitted -= len(items)
        self.uncommitted_bytes -= sum(item.size for item in items)
        await self._handler.committed(batches)
        return not content.is_empty

    async def _commit(self, content: Content) -> None:
        partition, progress = self._slot.partition, self._handler.progress()
        report = None if progress is None else ProgressReport.of(self._group, partition, progress)
        self._checked_at = time.monotonic()
        if content.is_empty and report is not None and not self._is_due(report):
            return
        if report is not None or not content.is_empty:
            commit = transaction(content, partition, self._sent, self._prefix, report)
            self._began_at = time.monotonic()
            await self._slot.commit(commit.state, commit.messages)
            metrics.COMMIT_SECONDS.observe(self.busy_s())
            self._began_at, self._sent = None, commit.sent
            source_health.report(content.health)
        if progress is not None:
            self._group.slots[partition] = progress
        self._reported, self._reported_at = report, time.monotonic()

    def _is_due(self, report: ProgressReport) -> bool:
        """Return whether a report alone is due: it differs from the last one, or that is old."""
        is_old = time.monotonic() - self._reported_at >= QUIET_REPORT_S
        return is_old or self._reported is None or not report.is_same(self._reported)

    async def close(self, drain_s: float = 0.0) -> None:
        """Stop the task. Before that, commit what is in the queue, for at most `drain_s`."""
        if drain_s:
            await self._drain(drain_s)
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        while not self._queue.empty():
            item = self._queue.get_nowait()
            if item is not None:
                item.resolve(False)
        self.queued_bytes = 0

    async def _drain(self, within_s: float) -> None:
        last = asyncio.ensure_future(self._queue.put(None))
        await asyncio.wait([self.task], timeout=within_s)
        if not self.task.done() or self.task.exception() is not None:
            error = repr(self.task.exception()) if self.task.done() else f"not committed within {within_s} s"
            # The next owner of the slot reads it again.
            log.warning("slot closed with uncommitted batches", slot=self._slot.partition, error=error)
        last.cancel()
        await asyncio.gather(last, return_exceptions=True)
