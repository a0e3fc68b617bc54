"""The table of `vpcflow topics list`: every topic with its settings and its number of messages."""

from __future__ import annotations

import io

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topic_settings import HOUR_MS, TOPICS, Topic
from connectors.kafka.topics import TopicError, examine_topics
from connectors.settings import Common

WIDTH = 100


async def table(settings: Common) -> str:
    """Return the table, and a line for each missing topic and each setting that differs.

    Raises `TopicError` and `MissingAcl`.
    """
    kafka = KafkaConnection.of(settings)
    examined = await examine_topics(kafka, settings.prefix, settings.slots)
    there = [topic for topic in TOPICS if settings.prefix + topic.name not in examined.missing]
    counts = await _counts(kafka, settings.prefix, there)
    shown = Table("topic", "policy", "kept", box=None, pad_edge=False)
    for name in ("partitions", "messages"):
        shown.add_column(name, justify="right")
    for topic in there:
        partitions, messages = counts[topic.name]
        shown.add_row(
            settings.prefix + topic.name, topic.policy, _kept(topic), str(partitions), f"{messages:,}"
        )
    out = Console(file=io.StringIO(), width=WIDTH)
    out.print(shown)
    for name in examined.missing:
        out.print(
            f"topic {name} does not exist yet: a process of vpcflow creates it at its start", soft_wrap=True
        )
    for one in examined.differences:
        out.print(one.sentence, soft_wrap=True, markup=False, highlight=False)
    text: str = out.file.getvalue()  # type: ignore[attr-defined]
    return text


async def _counts(kafka: KafkaConnection, prefix: str, topics: list[Topic]) -> dict[str, tuple[int, int]]:
    """Return the number of partitions and of offsets of each topic."""
    consumer = factory.consumer(kafka, enable_auto_commit=False)
    try:
        await consumer.start()
        cluster = await consumer._client.fetch_all_metadata()
        places = {
            topic.name: [
                TopicPartition(prefix + topic.name, number)
                for number in cluster.partitions_for_topic(prefix + topic.name) or ()
            ]
            for topic in topics
        }
        every = [place for found in places.values() for place in found]
        begins = await consumer.beginning_offsets(every) if every else {}
        ends = await consumer.end_offsets(every) if every else {}
    except KafkaError as error:
        raise TopicError(f"Kafka at {kafka.servers} did not answer: {error}") from error
    finally:
        await consumer.stop()
    return {name: (len(found), sum(ends[p] - begins[p] for p in found)) for name, found in places.items()}


def _kept(topic: Topic) -> str:
    return "newest value" if topic.retention_ms is None else f"{topic.retention_ms // HOUR_MS} h"
