"""The feed of the board: it reads `aggregates`, `alerts`, `dead`, `health` and `positions` from Kafka.

The feed has no consumer group and commits no offsets: every instance reads all partitions, and rebuilds the
board at each start from the offsets of `starts.py`. It reads with `read_committed`. A lost broker is a state
of the board, which the page shows; the feed continues at its last offsets when a broker answers. A foreign
message increments a counter and writes a rate-limited log line. Any other exception ends the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls
from connectors.progress import PROGRESS_KEY
from streams.web.starts import POSITIONS_BACK, Offsets, find_starts
from streams.web.state.board import Board, KafkaLink
from streams.web.state.history import ForeignMessage

TOPICS = ("aggregates", "alerts", "dead", "health", "positions")
POLL_MS = 200
BATCH_RECORDS = 2_000  # 2,000 x 3 µs: an HTTP request waits 6 ms at most
PROBE_S = 2.0  # interval of requests that detect a lost broker, because aiokafka retries without an error
PROBE_TIMEOUT_S = 5.0
START_TIMEOUT_S = 15.0
RETRY_S = 1.0
WARN_S = 10.0
READY_AFTER_S = 3.0
"""Time after which the page is ready when the newest messages are read, even if older ones are not."""

log = structlog.get_logger(__name__)


class Feed:
    """The reader of the topics, which updates a board. The constructor opens nothing."""

    def __init__(
        self, *, kafka: KafkaConnection, prefix: str, board: Board, clock: Callable[[], float] = time.time
    ) -> None:
        self._kafka = kafka
        self._topics = {prefix + name: name for name in TOPICS}
        self._clock = clock
        self._offsets: Offsets = {}
        self._older: dict[TopicPartition, tuple[int, int]] = {}
        self._fresh_from: Offsets = {}
        self._positions_from: Offsets = {}
        self._newest_read = asyncio.Event()
        self._began_at = float("inf")
        self._warned_at = float("-inf")
        self.board = board

    async def run(self) -> None:
        """Read until cancelled; after the loss of the broker, reconnect and continue at the last offsets.

        Raises `MissingAcl`.
        """
        while True:
            consumer = self._consumer()
            try:
                with naming_missing_acls(self._kafka, self._topics):
                    await self._read(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                if self.board.link.state != "reconnecting":
                    log.warning("kafka does not answer, reconnecting", error=repr(error))
                self.board.link = KafkaLink("reconnecting", f"Kafka does not answer: {type(error).__name__}")
                await asyncio.sleep(RETRY_S)
            finally:
                await _stop(consumer)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        await consumer.start()
        partitions = await self._partitions(consumer)
        if partitions:
            await self._assign(consumer, partitions)
        async with self._reading_older() as older:
            await self._follow(consumer, partitions, older)

    def _consumer(self) -> AIOKafkaConsumer:
        return factory.consumer(
            self._kafka,
            isolation_level="read_committed",
            auto_offset_reset="earliest",  # also after retention, or if the topic is recreated
            enable_auto_commit=False,
            max_partition_fetch_bytes=4 << 20,
            request_timeout_ms=10_000,
            retry_backoff_ms=200,
        )

    @asynccontextmanager
    async def _reading_older(self) -> AsyncIterator[asyncio.Task[None]]:
        older = asyncio.create_task(self._read_older(), name="older")
        try:
            yield older
        finally:
            older.cancel()
            await asyncio.gather(older, return_exceptions=True)  # `_follow` raises its error

    async def _follow(
        self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition], older: asyncio.Task[None]
    ) -> None:
        """Read until a new topic or partition appears."""
        while True:
            ends = await self._probe(consumer, partitions)
            deadline = time.monotonic() + PROBE_S
            while partitions and time.monotonic() < deadline:
                batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
                self._take(batches)
                await asyncio.sleep(0)  # in a backlog `getmany` returns at once; let HTTP requests run
                if not self.board.is_caught_up:
                    await self._measure(consumer, ends)
            await self._measure(consumer, ends)
            await self._look_further_back(consumer)
            if older.done():
                older.result()
            if not partitions:
                await asyncio.sleep(RETRY_S)
            if set(await self._partitions(consumer)) != set(partitions):
                return

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        # `topics()` returns names only, and `partitions_for_topic` has assigned topics only. A metadata
        # request for a missing topic would create it on a broker that allows that, hence the request for all
        # topics.
        cluster = await asyncio.wait_for(consumer._client.fetch_all_metadata(), PROBE_TIMEOUT_S)
        return sorted(
            TopicPartition(topic, number)
            for topic in self._topics
            for number in cluster.partitions_for_topic(topic) or ()
        )

    async def _assign(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        ends = await asyncio.wait_for(consumer.end_offsets(partitions), PROBE_TIMEOUT_S)
        kinds = {p: self._topics[p.topic] for p in partitions}
        new = {p: kind for p, kind in kinds.items() if p not in self._offsets}
        if new:
            now_ms = int(self._clock() * 1000)
            starts = await asyncio.wait_for(find_starts(consumer, new, ends, now_ms), START_TIMEOUT_S)
            self._offsets.update(starts.offsets)
            positions = (partition for partition, kind in new.items() if kind == "positions")
            self._positions_from.update((partition, starts.offsets[partition]) for partition in positions)
            self._newest_read.clear()
            self._older.update(starts.older)
            self.board.is_reading_history = bool(self._older)
        for partition in partitions:
            self._fresh_from.setdefault(partition, ends[partition])
            consumer.seek(partition, self._offsets[partition])
        self.board.progress.count = sum(kind == "positions" for kind in kinds.values())
        self._began_at = min(self._began_at, time.monotonic())

    async def _read_older(self) -> None:
        """Read the older part of `aggregates` after the newest part; continue where it was interrupted."""
        await self._newest_read.wait()
        if not self._older:
            return
        consumer = self._consumer()
        try:
            await consumer.start()
            consumer.assign(list(self._older))
            for partition, (offset, _) in self._older.items():
                consumer.seek(partition, offset)
            while self._older:
                await self._read_some_older(consumer)
                await asyncio.sleep(0)
            self.board.is_reading_history = False
        finally:
            await _stop(consumer)

    async def _read_some_older(self, consumer: AIOKafkaConsumer) -> None:
        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
        for partition, records in batches.items():
            _, until = self._older[partition]
            self._take_records(partition, [record for record in records if record.offset < until])
        for partition, (_, until) in list(self._older.items()):
            position = await asyncio.wait_for(consumer.position(partition), PROBE_TIMEOUT_S)
            self._older[partition] = (position, until)
            if position >= until:
                consumer.pause(partition)
                del self._older[partition]

    async def _look_further_back(self, consumer: AIOKafkaConsumer) -> None:
        """Read `positions` from ten times further back for each slot without a progress message."""
        missing = [p for p in self._positions_from if p.partition not in self.board.progress.slots]
        if not missing or not self._newest_read.is_set():
            return
        begins = await asyncio.wait_for(consumer.beginning_offsets(missing), PROBE_TIMEOUT_S)
        ends = await asyncio.wait_for(consumer.end_offsets(missing), PROBE_TIMEOUT_S)
        for partition in missing:
            start = self._positions_from.pop(partition)
            if start > begins[partition]:
                back = 10 * max(ends[partition] - start, POSITIONS_BACK)
                self._positions_from[partition] = max(begins[partition], ends[partition] - back)
                consumer.seek(partition, self._positions_from[partition])

    async def _probe(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> Offsets:
        """Return the end offsets. Raises a `KafkaError` or `TimeoutError` if no broker answers."""
        if not partitions:
            self.board.link = KafkaLink("waiting", f"the topics {', '.join(self._topics)} do not exist yet")
            return {}
        ends: Offsets = await asyncio.wait_for(consumer.end_offsets(partitions), PROBE_TIMEOUT_S)
        self.board.link = KafkaLink("live")
        return ends

    async def _measure(self, consumer: AIOKafkaConsumer, ends: Offsets) -> None:
        """Update the lag of the board; `position` counts control records, which no batch contains."""
        behind = 0
        for partition, end in ends.items():
            position = await asyncio.wait_for(consumer.position(partition), PROBE_TIMEOUT_S)
            self._offsets[partition] = position
            behind += max(end - position, 0)
        self.board.behind_messages = behind
        if ends and behind == 0:
            self._newest_read.set()
            waited_s = time.monotonic() - self._began_at
            if not self.board.is_reading_history or waited_s > READY_AFTER_S:
                self.board.is_caught_up = True

    def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            self._take_records(partition, records)
            if records:  # `dead` counts must not repeat, so the offset moves with the batch
                self._offsets[partition] = records[-1].offset + 1

    def _take_records(self, partition: TopicPartition, records: list[ConsumerRecord]) -> None:
        now, kind = self._clock(), self._topics[partition.topic]
        fresh_from = self._fresh_from[partition]
        for record in records:
            try:
                self._take_one(kind, record, now, is_fresh=record.offset >= fresh_from)
            except ForeignMessage as error:
                self.board.foreign[kind] += 1
                self._warn(partition, record.offset, error)

    def _take_one(self, kind: str, record: ConsumerRecord, now: float, *, is_fresh: bool) -> None:
        if kind == "aggregates":
            written_at = now if is_fresh else record.timestamp / 1000
            self.board.take_aggregate(record.value or b"", now, written_at, is_fresh=is_fresh)
        elif kind == "positions":
            if record.key == PROGRESS_KEY and record.value is not None:
                self.board.take_progress(record.partition, record.value)
        elif kind == "alerts":
            self.board.take_alert((record.key or b"").decode(errors="replace"), record.value)
        elif kind == "health":
            self.board.take_data_health(record.value or b"")
        else:
            headers: Iterable[tuple[str, bytes]] = record.headers
            self.board.take_dead(headers)

    def _warn(self, partition: TopicPartition, offset: int, error: ForeignMessage) -> None:
        moment = time.monotonic()
        if moment - self._warned_at < WARN_S:
            return
        self._warned_at = moment
        log.warning(
            "foreign message skipped", topic=partition.topic, partition=partition.partition,
            offset=offset, error=str(error)[:200], skipped=dict(self.board.foreign),
        )  # fmt: skip


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, also if its broker is gone.

    aiokafka 0.14 cancels its fetches and awaits them without a guard: with a fetch in flight, `stop` raises
    `CancelledError` although this task is not cancelled, and leaves its connections open (observed after the
    broker was killed). With that error, the feed would end silently.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await consumer._client.close()
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
