"""Topics are made with the right settings, and what is there and wrong is said in one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connectors.slots import REQUEST_MAX_BYTES
from connectors.topics import TOPICS, TopicError, ensure_topics
from emulator.ports import free_port

SLOTS = 3


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client that is closed at the end."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


async def settings(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    """Return what the broker says of a topic."""
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((_code, _message, _kind, _name, entries),) = answer.resources
    return {entry[0]: entry[1] for entry in entries}


async def partitions(admin: AIOKafkaAdminClient, prefix: str) -> dict[str, int]:
    """Return the number of partitions of every topic under a prefix."""
    return {
        found["topic"].removeprefix(prefix): len(found["partitions"])
        for found in await admin.describe_topics()
        if found["topic"].startswith(prefix)
    }


@pytest.mark.kafka
async def test_every_topic_is_made_with_its_settings(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    await ensure_topics(kafka, prefix, SLOTS)
    assert await partitions(admin, prefix) == {topic.name: SLOTS for topic in TOPICS}
    for topic in TOPICS:
        found = await settings(admin, prefix + topic.name)
        assert set(found["cleanup.policy"].split(",")) == set(topic.policy.split(","))
        assert found["max.message.bytes"] == str(REQUEST_MAX_BYTES)
        if topic.retention_ms is not None:
            assert found["retention.ms"] == str(topic.retention_ms)


@pytest.mark.kafka
async def test_processes_that_start_together_all_succeed(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    await asyncio.gather(*(ensure_topics(kafka, prefix, SLOTS) for _ in range(4)))
    await ensure_topics(kafka, prefix, SLOTS)
    assert await partitions(admin, prefix) == {topic.name: SLOTS for topic in TOPICS}


@pytest.mark.kafka
async def test_another_partition_count_is_refused(kafka: str, prefix: str) -> None:
    await ensure_topics(kafka, prefix, SLOTS)
    with pytest.raises(TopicError, match=rf"{prefix}\S+ has 3 partitions, not 4: set VPCFLOW_SLOTS=3"):
        await ensure_topics(kafka, prefix, SLOTS + 1)


@pytest.mark.kafka
async def test_another_clean_up_policy_is_refused(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """A compacted input has holes in its numbers; a state that is deleted is no state."""
    wrong = NewTopic(f"{prefix}blocks", SLOTS, 1, topic_configs={"cleanup.policy": "compact"})
    await admin.create_topics([wrong])
    with pytest.raises(TopicError, match=rf"{prefix}blocks has cleanup.policy=compact, not delete"):
        await ensure_topics(kafka, prefix, SLOTS)


@pytest.mark.kafka
async def test_a_topic_that_cannot_be_made_is_refused(kafka: str) -> None:
    """The broker refuses the name; aiokafka puts that in its answer and raises nothing."""
    with pytest.raises(TopicError, match=r"refused to make topic .two words\."):
        await ensure_topics(kafka, "two words.", SLOTS)


@pytest.mark.parametrize("where", ["127.0.0.1:{port}", "no-such-host.invalid:9092", "127.0.0.1:what"])
async def test_no_kafka_is_one_sentence(where: str, caplog: pytest.LogCaptureFixture) -> None:
    kafka = where.format(port=free_port())
    with pytest.raises(TopicError, match=rf"no Kafka answers at {kafka}: start one, or set VPCFLOW_KAFKA"):
        await ensure_topics(kafka, "unused.", SLOTS)
    assert not caplog.records
