"""`vpcflow read`: a topic from one time to another, or followed, as rows.

The reader has no consumer group and commits nothing. It reads with `read_committed`, from the offsets of the
start time (`offsets_for_times`), so times are those of publication. If it does not follow, it stops at the
end offsets of its start and keeps the newest revision of each key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.inventory.directory import Directory
from connectors.inventory.follower import Follower
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.reading import committed_reader, offsets_at, partitions_of
from connectors.kafka.reachability import why_unreachable
from connectors.kafka.topics import TopicError
from connectors.settings import Common
from streams.topics.collecting import Newest
from streams.topics.decoding import ForeignMessage, Raw, Row, Update, eni_of, time_s, updates
from streams.topics.naming import add_names
from streams.topics.printing import Print

POLL_MS = 200
BATCH_RECORDS = 2_000
FETCH_BYTES = 4 << 20  # of a partition; a larger message is fetched alone
Offsets = dict[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Choice:
    """The part of a topic to print. Times are epoch milliseconds of publication; None: no limit."""

    topic: str
    from_ms: int | None
    until_ms: int | None = None
    follows: bool = False
    limit: int | None = None
    enis: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()

    def has(self, row: Row) -> bool:
        """Return True if the filters select a row, whose names are added."""
        if self.actions and row["action"] not in self.actions:
            return False
        return not self.enis or bool(self.enis & {eni_of(self.topic, row), row.get("eni_name", "")})


class Reading:
    """One run of the command. `warn` gets sentences for standard error."""

    def __init__(self, settings: Common, choice: Choice, show: Print, warn: Callable[[str], None]) -> None:
        self._settings, self._choice, self._show, self._warn = settings, choice, show, warn
        self._kafka = KafkaConnection.of(settings)
        self._topic = settings.prefix + choice.topic
        self._newest = Newest()
        self._directory = Directory()
        self._printed = 0
        self._left = 0
        self.foreign = 0

    async def run(self) -> None:
        """Print the rows. Raises `TopicError`, `MissingAcl` and `NewerFormat`."""
        if (why := await why_unreachable(self._kafka)) is not None:
            raise TopicError(why)
        follower = Follower(self._settings)
        try:
            self._directory = await follower.read()
            reader = committed_reader(self._kafka, self._topic, max_partition_fetch_bytes=FETCH_BYTES)
            async with reader as consumer, _following(follower, self._choice.follows):
                await self._read(consumer, await self._assign(consumer))
        except KafkaError as error:
            raise TopicError(f"Kafka at {self._kafka.servers} did not answer: {error!r}") from error
        self._finish()

    async def _read(self, consumer: AIOKafkaConsumer, ends: Offsets) -> None:
        while not self._is_done and (self._choice.follows or await _is_before(consumer, ends)):
            for place, records in (
                await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
            ).items():
                end = None if self._choice.follows else ends[place]
                self._take(record for record in records if end is None or record.offset < end)

    @property
    def _is_done(self) -> bool:
        choice = self._choice
        if choice.follows and choice.limit is not None and self._printed >= choice.limit:
            return True
        return choice.follows and choice.until_ms is not None and time.time() * 1000 >= choice.until_ms

    def _take(self, records: Iterable[object]) -> None:
        for record in records:
            message = _raw(record)
            if self._choice.until_ms is not None and message.at_ms >= self._choice.until_ms:
                continue
            try:
                found = updates(self._choice.topic, message)
            except ForeignMessage as error:
                self._skip(message, error)
                continue
            rows = [row for update in found for row in self._apply(update)]
            if rows:
                self._print(rows)

    def _apply(self, update: Update) -> list[Row]:
        """Add the names and filter; return the rows to print now."""
        for row in update.rows:
            add_names(self._directory, self._choice.topic, row)
        chosen = Update(update.key, update.revision, [row for row in update.rows if self._choice.has(row)])
        if self._choice.follows:
            return chosen.rows
        left = self._newest.add(chosen)
        if left and not self._left:
            self._warn(
                "more keys than fit into 256 MiB: the oldest rows are printed first, and a newer revision of"
                " one of them is printed again; choose a later --from, or filters"
            )
        self._left += len(left)
        return left

    def _print(self, rows: list[Row]) -> None:
        limit = self._choice.limit
        chosen = rows if limit is None else rows[: max(limit - self._printed, 0)]
        self._printed += len(chosen)
        if chosen:
            self._show(chosen)

    def _skip(self, message: Raw, error: ForeignMessage) -> None:
        if not self.foreign:
            self._warn(f"skipped partition {message.partition}, offset {message.offset}: {error}")
        self.foreign += 1

    def _finish(self) -> None:
        topic, limit = self._choice.topic, self._choice.limit
        rows = sorted(self._newest.rows(), key=lambda row: (time_s(topic, row), eni_of(topic, row)))
        self._print(rows if limit is None or self._left else rows[-limit:])
        self.report()

    def report(self) -> None:
        """Warn of the number of skipped messages, if it is more than one."""
        if self.foreign > 1:
            self._warn(f"skipped {self.foreign} messages that are not messages of {self._choice.topic}")

    async def _assign(self, consumer: AIOKafkaConsumer) -> Offsets:
        """Assign all partitions, seek to the start, and return the end offsets."""
        places = await partitions_of(consumer, self._topic)
        if not places:
            raise TopicError(
                f"topic {self._topic} does not exist at {self._kafka.servers}: check VPCFLOW_PREFIX and"
                " VPCFLOW_KAFKA; `vpcflow topics list` shows the topics"
            )
        consumer.assign(places)
        ends: Offsets = await consumer.end_offsets(places)
        starts = await self._offsets_at(consumer, ends, self._choice.from_ms)
        for place, offset in starts.items():
            consumer.seek(place, offset)
        if self._choice.follows or self._choice.until_ms is None:
            return ends
        return await self._offsets_at(consumer, ends, self._choice.until_ms)

    async def _offsets_at(self, consumer: AIOKafkaConsumer, ends: Offsets, at_ms: int | None) -> Offsets:
        """Return the offsets of a time; None is the end."""
        return ends if at_ms is None else await offsets_at(consumer, at_ms, ends)


@asynccontextmanager
async def _following(follower: Follower, is_needed: bool) -> AsyncIterator[None]:
    """Follow the inventory while a topic is followed."""
    task = asyncio.create_task(follower.run()) if is_needed else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _is_before(consumer: AIOKafkaConsumer, ends: Offsets) -> bool:
    """Return True if a partition is not read to its end; a position counts markers, too."""
    positions: Iterator[tuple[int, int]] = iter(
        [(await consumer.position(p), end) for p, end in ends.items()]
    )
    return any(position < end for position, end in positions)


def _raw(record: object) -> Raw:
    found: dict[str, bytes] = dict(record.headers)  # type: ignore[attr-defined]
    return Raw(record.partition, record.offset, record.timestamp, record.key, record.value, found)  # type: ignore[attr-defined]
