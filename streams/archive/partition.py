"""One partition of the hop `archive`: `finals[q]` in, parts out.

The law of the hop: the position, the parts and the publication are in one Kafka transaction, under the
transactional id `archive-<q>`. The files are staged before it and published after it (see `ledger`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from connectors.aws.threads import in_thread
from connectors.kafka.slots import Slot
from streams.archive import compaction, finals, metrics
from streams.archive.batch import Batch
from streams.archive.finals import ForeignMessage
from streams.archive.ledger import Ledger, Publication, replaced
from streams.archive.names import Part, parse
from streams.archive.storage.interface import ArchiveError, Writing
from streams.archive.tables import DAY_S, TABLES
from streams.archive.writer import Writer
from streams.numbering import Input, Rewind

log = structlog.get_logger()

TICK_S = 0.1
STOP_S = 8.0
"""Time for the last commit of a process that stops."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The age and the size in memory at which a part is closed, and the days to keep each table (0: all)."""

    part_s: float
    part_bytes: int
    days: dict[str, int]


class ArchivePartition:
    """The owner of one partition, from its assignment to its revocation.

    `memory` is a lock of the process: one partition at a time has rows in memory.
    """

    def __init__(self, slot: Slot, storage: Writing, rules: Rules, memory: asyncio.Lock) -> None:
        self._memory = memory
        self._slot, self._storage, self._rules = slot, storage, rules
        self._writer = Writer(storage, slot.partition)
        self._ledger = Ledger()
        self._batch = Batch(self._ledger.read)
        self._rolled_at: dict[int, float] = {}
        self._expired_day, self._is_stopping = 0, False
        self.task: asyncio.Task[None] | None = None

    @property
    def next_offset(self) -> int:
        """The offset to read next."""
        return self._batch.read.offset + 1

    @property
    def is_full(self) -> bool:
        """True if no more messages may be offered until the next commit."""
        return self._batch.size_bytes >= self._rules.part_bytes

    @property
    def is_failing(self) -> bool:
        """True while the archive refuses an operation."""
        return self._writer.is_failing

    def behind_s(self, now: float) -> float:
        """Return the age of the oldest message that is not committed, seconds."""
        return 0.0 if self._batch.is_empty else now - self._batch.since

    async def open(self) -> None:
        """Fence the previous owner and load the state; `start` finishes its publication.

        Raises `ArchiveError` if the archive has parts of this partition that the state does not know.
        """
        await self._slot.open()
        self._ledger = Ledger.load(self._slot.state)
        self._batch = Batch(replace(self._ledger.read))
        if self._ledger.is_new:
            await in_thread(self._check_new)

    def start(self) -> None:
        """Start the task that commits."""
        self.task = asyncio.ensure_future(self._run())

    def _check_new(self) -> None:
        """Raise `ArchiveError` if the numbers of `finals` have begun again below those of the archive."""
        for found in (file for table in TABLES for file in self._storage.files(table)):
            part = parse(found.path)
            if part is not None and part.q == self._slot.partition:
                raise ArchiveError(
                    f"the archive has part {found.path}, but topic {self._slot.topic} has no position for"
                    f" partition {part.q}: its topics were deleted, or belong to another prefix. Set"
                    " VPCFLOW_ARCHIVE to an empty place"
                )

    def offer(self, message: Input) -> Rewind | None:
        """Add a message to the batch or skip it; at a gap, return the offset to read again from."""
        try:
            found = finals.read(message)
        except ForeignMessage as error:
            metrics.REFUSED.inc()
            log.warning(
                "message is not of merge",
                offset=message.offset,
                partition=self._slot.partition,
                why=str(error),
            )
            return None
        read = replace(self._batch.read)
        verdict = read.check(found.number, message.offset)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            read.advance(message)
            self._batch.add(message, found, read, time.monotonic())
        return None

    def skip_gap(self, message: Input, missing: int) -> None:
        """Skip messages that retention deleted, and report them."""
        rows = self._batch.read.skip_gap(message)
        if rows != 0:
            metrics.LOST.inc(missing)
            log.error(
                "data lost to retention",
                topic="finals",
                partition=self._slot.partition,
                messages=missing,
                rows="unknown" if rows is None else rows,
            )

    async def stop(self) -> None:
        """Commit the batch before a regular end, within `STOP_S`."""
        if self.task is not None and not self.is_failing:
            self._is_stopping = True
            await asyncio.wait({self.task}, timeout=STOP_S)

    async def close(self) -> None:
        """Stop the task and close the slot; uncommitted messages are read again."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self._slot.close()

    async def _flush(self) -> None:
        """Commit the batch as parts, and publish them."""
        began, batch = time.monotonic(), self._batch
        self._batch = Batch(replace(batch.read))
        async with self._memory:
            publication, parts = await self._writer.stage(lambda: batch.files(self._slot.partition))
        self._ledger.read = replace(batch.read)
        if behind := self._ledger.add(parts):
            log.warning("amendments are not in the roll-ups", parts=behind, why="the hour is too old")
        self._ledger.watermark = max(self._ledger.watermark, batch.watermark)
        await self._commit(publication)
        metrics.COMMIT_SECONDS.observe(time.monotonic() - began)

    async def _run(self) -> None:
        if self._ledger.publication is not None:
            await self._writer.finish(self._ledger.publication)
        await self._writer.clear(self._ledger.publication)
        while not (self._is_stopping and self._batch.is_empty):
            if self._is_due():
                await self._flush()
            elif (hour := self._due_hour()) is not None:
                await self._roll_hour(hour)
            elif days := self._ledger.due_days():
                await self._roll_day(days[0])
            elif self._expired_day < (day := self._ledger.watermark // DAY_S):
                await self._expire(day)
            else:
                await asyncio.sleep(TICK_S)

    def _is_due(self) -> bool:
        batch = self._batch
        is_old = time.monotonic() - batch.since >= self._rules.part_s
        return not batch.is_empty and (is_old or self.is_full or self._is_stopping)

    def _due_hour(self) -> int | None:
        """Return an hour to roll up. One that is amended repeatedly is rolled up once in `part_s`."""
        now = time.monotonic()
        quiet = (
            hour
            for hour in self._ledger.due_hours()
            if now - self._rolled_at.get(hour, float("-inf")) >= self._rules.part_s
        )
        return next(quiet, None)

    async def _roll_hour(self, hour: int) -> None:
        old = list(self._ledger.hours[hour].parts)
        bases = [part for part in old if TABLES[part.table].period_s == 0]
        parts = await self._replace(bases, old, compaction.of_hour)
        self._rolled_at[hour] = time.monotonic()
        self._ledger.replace_hour(hour, compaction.left(old, parts[1]))
        await self._commit(parts[0])

    async def _roll_day(self, day: int) -> None:
        old = self._ledger.days[day].parts
        parts = await self._replace(self._ledger.hours_of(day), old, compaction.of_day)
        self._ledger.replace_day(day, parts[1])
        await self._commit(parts[0])

    async def _replace(
        self, inputs: list[Part], old: list[Part], outputs: Callable[[compaction.Rows], compaction.Files]
    ) -> tuple[Publication, list[Part]]:
        """Stage the results of a compaction. Its publication deletes the parts that they replace."""
        async with self._memory:
            rows = await self._writer.read(inputs)
            publication, parts = await self._writer.stage(lambda: outputs(rows))
        # A part that cannot be read stays where it is.
        known = (part for part in old if part in rows or part not in inputs)
        return Publication(publication.publish, replaced(known, parts)), parts

    async def _commit(self, publication: Publication) -> None:
        await self._slot.commit(self._ledger.changes(publication), [])
        await self._writer.finish(publication)

    async def _expire(self, day: int) -> None:
        """Delete this partition's parts of windows that are older than their table's retention."""
        for table in TABLES:
            days = self._rules.days.get(table, self._rules.days.get("*", 0))
            expired = await in_thread(self._expired, table, (day - days) * DAY_S) if days else []
            for part in expired:
                await self._writer.delete_part(part)
            self._ledger.remove(expired)
        self._expired_day = day

    def _expired(self, table: str, before: int) -> list[Part]:
        try:
            parts = [parse(found.path) for found in self._storage.files(table)]
        except ArchiveError as error:
            log.warning("expired parts are not deleted", table=table, why=str(error))
            return []
        q = self._slot.partition
        return [part for part in parts if part is not None and part.q == q and part.period < before]
