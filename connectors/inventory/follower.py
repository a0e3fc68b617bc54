"""The reader of the topic `inventory`, which keeps a directory up to date.

`vpcflow inventory` writes to partition 0 only. If the topic does not exist, or has no message, the directory
is empty, and every lookup returns None.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.inventory.directory import Directory
from connectors.inventory.geo import GeoFiles
from connectors.inventory.network_rows import NetworkHistory
from connectors.inventory.rows import NETWORK, ForeignRow
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.reading import committed_reader, read_to_end
from connectors.kafka.messages import check_format
from connectors.settings import Common, Named

log = structlog.get_logger()

TOPIC, PARTITION = "inventory", 0
POLL_MS = 1_000
LOOK_AGAIN_S = 10.0
"""Pause before the topic is looked up again, while it does not exist."""


class Follower:
    """The directory of one process, with the MaxMind databases of its settings.

    `run` follows the topic until it is cancelled; `read` reads it once, for a command that ends. With a
    `network`, the rows of the network configuration are added to it.
    """

    def __init__(self, settings: Common, network: NetworkHistory | None = None) -> None:
        self._kafka = KafkaConnection.of(settings)
        self._topic = settings.prefix + TOPIC
        geo = GeoFiles()
        if isinstance(settings, Named):
            geo = GeoFiles(settings.country_file, settings.asn_file)
        self._network = network
        self.directory = Directory(geo if geo else None)
        self.has_caught_up = False
        """True if the topic was read up to the end that it had at the start, or does not exist."""

    async def run(self) -> None:
        """Follow the topic until cancelled. Raises `MissingAcl`, `NewerFormat` and aiokafka's errors."""
        while not await self._follow():
            self.has_caught_up = True
            await asyncio.sleep(LOOK_AGAIN_S)

    async def read(self) -> Directory:
        """Read the topic up to its end. Raises `MissingAcl`, `NewerFormat` and aiokafka's errors."""
        async with committed_reader(self._kafka, self._topic) as consumer:
            if await self._assign(consumer):
                await self._catch_up(consumer)
        self.has_caught_up = True
        return self.directory

    async def _follow(self) -> bool:
        async with committed_reader(self._kafka, self._topic) as consumer:
            if not await self._assign(consumer):
                return False
            await self._catch_up(consumer)
            self.has_caught_up = True
            while True:
                for messages in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    self._apply(messages)

    async def _assign(self, consumer: AIOKafkaConsumer) -> bool:
        """Assign the partition; return False if the topic does not exist."""
        if self._topic not in await consumer.topics():
            return False
        consumer.assign([TopicPartition(self._topic, PARTITION)])
        return True

    async def _catch_up(self, consumer: AIOKafkaConsumer) -> None:
        async for messages in read_to_end(consumer, TopicPartition(self._topic, PARTITION)):
            self._apply(messages)

    def _apply(self, messages: Sequence[Any]) -> None:
        before = self.directory.foreign
        for message in messages:
            check_format(self._topic, message.headers)
            self.directory.apply(message.key, message.value)
            if self._network is not None and (message.key or b"").startswith(NETWORK):
                try:
                    self._network.apply(message.key, message.value)
                except ForeignRow:
                    self.directory.foreign += 1
        if found := self.directory.foreign - before:
            log.warning("foreign messages ignored", topic=self._topic, messages=found)
