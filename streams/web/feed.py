"""From Kafka to the board: reads `aggregates`, `alerts`, `dead`, `health` and `positions` until cancelled.

No group and no committed offsets: every instance of the page reads everything, and the board is rebuilt at
each start, from where `starts.py` decides. `read_committed`, as all consumers. A lost broker is a
state of the board, shown on the page; the feed goes on where it stopped as soon as a broker answers. A
foreign message adds one to a counter and writes a rate-limited line. Any other exception ends the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from connectors.progress import PROGRESS_KEY
from streams.web.starts import POSITIONS_BACK, Offsets, find_starts
from streams.web.state.board import Board, Link
from streams.web.state.history import ForeignMessage

TOPICS = ("aggregates", "alerts", "dead", "health", "positions")
POLL_MS = 200
BATCH_RECORDS = 2_000  # 2,000 x 3 µs: the page's own requests wait 6 ms at most
PROBE_S = 2.0  # aiokafka retries in silence, so a lost broker is noticed by asking
PROBE_TIMEOUT_S = 5.0
START_TIMEOUT_S = 15.0
RETRY_S = 1.0
COMPLAIN_S = 10.0
READY_AFTER_S = 3.0
"""The page is ready when the newest messages are read, and all older ones too, unless that takes longer."""

log = structlog.get_logger(__name__)


class Feed:
    """Follows the topics and keeps a board up to date. `run` is the task; the constructor opens nothing."""

    def __init__(
        self, *, kafka: str, prefix: str, board: Board, clock: Callable[[], float] = time.time
    ) -> None:
        self._kafka = kafka
        self._topics = {prefix + name: name for name in TOPICS}
        self._clock = clock
        self._places: Offsets = {}
        self._older: dict[TopicPartition, tuple[int, int]] = {}
        self._fresh_from: Offsets = {}
        self._positions_from: Offsets = {}
        self._newest_read = asyncio.Event()
        self._began_at = float("inf")
        self._complained_at = float("-inf")
        self.board = board

    async def run(self) -> None:
        """Read until cancelled; connect again, from the last place, whenever the broker is lost."""
        while True:
            consumer = self._consumer()
            try:
                await consumer.start()
                partitions = await self._partitions(consumer)
                if partitions:
                    await self._assign(consumer, partitions)
                async with self._reading_older() as older:
                    await self._follow(consumer, partitions, older)
            except (KafkaError, OSError, TimeoutError) as error:
                if self.board.link.state != "reconnecting":
                    log.warning("kafka does not answer, trying again", error=repr(error))
                self.board.link = Link("reconnecting", f"Kafka does not answer: {type(error).__name__}")
                await asyncio.sleep(RETRY_S)
            finally:
                await _stop(consumer)

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            isolation_level="read_committed",
            auto_offset_reset="earliest",  # also after retention or a new topic of the same name
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
        """Read what there is; return when a topic or a partition has appeared that is not read yet."""
        while True:
            ends = await self._probe(consumer, partitions)
            deadline = time.monotonic() + PROBE_S
            while partitions and time.monotonic() < deadline:
                batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
                self._take(batches)
                await asyncio.sleep(0)  # a full backlog answers at once, and would starve the page
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
        # `topics()` gives names only, and `partitions_for_topic` knows assigned topics only. Asking about a
        # missing topic by name would create it on a broker that allows that, hence all metadata.
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
        new = {p: kind for p, kind in kinds.items() if p not in self._places}
        if new:
            now_ms = int(self._clock() * 1000)
            starts = await asyncio.wait_for(find_starts(consumer, new, ends, now_ms), START_TIMEOUT_S)
            self._places.update(starts.offsets)
            positions = (partition for partition, kind in new.items() if kind == "positions")
            self._positions_from.update((partition, starts.offsets[partition]) for partition in positions)
            self._newest_read.clear()
            self._older.update(starts.older)
            self.board.is_reading_history = bool(self._older)
        for partition in partitions:
            self._fresh_from.setdefault(partition, ends[partition])
            consumer.seek(partition, self._places[partition])
        self.board.progress.count = sum(kind == "positions" for kind in kinds.values())
        self._began_at = min(self._began_at, time.monotonic())

    async def _read_older(self) -> None:
        """Read the older part of `aggregates` after the newest; begins where it was interrupted."""
        await self._newest_read.wait()
        if not self._older:
            return
        consumer = self._consumer()
        try:
            await consumer.start()
            consumer.assign(list(self._older))
            for partition, (place, _) in self._older.items():
                consumer.seek(partition, place)
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
            place = await asyncio.wait_for(consumer.position(partition), PROBE_TIMEOUT_S)
            self._older[partition] = (place, until)
            if place >= until:
                consumer.pause(partition)
                del self._older[partition]

    async def _look_further_back(self, consumer: AIOKafkaConsumer) -> None:
        """Read `positions` from ten times further back for each slot whose progress was not found."""
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
        """Ask the broker where the logs end; raises when it does not answer."""
        if not partitions:
            self.board.link = Link("waiting", f"no topic {', '.join(self._topics)} yet")
            return {}
        ends: Offsets = await asyncio.wait_for(consumer.end_offsets(partitions), PROBE_TIMEOUT_S)
        self.board.link = Link("live")
        return ends

    async def _measure(self, consumer: AIOKafkaConsumer, ends: Offsets) -> None:
        """See how far behind the ends we are; positions count control records, which no batch shows."""
        behind = 0
        for partition, end in ends.items():
            place = await asyncio.wait_for(consumer.position(partition), PROBE_TIMEOUT_S)
            self._places[partition] = place
            behind += max(end - place, 0)
        self.board.behind_messages = behind
        if ends and behind == 0:
            self._newest_read.set()
            waited_s = time.monotonic() - self._began_at
            if not self.board.is_reading_history or waited_s > READY_AFTER_S:
                self.board.is_caught_up = True

    def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            self._take_records(partition, records)
            if records:  # a refusal counted twice would be wrong, so the place moves with the batch
                self._places[partition] = records[-1].offset + 1

    def _take_records(self, partition: TopicPartition, records: list[ConsumerRecord]) -> None:
        now, kind = self._clock(), self._topics[partition.topic]
        fresh_from = self._fresh_from[partition]
        for record in records:
            try:
                self._take_one(kind, record, now, is_fresh=record.offset >= fresh_from)
            except ForeignMessage as error:
                self.board.foreign[kind] += 1
                self._complain(partition, record.offset, error)

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
            self.board.take_health(record.value or b"")
        else:
            headers: Iterable[tuple[str, bytes]] = record.headers
            self.board.take_dead(headers)

    def _complain(self, partition: TopicPartition, offset: int, error: ForeignMessage) -> None:
        moment = time.monotonic()
        if moment - self._complained_at < COMPLAIN_S:
            return
        self._complained_at = moment
        log.warning(
            "foreign message skipped", topic=partition.topic, partition=partition.partition,
            offset=offset, error=str(error)[:200], skipped=dict(self.board.foreign),
        )  # fmt: skip


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, also one whose broker is gone.

    aiokafka 0.14 cancels its own fetches and awaits them bare, so with a fetch in flight `stop` raises
    `CancelledError` although our task was not cancelled, and leaves its connections open (seen when the
    broker was killed). If the error were passed on, the feed would end without a trace.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await consumer._client.close()
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
