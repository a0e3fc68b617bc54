"""Names, settings, creation and checking of every topic.

A topic that exists with another partition count or clean-up policy is an error with a sentence, because a
hop's numbers and its state would not be where they are looked for (design.md 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError

from connectors.slots import REQUEST_MAX_BYTES

HOUR_MS = 3_600_000
REPLICAS = 3  # or as many as there are brokers


class TopicError(RuntimeError):
    """Kafka cannot be reached, or a topic is not as we need it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name without the prefix, and how Kafka keeps it."""

    name: str
    policy: str
    retention_ms: int | None = None


TOPICS = (
    Topic("blocks", "delete", 24 * HOUR_MS),
    Topic("positions", "compact"),
    Topic("partials", "delete", 6 * HOUR_MS),
    Topic("sum-state", "compact"),
    Topic("merge-state", "compact"),
    Topic("detect-state", "compact"),
    Topic("aggregates", "delete", 48 * HOUR_MS),
    Topic("finals", "delete", 6 * HOUR_MS),
    Topic("alerts", "compact,delete", 30 * 24 * HOUR_MS),
    Topic("dead", "delete", 7 * 24 * HOUR_MS),
)


def _settings(topic: Topic) -> dict[str, str]:
    settings = {"cleanup.policy": topic.policy, "max.message.bytes": str(REQUEST_MAX_BYTES)}
    if topic.retention_ms is not None:
        settings["retention.ms"] = str(topic.retention_ms)
    if "compact" in topic.policy:
        # State is rewritten all the time: small segments, cleaned early, keep an opening slot fast.
        settings |= {"segment.bytes": str(16 << 20), "min.cleanable.dirty.ratio": "0.1"}
    return settings


async def ensure_topics(kafka: str, prefix: str, slots: int) -> None:
    """Create what is missing and check what is there. Raises `TopicError` with one sentence."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    try:
        await admin.start()
    except KafkaConnectionError as error:
        raise TopicError(
            f"no Kafka answers at {kafka}: start one, or set VPCFLOW_KAFKA to its host:port"
        ) from error
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if prefix + topic.name not in there]
        if missing:
            await _create(admin, prefix, missing, slots)
        await _check(admin, prefix, slots)
    except KafkaError as error:
        raise TopicError(f"Kafka at {kafka} refused to list or make topics: {error}") from error
    finally:
        await admin.close()


async def _create(
    admin: AIOKafkaAdminClient, prefix: str, missing: list[Topic], slots: int
) -> None:
    brokers = (await admin.describe_cluster())["brokers"]
    replication = min(REPLICAS, len(brokers))
    topics = [NewTopic(prefix + t.name, slots, replication, topic_configs=_settings(t)) for t in missing]
    try:
        await admin.create_topics(topics)
    except TopicAlreadyExistsError:
        return  # Another process of ours was first; the check that follows looks at what it made.


async def _check(admin: AIOKafkaAdminClient, prefix: str, slots: int) -> None:
    names = [prefix + topic.name for topic in TOPICS]
    for found in await admin.describe_topics(names):
        if not found["error_code"] and len(found["partitions"]) != slots:
            raise TopicError(
                f"topic {found['topic']} has {len(found['partitions'])} partitions, not {slots}:"
                f" set VPCFLOW_SLOTS={len(found['partitions'])}, or choose another VPCFLOW_PREFIX"
            )
    policies = await _policies(admin, names)
    for topic in TOPICS:
        policy = policies.get(prefix + topic.name, topic.policy)
        if set(policy.split(",")) != set(topic.policy.split(",")):
            raise TopicError(
                f"topic {prefix + topic.name} has cleanup.policy={policy}, not {topic.policy}:"
                " change it with kafka-configs, or choose another VPCFLOW_PREFIX"
            )


async def _policies(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, str]:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs={"cleanup.policy": None}) for name in names
    ]
    found: dict[str, str] = {}
    for answer in await admin.describe_configs(resources):
        for _code, _message, _kind, name, entries in answer.resources:
            for entry in entries:
                if entry[0] == "cleanup.policy":
                    found[name] = entry[1]
    return found
