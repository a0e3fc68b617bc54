"""A slot's objects: wanted, read one after another, committed in order, and remembered as done.

One object at a time, the oldest first, so that a slot's lines come in about the order in which AWS wrote
them. Slots read beside each other, a few at once, and all of them together hold a few steps in memory
(`Limits`): when Kafka is slow, reading waits. Each transaction carries the slot's progress; without reads,
one is committed about once a second.
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
from connectors.kafka.blocks import Report, Sent
from connectors.kafka.health_messages import HealthRecord
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot
from connectors.kafka.source_health import Heard, tell
from connectors.progress import NONE, REPORT_S, Group
from connectors.s3.keys import Object, decode_progress, prune
from connectors.s3.object_reader import Reading
from connectors.s3.progress.slot import Now, ObjectProgress
from connectors.s3.transaction import REFUSED, ObjectRead, transaction
from connectors.s3.wanted import Alignment, Wanted

log = structlog.get_logger()

READ_AT_ONCE = 4
STEPS_IN_FLIGHT = 12  # of 2 MiB and a part each
COMMIT_BYTES = 8 << 20
WANTED_MAX = 10_000
PRUNE_S = 600.0


@dataclass(slots=True)
class SharedReads:
    """What all slots of a process share, and the newest object that they committed."""

    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READ_AT_ONCE))
    steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STEPS_IN_FLIGHT))
    keep_s: int = 0
    newest_ms: int = 0


@dataclass(frozen=True, slots=True)
class SlotContext:
    """Where a slot's objects come from and go to."""

    client: Any
    prefix: str
    shared: SharedReads
    alignment: Alignment

    @property
    def group(self) -> Group:
        """The progress of all slots."""
        return self.alignment.group


class ObjectSlot:
    """A slot that this process owns; `progress` is that of its objects."""

    def __init__(self, slot: Slot, context: SlotContext, progress: ObjectProgress) -> None:
        self.slot, self.progress = slot, progress
        self._context, self._shared, self._prefix = context, context.shared, context.prefix
        self._sent = Sent.of(slot.state)
        before = context.group.slots.get(slot.partition)
        self._newest = before.newest if before else NONE
        self._wanted = Wanted(WANTED_MAX)
        self._ends: dict[bytes, asyncio.Future[bool]] = {}
        # Bounded by the permits that its reads hold, and by the caller's for messages.
        self._results: asyncio.Queue[ObjectRead | tuple[Message, asyncio.Future[bool]]] = asyncio.Queue()
        self._held, self._pruned_at = 0, 0.0
        self._heard = Heard("s3")
        self._reader = asyncio.ensure_future(self._read_all())
        self._committer = asyncio.ensure_future(self._commit_all())

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Everything that runs for this slot; one that failed ends the process."""
        return [self._reader, self._committer]

    @property
    def free(self) -> int:
        """How many objects more may be wanted."""
        return self._wanted.free

    def is_known(self, wanted: Object) -> bool:
        """Say whether an object is done, or wanted already."""
        return wanted.mark in self._ends or self.is_done(wanted)

    def is_done(self, wanted: Object) -> bool:
        """Say whether an object is committed to its end."""
        return decode_progress(self.slot.state.get(wanted.mark)).is_done

    def want(self, wanted: Object) -> asyncio.Future[bool]:
        """Have an object read, once; the result is whether it was committed, or the slot was lost before.

        Raises `asyncio.QueueFull` when there is no `room`.
        """
        end = self._ends.get(wanted.mark)
        if end is None:
            end = asyncio.get_running_loop().create_future()
            if self.is_done(wanted):
                self._heard.repeated(f"s3:{wanted.bucket}")
                end.set_result(True)
                return end
            self._wanted.put(wanted)
            self._ends[wanted.mark] = end
            self.progress.found(wanted)
        return end

    def send(self, message: Message) -> asyncio.Future[bool]:
        """Have a message committed beside the objects."""
        end: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._results.put_nowait((message, end))
        return end

    def tell(self, record: HealthRecord) -> None:
        """Have a health record committed beside the objects, and count it."""
        metrics.HEALTH.labels(record.kind).inc()
        self.send(record.message(self._prefix, self.slot.partition))

    async def _read_all(self) -> None:
        while True:
            wanted = await self._wanted.get(self._may_read)
            async with self._shared.reading:
                await self._read(wanted)

    def _may_read(self, one: Object) -> bool:
        return self._context.alignment.allows(one, self.slot.partition)

    async def _read(self, wanted: Object) -> None:
        reading = Reading(self._context.client, wanted, decode_progress(self.slot.state.get(wanted.mark)))
        try:
            while True:
                await self._shared.steps.acquire()
                self._held += 1
                read = await asyncio.to_thread(reading.step)
                self._results.put_nowait(read)
                if read.outcome:
                    return
        finally:
            reading.stop()

    async def _commit_all(self) -> None:
        while True:
            results = await self._next_results()
            reads = [one for one in results if isinstance(one, ObjectRead)]
            others = [one for one in results if not isinstance(one, ObjectRead)]
            try:
                await self._commit(reads, [message for message, _ in others])
                for _, end in others:
                    _resolve(end, True)
            finally:
                for _, end in others:
                    _resolve(end, False)

    async def _next_results(self) -> list[ObjectRead | tuple[Message, asyncio.Future[bool]]]:
        """Return the results that wait; none if a report of progress is due before one comes."""
        try:
            async with asyncio.timeout(REPORT_S):
                results = [await self._results.get()]
        except TimeoutError:
            return []
        size = 0
        while size < COMMIT_BYTES and not self._results.empty():
            results.append(self._results.get_nowait())
            size += results[-1].size if isinstance(results[-1], ObjectRead) else 0
        return results

    async def _commit(self, reads: Sequence[ObjectRead], messages: Sequence[Message]) -> None:
        report = self._report(reads)
        commit = transaction(reads, self.slot.partition, self._sent, self._prefix, report)
        health = self._health(reads)
        said = [one.message(self._prefix, self.slot.partition) for one in health]
        await self.slot.commit(commit.state | await self._forgotten(), [*commit.messages, *messages, *said])
        self._context.group.slots[self.slot.partition] = report.progress
        tell(health)
        self._sent = commit.sent
        self._release(len(reads))
        self._count(reads)

    def _report(self, reads: Sequence[ObjectRead]) -> Report:
        """Return the progress after these reads. A failed commit ends the slot, and its progress with it."""
        group, partition = self._context.group, self.slot.partition
        self._newest = max([self._newest, *(read.newest for read in reads)])
        for read in reads:
            if read.outcome:
                self.progress.read(read.object)
        now = Now(max(group.newest, self._newest), now_ms(), time.monotonic())
        return Report.of(group, partition, self.progress.report(self._newest, now))

    def _health(self, reads: Sequence[ObjectRead]) -> list[HealthRecord]:
        found = self._heard.repeats()
        for read in reads:
            fit = [part for part in read.parts if not part.refused]
            if fit and not read.object.file.line_format:  # An export's delay is its operator's choice.
                source = f"s3:{read.object.bucket}"
                found += self._heard.lines(source, fit[-1].text, fit[-1].line_format, read.modified_ms)
        return found

    async def _forgotten(self) -> dict[bytes, bytes | None]:
        """Return what forgets old objects, now and then: it goes through all that are remembered."""
        now = time.time()
        if now - self._pruned_at < PRUNE_S:
            return {}
        self._pruned_at = now
        return await asyncio.to_thread(prune, self.slot.state, now, self._shared.keep_s)

    def _release(self, steps: int) -> None:
        self._held -= steps
        for _ in range(steps):
            self._shared.steps.release()

    def _count(self, reads: Sequence[ObjectRead]) -> None:
        for read in reads:
            metrics.BYTES.inc(read.size)
            metrics.S3_LINES.inc(read.lines)
            self._shared.newest_ms = max(self._shared.newest_ms, read.modified_ms)
            if not read.outcome:
                continue
            metrics.S3_OBJECTS.labels(read.outcome).inc()
            if read.outcome == REFUSED:
                log.warning("an object is broken", object=read.object.name, why=read.progress.why)
            end = self._ends.pop(read.object.mark, None)
            if end is not None:
                _resolve(end, True)

    async def close(self) -> None:
        """Stop everything, and close the slot; what was not committed will be read again."""
        self._context.alignment.slots.pop(self.slot.partition, None)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._release(self._held)
        while not self._results.empty():
            result = self._results.get_nowait()
            if not isinstance(result, ObjectRead):
                _resolve(result[1], False)
        for end in self._ends.values():
            _resolve(end, False)
        await self.slot.close()


def _resolve(end: asyncio.Future[bool], result: bool) -> None:
    if not end.done():  # The waiter may have been cancelled.
        end.set_result(result)
