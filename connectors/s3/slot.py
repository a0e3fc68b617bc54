"""The objects of one slot that this process owns: their queue, the reader, and the committer.

A slot reads one object at a time, the oldest first, so that its lines come in about the order in which AWS
wrote them. Some slots read at the same time, and all slots together hold a bounded number of steps in memory
(`SharedReads`): if Kafka is slow, reading waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from connectors import metrics
from connectors.clock import now_ms
from connectors.commit.committer import Committer
from connectors.commit.content import Content
from connectors.commit.source_health import SourceHealth
from connectors.kafka import health_messages
from connectors.kafka.health_messages import HealthRecord
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot
from connectors.progress import NONE, Group, SlotProgress
from connectors.s3.keys import Object, decode_progress, prune
from connectors.s3.object_reader import ObjectReader
from connectors.s3.progress.slot import Now, ObjectProgress
from connectors.s3.transaction import REFUSED, REPLACED, VANISHED, ObjectRead, content_of
from connectors.s3.wanted import Alignment, ObjectQueue

log = structlog.get_logger()

READ_AT_ONCE = 4
STEPS_IN_FLIGHT = 12  # of 2 MiB and a part each
WANTED_MAX = 10_000
PRUNE_S = 600.0

_FINDINGS = {
    VANISHED: (health_messages.OBJECT_GONE, "objects were deleted before they were read"),
    REPLACED: (
        health_messages.OBJECT_REPLACED,
        "objects have another version than was announced; each version is read when it is announced",
    ),
}
"""The health record for an object that ended without being read, by its outcome: kind and text."""


@dataclass(slots=True)
class SharedReads:
    """The limits that all slots of a process share, and the newest object that they have committed.

    `keep_s` is how long the marks of committed objects are kept, `newest_ms` is a `LastModified`.
    """

    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READ_AT_ONCE))
    steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STEPS_IN_FLIGHT))
    keep_s: int = 0
    newest_ms: int = 0


@dataclass(frozen=True, slots=True)
class SlotContext:
    """The state that all slots of a process share. `client` is S3's."""

    client: Any
    prefix: str
    shared: SharedReads
    alignment: Alignment

    @property
    def group(self) -> Group:
        """Return the progress of all slots."""
        return self.alignment.group


class ObjectSlot:
    """The objects of one slot. If one of its `tasks` fails, the process ends."""

    def __init__(self, slot: Slot, context: SlotContext, objects: ObjectProgress) -> None:
        self.slot, self.objects = slot, objects
        self._context, self._shared = context, context.shared
        before = context.group.slots.get(slot.partition)
        self._newest = before.newest if before else NONE
        self._wanted = ObjectQueue(WANTED_MAX)
        self._ends: dict[bytes, asyncio.Future[bool]] = {}
        self._held_steps, self._pruned_at = 0, 0.0
        self._health = SourceHealth("s3")
        # The permits of the reads bound the queue.
        self._committer = Committer[ObjectRead](slot, context.prefix, context.group, self)
        self._tasks = [asyncio.ensure_future(self._read_all()), self._committer.start()]

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of this slot."""
        return self._tasks

    @property
    def free(self) -> int:
        """Return how many more objects the queue takes."""
        return self._wanted.free

    def is_known(self, wanted: Object) -> bool:
        """Return whether an object is committed, or in the queue."""
        return wanted.mark in self._ends or self.is_done(wanted)

    def is_done(self, wanted: Object) -> bool:
        """Return whether an object is committed to its end."""
        return decode_progress(self.slot.state.get(wanted.mark)).is_done

    def want(self, wanted: Object) -> asyncio.Future[bool]:
        """Queue an object, once. Return the future of whether it was committed, or the slot was lost before.

        Raises `asyncio.QueueFull` if the queue is full.
        """
        end = self._ends.get(wanted.mark)
        if end is None:
            end = asyncio.get_running_loop().create_future()
            if self.is_done(wanted):
                self._health.repeated(f"s3:{wanted.bucket}")
                end.set_result(True)
                return end
            self._wanted.put(wanted)
            self._ends[wanted.mark] = end
            self.objects.found(wanted)
        return end

    def send(self, message: Message) -> asyncio.Future[bool]:
        """Commit a message with the next transaction. Return the future of whether it was committed."""
        return self._committer.send(message)

    def send_health(self, record: HealthRecord) -> None:
        """Count a health record, and commit it with the next transaction."""
        metrics.HEALTH.labels(record.kind).inc()
        self.send(record.message(self._context.prefix, self.slot.partition))

    async def _read_all(self) -> None:
        while True:
            wanted = await self._wanted.get(self._may_read)
            async with self._shared.reading:
                await self._read(wanted)

    def _may_read(self, one: Object) -> bool:
        return self._context.alignment.allows(one, self.slot.partition)

    async def _read(self, wanted: Object) -> None:
        reading = ObjectReader(
            self._context.client, wanted, decode_progress(self.slot.state.get(wanted.mark))
        )
        try:
            while True:
                await self._shared.steps.acquire()
                self._held_steps += 1
                read = await asyncio.to_thread(reading.step)
                self._committer.add(read, read.size)
                if read.outcome:
                    return
        finally:
            reading.stop()

    async def content(self, reads: Sequence[ObjectRead]) -> Content:
        """Move the progress of the objects, and return what the reads write."""
        self._newest = max([self._newest, *(read.newest for read in reads)])
        for read in reads:
            if read.outcome:
                self.objects.read(read.object)
        content = content_of(reads)
        content.state |= await self._forgotten()
        for read in reads:
            if read.outcome in _FINDINGS:
                kind, text = _FINDINGS[read.outcome]
                self._health.count(kind, f"s3:{read.object.bucket}", f"{text}, for example {read.object.key}")
        content.health += self._health.counts()
        for read in reads:
            fit = [part for part in read.parts if not part.refused]
            if fit and not read.object.file.line_format:  # The operator chooses the delay of an export.
                source, last = f"s3:{read.object.bucket}", fit[-1]
                content.health += self._health.arrived(source, last.text, last.line_format, read.modified_ms)
        return content

    def progress(self) -> SlotProgress:
        """Return the progress of the slot after the reads so far."""
        now = Now(max(self._context.group.newest, self._newest), now_ms(), time.monotonic())
        return self.objects.report(self._newest, now)

    async def _forgotten(self) -> dict[bytes, bytes | None]:
        """Return the deletions of old marks, at intervals: it reads every mark of the slot."""
        now = time.time()
        if now - self._pruned_at < PRUNE_S:
            return {}
        self._pruned_at = now
        return await asyncio.to_thread(prune, self.slot.state, now, self._shared.keep_s)

    async def committed(self, reads: Sequence[ObjectRead]) -> None:
        """Release the steps of the reads, count their lines, and resolve the objects that have ended."""
        self._release(len(reads))
        for read in reads:
            metrics.BYTES.inc(read.size)
            metrics.S3_LINES.inc(read.lines)
            self._shared.newest_ms = max(self._shared.newest_ms, read.modified_ms)
            if not read.outcome:
                continue
            metrics.S3_OBJECTS.labels(read.outcome).inc()
            if read.outcome == REFUSED:
                log.warning("object refused", object=read.object.name, why=read.progress.why)
            end = self._ends.pop(read.object.mark, None)
            if end is not None:
                _resolve(end, True)

    def _release(self, steps: int) -> None:
        self._held_steps -= steps
        for _ in range(steps):
            self._shared.steps.release()

    async def close(self) -> None:
        """Stop the tasks, and close the slot. The next owner reads what was not committed."""
        self._context.alignment.slots.pop(self.slot.partition, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._committer.close()
        self._release(self._held_steps)
        for end in self._ends.values():
            _resolve(end, False)
        await self.slot.close()


def _resolve(end: asyncio.Future[bool], result: bool) -> None:
    if not end.done():  # The waiter may have been cancelled.
        end.set_result(result)
