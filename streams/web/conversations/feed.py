"""The feed of the conversations of the board, and of its inventory, both from Kafka.

It reads the last hour of the topic `conversations` at its start, without a consumer group and with
`read_committed`. Messages are large, so it is a consumer of its own with small batches, beside the feed of
the other topics. A lost broker is reported by that feed; this one continues at its offsets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.inventory.follower import Follower
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.reading import committed_reader, offsets_at, partitions_of
from streams.web.state.board import Board
from streams.web.state.history import ForeignMessage

TOPIC = "conversations"
HISTORY_MS = 3_600_000
POLL_MS = 500
BATCH_RECORDS = 4  # of up to a megabyte; an HTTP request waits some 20 ms at most
RETRY_S = 1.0
WARN_S = 10.0

log = structlog.get_logger(__name__)


class ConversationFeed:
    """The reader of conversations and inventory, which updates a board. The constructor opens nothing."""

    def __init__(
        self,
        *,
        kafka: KafkaConnection,
        prefix: str,
        board: Board,
        follower: Follower,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kafka, self._topic, self._board = kafka, prefix + TOPIC, board
        self._follower, self._clock = follower, clock
        self._offsets: dict[TopicPartition, int] = {}
        self._warned_at = float("-inf")

    async def run(self) -> None:
        """Read the conversations until cancelled. Raises `MissingAcl`."""
        await self._retrying(self._read)

    async def follow_inventory(self) -> None:
        """Read the inventory until cancelled. Raises `MissingAcl` and `NewerFormat`."""
        self._board.directory = self._follower.directory
        await self._retrying(self._follower.run)

    async def _retrying(self, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat a reader after an error of Kafka."""
        while True:
            try:
                await work()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("kafka does not answer, reading again", topic=self._topic, error=repr(error))
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        async with committed_reader(self._kafka, self._topic, max_partition_fetch_bytes=1 << 20) as consumer:
            if await self._assign(consumer):
                await self._follow(consumer)

    async def _assign(self, consumer: AIOKafkaConsumer) -> bool:
        """Assign every partition and seek; return False if the topic does not exist."""
        places = await partitions_of(consumer, self._topic)
        if not places:
            return False
        consumer.assign(places)
        new = [place for place in places if place not in self._offsets]
        if new:
            since_ms = int(self._clock() * 1000) - HISTORY_MS
            self._offsets |= await offsets_at(consumer, since_ms, await consumer.end_offsets(new))
        for place in places:
            consumer.seek(place, self._offsets[place])
        return True

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
            self._board.has_conversations = True
            for place, records in found.items():
                for record in records:
                    self._take(record.value or b"", place, record.offset)
                    self._offsets[place] = record.offset + 1
                    await asyncio.sleep(0)  # HTTP requests run between two messages.

    def _take(self, value: bytes, place: TopicPartition, offset: int) -> None:
        try:
            self._board.conversations.take(value)
        except ForeignMessage as error:
            self._board.foreign[TOPIC] += 1
            now = time.monotonic()
            if now - self._warned_at >= WARN_S:
                self._warned_at = now
                log.warning(
                    "foreign message skipped", topic=place.topic, partition=place.partition, offset=offset,
                    error=str(error)[:200],
                )  # fmt: skip
            return
        self._board.messages[TOPIC] += 1
