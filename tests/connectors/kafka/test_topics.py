"""Topics are created with the right settings; an existing topic that does not fit is one sentence."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from structlog.testing import capture_logs

from connectors.kafka import topics
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import REQUEST_MAX_BYTES
from connectors.kafka.topic_settings import TOPICS
from connectors.kafka.topics import Examined, TopicError, ensure_topics, examine_topics
from emulator.kafka.ports import free_port

SLOTS = 3


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
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
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
    await asyncio.gather(*(ensure_topics(KafkaConnection(kafka), prefix, SLOTS) for _ in range(4)))
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    assert await partitions(admin, prefix) == {topic.name: SLOTS for topic in TOPICS}


@pytest.mark.kafka
async def test_another_partition_count_is_refused(kafka: str, prefix: str) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    with pytest.raises(TopicError, match=rf"{prefix}\S+ has 3 partitions, not 4: set VPCFLOW_SLOTS=3"):
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS + 1)


@pytest.mark.kafka
async def test_another_clean_up_policy_is_refused(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """A compacted input has holes in its numbers; a state that is deleted is no state."""
    wrong = NewTopic(f"{prefix}blocks", SLOTS, 1, topic_configs={"cleanup.policy": "compact"})
    await admin.create_topics([wrong])
    with pytest.raises(TopicError, match=rf"{prefix}blocks has cleanup.policy=compact, not delete"):
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)


async def make(admin: AIOKafkaAdminClient, prefix: str, **changed: str) -> None:
    """Create every topic as another tool does, with settings of `partials` changed."""
    created = []
    for topic in TOPICS:
        settings = {"cleanup.policy": topic.policy, "max.message.bytes": str(REQUEST_MAX_BYTES)}
        if topic.name == "partials":
            settings |= {name.replace("_", "."): value for name, value in changed.items()}
        created.append(NewTopic(prefix + topic.name, SLOTS, 1, topic_configs=settings))
    await admin.create_topics(created)
    while not {topic.name for topic in created} <= set(await admin.list_topics()):
        pass  # A broker learns of a new topic a moment after the controller has made it.


@pytest.mark.kafka
async def test_topics_created_elsewhere_with_a_smaller_message_size_are_refused(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """Kafka's own default refuses a block of 1 MiB with its headers."""
    await make(admin, prefix, max_message_bytes="1048588")
    wanted = rf"topic {prefix}partials has max.message.bytes=1048588, but .* set max.message.bytes=8388608"
    with pytest.raises(TopicError, match=wanted):
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)


@pytest.mark.kafka
async def test_a_segment_smaller_than_a_message_is_refused(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    await make(admin, prefix, segment_bytes="1048576")
    with pytest.raises(TopicError, match=rf"{prefix}partials has segment.bytes=1048576, but messages"):
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)


@pytest.mark.kafka
async def test_a_retention_of_an_older_version_is_a_warning(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """An older vpcflow kept partials for 6 h; its topics are used, and the log names the remedy."""
    await make(admin, prefix, retention_ms=str(6 * 3_600_000))
    with capture_logs() as logs:
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    (warning,) = [one for one in logs if one.get("topic") == f"{prefix}partials"]
    assert (warning["log_level"], warning["setting"], warning["value"]) == (
        "warning",
        "retention.ms",
        "21600000",
    )
    assert "a stop of more than 6 h loses messages; set retention.ms=86400000" in warning["why"]


@pytest.mark.kafka
async def test_a_topic_that_no_broker_can_write_is_refused(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    await make(admin, prefix, min_insync_replicas="2")
    with pytest.raises(TopicError, match=r"min.insync.replicas=2, but 1 replicas, so Kafka refuses every"):
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)


@pytest.mark.kafka
async def test_examining_creates_no_topic(kafka: str, prefix: str, admin: AIOKafkaAdminClient) -> None:
    found = await examine_topics(KafkaConnection(kafka), prefix, SLOTS)
    assert found == Examined(tuple(prefix + topic.name for topic in TOPICS), ())
    assert await partitions(admin, prefix) == {}
    await make(admin, prefix, max_message_bytes="1048588")
    found = await examine_topics(KafkaConnection(kafka), prefix, SLOTS)
    fatal = [one.sentence for one in found.differences if one.is_fatal]
    assert (found.missing, len(fatal)) == ((), 1)
    assert fatal[0].startswith(f"topic {prefix}partials has max.message.bytes=1048588")


@pytest.mark.kafka
async def test_a_broker_that_refuses_recommended_settings_gets_the_required_ones(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Managed services have minimums, such as 50 MiB for segment.bytes; here the value is no number."""
    monkeypatch.setattr(topics, "recommended", lambda _: {"segment.bytes": "50 MiB"})
    with capture_logs() as logs:
        await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    assert "broker refused a recommended topic setting" in [one["event"] for one in logs]
    assert await partitions(admin, prefix) == {topic.name: SLOTS for topic in TOPICS}


@pytest.mark.kafka
async def test_a_topic_that_cannot_be_made_is_refused(kafka: str) -> None:
    """The broker refuses the name; aiokafka puts that in its answer and raises nothing."""
    with pytest.raises(TopicError, match=r"refused to make topic .two words\."):
        await ensure_topics(KafkaConnection(kafka), "two words.", SLOTS)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("127.0.0.1:{port}", "the port is closed: start one, or set VPCFLOW_KAFKA"),
        ("no-such-host.invalid:9092", "the host name cannot be resolved: start one, or set VPCFLOW_KAFKA"),
        ("127.0.0.1:what", "it is not host:port"),
    ],
)
async def test_no_kafka_is_one_sentence(where: str, why: str, caplog: pytest.LogCaptureFixture) -> None:
    kafka = where.format(port=free_port())
    with pytest.raises(TopicError, match=rf"no Kafka answers at {kafka}: {why}"):
        await ensure_topics(KafkaConnection(kafka), "unused.", SLOTS)
    assert not caplog.records
