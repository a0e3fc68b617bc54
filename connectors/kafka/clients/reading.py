"""Reading committed messages without a consumer group: a consumer, its partitions, offsets of a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls

POLL_MS = 200


@asynccontextmanager
async def committed_reader(
    kafka: KafkaConnection, topic: str, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """Start a consumer of committed messages of a topic, and stop it at the end. `options` are aiokafka's.

    It has no group and no partitions. An offset that retention has passed becomes the earliest one. Raises
    `MissingAcl` and aiokafka's errors.
    """
    consumer = factory.consumer(
        kafka,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **options,
    )
    with naming_missing_acls(kafka, [topic]):
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic, as the cluster has them now; none if it does not exist."""
    cluster = await consumer._client.fetch_all_metadata()
    return [TopicPartition(topic, one) for one in cluster.partitions_for_topic(topic) or ()]


async def read_to_end(
    consumer: AIOKafkaConsumer, place: TopicPartition
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """Yield the messages of an assigned partition, up to its end at the call."""
    end = (await consumer.end_offsets([place]))[place]
    while await consumer.position(place) < end:
        for messages in (await consumer.getmany(place, timeout_ms=POLL_MS)).values():
            yield messages


async def offsets_at(
    consumer: AIOKafkaConsumer, at_ms: int, ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Return the offset of the first message at or after a time (epoch ms), the end if there is none.

    `ends` are the end offsets of the partitions.
    """
    if not ends:
        return {}
    found = await consumer.offsets_for_times(dict.fromkeys(ends, max(at_ms, 0)))
    return {p: end if found.get(p) is None else min(found[p].offset, end) for p, end in ends.items()}
