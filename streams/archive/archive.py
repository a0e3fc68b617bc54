"""`vpcflow archive`: a consumer group on `finals`, and the partitions that it assigns to this process.

Kafka assigns the partitions, detects dead members and fences paused ones. A partition is opened when it is
assigned, and read from the position in its state. Its task commits beside the reading; a partition with a
full batch is paused until its commit. An unknown error ends the process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from connectors.archive_settings import days_by_table
from connectors.health_endpoint import health_endpoint
from connectors.inventory.follower import PARTITION
from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls
from connectors.kafka.messages import check_format
from connectors.kafka.ownership import HEARTBEAT_MS, SESSION_MS
from connectors.kafka.recovery import Recovery
from connectors.kafka.slots import Slot, run_together
from connectors.kafka.topics import METADATA_AGE_MS, ensure_topics
from connectors.settings import Archive
from streams.archive import metrics
from streams.archive.inventory_table import InventoryTable, cancelled
from streams.archive.partition import ArchivePartition, Rules
from streams.archive.storage.interface import Writing
from streams.archive.storage.places import place_of
from streams.archive.writer import Writer
from streams.numbering import Input, NumbersWentBack, Rewind

log = structlog.get_logger()

POLL_MS = 500
MESSAGES_MAX = 64
INVENTORY_S = 60.0
"""The longest interval between two files of the table `inventory`, if it changes all the time."""
REWINDS_MAX = 5
"""Attempts to read messages at a gap again. Messages of `finals` that cannot be read are then lost."""


class ArchiveProcess(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions of this process."""

    def __init__(self, settings: Archive, storage: Writing) -> None:
        self._settings, self._storage = settings, storage
        self._kafka = KafkaConnection.of(settings)
        self._topic = f"{settings.prefix}finals"
        self._rules = Rules(
            settings.archive_part_s, settings.archive_part_mb << 20, days_by_table(settings.archive_days)
        )
        self._owned: dict[int, ArchivePartition] = {}
        self._rewinds: dict[int, tuple[int, int]] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._inventory: asyncio.Task[None] | None = None
        self._failed: Exception | None = None
        self._is_assigned = False
        self._recovery, self._memory = Recovery(), asyncio.Lock()

    @property
    def is_ready(self) -> bool:
        """True if the partitions are assigned, and the archive accepts its files."""
        return self._is_assigned and not any(one.is_failing for one in self._owned.values())

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Close the partitions; the next owner reads what is not committed again."""
        owned, self._owned = self._owned, {}
        inventory, self._inventory = self._inventory, None
        await cancelled(inventory)
        ended = await asyncio.gather(*(one.close() for one in owned.values()), return_exceptions=True)
        self._failed = self._failed or next((one for one in ended if isinstance(one, Exception)), None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Open the assigned partitions. `run` raises the errors, because aiokafka would only log them."""
        try:
            await self._open(list(assigned))
        except Exception as error:
            self._failed = error

    async def _open(self, assigned: list[TopicPartition]) -> None:
        owned = {place.partition: self._make(place.partition) for place in assigned}
        try:
            await run_together(one.open() for one in owned.values())
            await self._seek(owned)
        except BaseException:
            await asyncio.gather(*(one.close() for one in owned.values()))
            raise
        for one in owned.values():
            one.start()
        if PARTITION in owned:
            self._inventory = asyncio.ensure_future(self._inventory_table().run())
        self._owned, self._is_assigned = owned, True
        self._recovery.opened(time.monotonic())
        log.info("partitions assigned", partitions=sorted(owned))

    def _make(self, q: int) -> ArchivePartition:
        prefix = self._settings.prefix
        contract = {"VPCFLOW_SLOTS": self._settings.slots}
        slot = Slot(self._kafka, f"{prefix}archive-state", q, f"{prefix}archive-{q}", contract=contract)
        return ArchivePartition(slot, self._storage, self._rules, self._memory)

    def _inventory_table(self) -> InventoryTable:
        days = self._rules.days.get("inventory", self._rules.days.get("*", 0))
        writer, every_s = Writer(self._storage, PARTITION), min(self._rules.part_s, INVENTORY_S)
        return InventoryTable(self._kafka, self._settings.prefix, writer, every_s=every_s, days=days)

    async def _seek(self, owned: dict[int, ArchivePartition]) -> None:
        """Seek to the committed positions. Raises `NumbersWentBack` for a topic that was recreated."""
        assert self._consumer is not None
        places = {TopicPartition(self._topic, q): one for q, one in owned.items()}
        ends = await self._consumer.end_offsets(list(places)) if places else {}
        for place, one in places.items():
            if ends[place] < one.next_offset:
                raise NumbersWentBack(
                    f"topic {self._topic}, partition {place.partition}, ends at offset {ends[place]}, but was"
                    f" read up to offset {one.next_offset}: it was deleted or cut short. Use another"
                    " VPCFLOW_PREFIX and another VPCFLOW_ARCHIVE"
                )
            self._consumer.seek(place, one.next_offset)

    async def run(self, stop: asyncio.Event) -> None:
        """Archive until `stop` is set. Open the partitions again after an error that passes (`recovery`).

        Raises other errors, `ArchiveError` and `MissingAcl`.
        """
        group = f"{self._settings.prefix}archive"
        while not stop.is_set():
            try:
                with naming_missing_acls(self._kafka, [self._topic], [group]):
                    await self._run(stop)
            except Exception as error:
                if (pause_s := self._recovery.pause_s(error, time.monotonic())) is None:
                    raise
                log.warning("partitions are opened again", error=repr(error), pause_s=pause_s)
                self._failed, self._is_assigned = None, False
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause_s)

    async def _run(self, stop: asyncio.Event) -> None:
        self._consumer = consumer = factory.consumer(
            self._kafka,
            group_id=f"{self._settings.prefix}archive",
            client_id=f"{socket.gethostname()}/{os.getpid()}",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metadata_max_age_ms=METADATA_AGE_MS,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            group_instance_id=self._settings.archive_id or None,
        )
        consumer.subscribe([self._topic], listener=self)
        try:
            await consumer.start()
            while not stop.is_set():
                await self._poll(consumer)
            await asyncio.gather(*(one.stop() for one in self._owned.values()))
        finally:
            await self.on_partitions_revoked([])
            await consumer.stop()
            await self.on_partitions_revoked([])  # A last rebalance may have assigned some.

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=MESSAGES_MAX)
        if self._failed is not None:
            raise self._failed
        for place, messages in found.items():
            if (one := self._owned.get(place.partition)) is not None:
                await self._offer(consumer, place, one, messages)
        now = time.monotonic()
        for task in (self._inventory, *(one.task for one in self._owned.values())):
            if task is not None and task.done():
                task.result()
        for q, one in self._owned.items():
            place = TopicPartition(self._topic, q)
            if one.is_full:
                consumer.pause(place)
            elif place in consumer.paused():
                consumer.resume(place)
        metrics.BEHIND.set(max((one.behind_s(now) for one in self._owned.values()), default=0.0))

    async def _offer(
        self, consumer: AIOKafkaConsumer, place: TopicPartition, one: ArchivePartition, messages: list[Any]
    ) -> None:
        for found in messages:
            message = Input(found.offset, dict(found.headers), found.value or b"")
            with suppress(ValueError):  # A foreign header, which `offer` reports.
                check_format(self._topic, found.headers)
            back = one.offer(message)
            if isinstance(back, Rewind):
                await self._close_gap(consumer, place, one, message, back)
                return

    async def _close_gap(
        self,
        consumer: AIOKafkaConsumer,
        place: TopicPartition,
        one: ArchivePartition,
        message: Input,
        back: Rewind,
    ) -> None:
        """Read the missing messages again; skip them if retention deleted them, or if they are unreadable."""
        first = (await consumer.beginning_offsets([place]))[place]
        offset, count = self._rewinds.get(place.partition, (-1, 0))
        count = count + 1 if offset == back.offset else 1
        self._rewinds[place.partition] = back.offset, count
        if first > back.offset or count > REWINDS_MAX:
            one.skip_gap(message, back.missing)
            consumer.seek(place, message.offset)
        else:
            consumer.seek(place, back.offset)


async def run(settings: Archive) -> None:
    """Archive until SIGTERM or SIGINT. Raises `TopicError`, `ArchiveError`, and the errors of Kafka."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    storage = place_of(settings.archive)
    log.info("archiving", place=await asyncio.to_thread(storage.check))
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    process = ArchiveProcess(settings, storage)
    async with health_endpoint(settings, lambda: process.is_ready):
        await process.run(stop)
