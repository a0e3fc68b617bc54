"""Names, settings, creation and checking of every topic.

A topic that exists with another partition count or clean-up policy is an error with a sentence, because a
hop's numbers and its state would not be where they are looked for (design.md 3).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.conn import collect_hosts
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError

from connectors.slots import REQUEST_MAX_BYTES

HOUR_MS = 3_600_000
REPLICAS = 3  # or as many as there are brokers
REACH_S = 5.0
METADATA_AGE_MS = 5_000
"""How long a member of a group trusts what it knows of topics. A broker that has just been started again may
answer without any; whoever shares out a group's partitions by such an answer gives nobody any, until it asks
again. aiokafka's own choice is five minutes."""

SEEN_S = 15.0  # a broker learns of a new topic a moment after the controller has made it


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
    Topic("health", "delete", 7 * 24 * HOUR_MS),
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
    nobody = TopicError(f"no Kafka answers at {kafka}: start one, or set VPCFLOW_KAFKA to its host:port")
    if not await _is_anyone_there(kafka):
        raise nobody
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    try:
        await admin.start()
    except KafkaConnectionError as error:
        raise nobody from error
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


async def _is_anyone_there(kafka: str) -> bool:
    """Say whether a port is open: aiokafka would log an error for each that is not, beside our sentence."""
    try:
        hosts = collect_hosts(kafka)
    except ValueError:
        return False  # The port is no number.
    for host, port, _ in hosts:
        try:
            async with asyncio.timeout(REACH_S):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, ValueError, OverflowError):
            continue
        writer.close()
        return True
    return False


async def _create(admin: AIOKafkaAdminClient, prefix: str, missing: list[Topic], slots: int) -> None:
    brokers = (await admin.describe_cluster())["brokers"]
    replication = min(REPLICAS, len(brokers))
    topics = [NewTopic(prefix + t.name, slots, replication, topic_configs=_settings(t)) for t in missing]
    # aiokafka raises nothing for a topic that was refused: it is in the answer.
    for topic, code, why in (await admin.create_topics(topics)).topic_errors:
        # Where another process of ours was first, the check that follows looks at what it made.
        if code not in (0, TopicAlreadyExistsError.errno):
            raise TopicError(f"Kafka refused to make topic {topic!r}: {why}")


async def _check(admin: AIOKafkaAdminClient, prefix: str, slots: int) -> None:
    names = [prefix + topic.name for topic in TOPICS]
    counts, policies = await _described(admin, names)
    for topic, count in counts.items():
        if count != slots:
            raise TopicError(
                f"topic {topic} has {count} partitions, not {slots}:"
                f" set VPCFLOW_SLOTS={count}, or choose another VPCFLOW_PREFIX"
            )
    for wanted in TOPICS:
        policy = policies[prefix + wanted.name]
        if set(policy.split(",")) != set(wanted.policy.split(",")):
            raise TopicError(
                f"topic {prefix + wanted.name} has cleanup.policy={policy}, not {wanted.policy}:"
                " change it with kafka-configs, or choose another VPCFLOW_PREFIX"
            )


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return every topic's partitions and clean-up policy, once the brokers know of them all."""
    deadline = time.monotonic() + SEEN_S
    while True:
        found = [topic for topic in await admin.describe_topics(names) if _is_led(topic)]
        counts = {topic["topic"]: len(topic["partitions"]) for topic in found}
        policies = await _policies(admin, names)
        unseen = [name for name in names if name not in counts or name not in policies]
        if not unseen:
            return counts, policies
        if time.monotonic() > deadline:
            raise TopicError(f"topic {unseen[0]} is not there, {SEEN_S:.0f} s after it was made")
        await asyncio.sleep(0.05)


def _is_led(topic: dict[str, Any]) -> bool:
    """Say whether every partition has a leader: a new topic takes a moment."""
    partitions = topic["partitions"]
    return not topic["error_code"] and all(p["leader"] >= 0 and not p["error_code"] for p in partitions)


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
