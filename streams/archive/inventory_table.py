"""The writing of the table `inventory`, by the owner of partition 0: one file, replaced when it changes."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiokafka import TopicPartition
from polars.exceptions import PolarsError

from connectors.aws.threads import in_thread
from connectors.inventory.follower import PARTITION, TOPIC
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.reading import committed_reader
from streams.archive import metrics
from streams.archive.history import History
from streams.archive.ledger import Publication
from streams.archive.names import STAGING
from streams.archive.parquet import decode_inventory, encode_inventory
from streams.archive.tables import INVENTORY_PATH
from streams.archive.writer import Writer

log = structlog.get_logger()

POLL_MS = 1_000


class InventoryTable:
    """The table of one archive. A file is written at most once in `every_s`; `days` 0 keeps all versions."""

    def __init__(
        self, kafka: KafkaConnection, prefix: str, writer: Writer, *, every_s: float, days: int
    ) -> None:
        self._kafka, self._topic, self._writer = kafka, prefix + TOPIC, writer
        self._every_s, self._days = every_s, days
        self._history = History()

    async def run(self) -> None:
        """Follow the topic until cancelled. Raises `MissingAcl` and aiokafka's errors."""
        self._history = History(await self._stored())
        async with committed_reader(self._kafka, self._topic) as consumer:
            await self._follow(consumer)

    async def _stored(self) -> Any:
        """Return the table in the archive; None if there is none, or if it cannot be read."""
        data = await self._writer.fetch(INVENTORY_PATH)
        try:
            return None if data is None else await in_thread(decode_inventory, data)
        except PolarsError as error:
            log.warning("part is unreadable", path=INVENTORY_PATH, error=str(error).splitlines()[0][:200])
            return None

    async def _follow(self, consumer: Any) -> None:
        place = TopicPartition(self._topic, PARTITION)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        written_at = float("-inf")
        while True:
            for messages in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for message in messages:
                    if not self._history.apply(message.key, message.value):
                        metrics.REFUSED.inc()
                        log.warning("message is not of inventory", offset=message.offset)
            is_due = time.monotonic() - written_at >= self._every_s
            if self._history.has_changed and is_due and await consumer.position(place) >= end:
                await self._write()
                written_at = time.monotonic()

    async def _write(self) -> None:
        if self._days:
            self._history.expire(datetime.now(UTC).replace(tzinfo=None) - timedelta(days=self._days))
        data = await in_thread(encode_inventory, self._history.frame())
        staged = f"{STAGING}/inventory/{uuid.uuid4().hex}.parquet"
        await self._writer.put(staged, data)
        await self._writer.finish(Publication(((staged, INVENTORY_PATH),)))


async def cancelled(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait for its end."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
