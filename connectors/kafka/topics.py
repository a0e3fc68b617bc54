"""Creation and checking of every topic; their settings are in `topic_settings`.

A topic that exists with another partition count or clean-up policy, or that refuses our messages, is an error
with a sentence, because a hop's numbers and its state would not be in the partition that it reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidConfigurationError,
    KafkaError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.metadata import MetadataRequest

from connectors.kafka.clients import factory
from connectors.kafka.clients.acls import CREATE, DESCRIBE, DESCRIBE_CONFIGS, TOPIC, Acl
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import MissingAcl
from connectors.kafka.reachability import why_unreachable
from connectors.kafka.slots import REQUEST_MAX_BYTES
from connectors.kafka.topic_settings import (
    CHECKED,
    TOPICS,
    SettingDifference,
    Topic,
    TopicDescription,
    differences,
    recommended,
    required,
)

log = structlog.get_logger()

BROKERS_DEFAULT = -1
"""The replication factor of a new topic: the broker's `default.replication.factor`. The operator of the
cluster decides, as for the topics of Kafka Streams (KIP-733)."""

METADATA_AGE_MS = 5_000
"""The maximum age of a group member's topic metadata. A broker that has just restarted may answer without
topics; a group leader with such an answer assigns no partitions until it refreshes its metadata. aiokafka's
default is five minutes."""

SEEN_S = 15.0  # a broker learns of a new topic a moment after the controller has made it


class TopicError(RuntimeError):
    """Kafka cannot be reached, or a topic cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Examined:
    """The topics of a prefix: the names of missing ones, and the differences of the others."""

    missing: tuple[str, ...]
    differences: tuple[SettingDifference, ...]


async def ensure_topics(kafka: KafkaConnection, prefix: str, slots: int) -> None:
    """Create missing topics and check existing ones. Raises `TopicError` and `MissingAcl`."""
    async with _admin(kafka) as admin:
        missing = await _missing(admin, prefix)
        if missing:
            await _create(admin, prefix, missing, slots)
        found = await _differences(admin, prefix, slots, TOPICS)
    for one in found:
        if one.is_fatal:
            raise TopicError(one.sentence)
        log.warning(
            "topic setting differs", topic=one.topic, setting=one.setting, value=one.value, why=one.why
        )


async def examine_topics(kafka: KafkaConnection, prefix: str, slots: int) -> Examined:
    """Compare existing topics with the expected settings; create none.

    Raises `TopicError`, and `MissingAcl` also if a process could not create the missing topics.
    """
    async with _admin(kafka) as admin:
        missing = await _missing(admin, prefix)
        new = [_new_topic(prefix + topic.name, slots, {}) for topic in missing]
        refused = await _refused(admin, new, validate_only=True) if new else []
        _check_allowed(CREATE, ((topic, code) for topic, code, _ in refused))
        there = [topic for topic in TOPICS if topic not in missing]
        found = await _differences(admin, prefix, slots, there)
    return Examined(tuple(prefix + topic.name for topic in missing), tuple(found))


@asynccontextmanager
async def _admin(kafka: KafkaConnection) -> AsyncIterator[AIOKafkaAdminClient]:
    if (why := await why_unreachable(kafka)) is not None:
        raise TopicError(why)
    admin = factory.admin(kafka)
    try:
        await admin.start()
        yield admin
    except _Denied as error:
        raise MissingAcl(kafka, error.missing) from error
    except KafkaError as error:
        raise TopicError(f"Kafka at {kafka.servers} refused to list or make topics: {error}") from error
    finally:
        await admin.close()


class _Denied(Exception):
    """Kafka does not allow an operation on some topics."""

    def __init__(self, operation: str, topics: Iterable[str]) -> None:
        super().__init__(operation)
        self.missing = [Acl(operation, TOPIC, name) for name in sorted(topics)]


def _check_allowed(operation: str, codes: Iterable[tuple[str, int]]) -> None:
    """Raise `_Denied` if an operation is not allowed on a topic. `codes` are the error codes of topics."""
    if denied := [name for name, code in codes if code == TopicAuthorizationFailedError.errno]:
        raise _Denied(operation, denied)


async def _missing(admin: AIOKafkaAdminClient, prefix: str) -> list[Topic]:
    """Return the topics that do not exist. Kafka lists none that this client may not describe."""
    there = set(await admin.list_topics())
    missing = [topic for topic in TOPICS if prefix + topic.name not in there]
    if missing:
        # Not `describe_topics`: a broker may create the topics that it names.
        request = MetadataRequest([prefix + topic.name for topic in missing], allow_auto_topic_creation=False)
        answer = (await admin._send_request(request)).to_object()
        _check_allowed(DESCRIBE, ((topic["topic"], topic["error_code"]) for topic in answer["topics"]))
    return missing


async def _create(admin: AIOKafkaAdminClient, prefix: str, missing: list[Topic], slots: int) -> None:
    """Create topics. Where the broker refuses a recommended setting, create them without those."""

    def described(settings: Callable[[Topic], dict[str, str]]) -> list[NewTopic]:
        return [_new_topic(prefix + topic.name, slots, settings(topic)) for topic in missing]

    refused = await _refused(admin, described(lambda t: required(t, REQUEST_MAX_BYTES) | recommended(t)))
    if any(code in {InvalidConfigurationError.errno, PolicyViolationError.errno} for _, code, _ in refused):
        log.warning("broker refused a recommended topic setting", topic=refused[0][0], why=refused[0][2])
        refused = await _refused(admin, described(lambda t: required(t, REQUEST_MAX_BYTES)))
    _check_allowed(CREATE, ((topic, code) for topic, code, _ in refused))
    for topic, _, why in refused:
        raise TopicError(f"Kafka refused to make topic {topic!r}: {why}")


def _new_topic(name: str, slots: int, settings: dict[str, str]) -> NewTopic:
    topic = NewTopic(name, slots, 1, topic_configs=settings)
    topic.replication_factor = BROKERS_DEFAULT  # aiokafka 0.14 refuses it in the constructor, and sends it.
    return topic


async def _refused(
    admin: AIOKafkaAdminClient, topics: list[NewTopic], *, validate_only: bool = False
) -> list[tuple[str, int, str]]:
    """Create topics, or only ask; return the refused ones, for which aiokafka raises nothing."""
    # If another vpcflow process has created the topic, the check that follows examines it.
    accepted = (0, TopicAlreadyExistsError.errno)
    errors = (await admin.create_topics(topics, validate_only=validate_only)).topic_errors
    return [(topic, code, why) for topic, code, why in errors if code not in accepted]


async def _differences(
    admin: AIOKafkaAdminClient, prefix: str, slots: int, topics: Iterable[Topic]
) -> list[SettingDifference]:
    """Return the differences of existing topics, fatal ones first."""
    topics = list(topics)
    described = await _described(admin, [prefix + topic.name for topic in topics]) if topics else {}
    found = [
        one
        for topic in topics
        for one in differences(topic, prefix, described[prefix + topic.name], slots, REQUEST_MAX_BYTES)
    ]
    return sorted(found, key=lambda one: not one.is_fatal)


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, TopicDescription]:
    """Return every topic, once the brokers know of them all."""
    deadline = time.monotonic() + SEEN_S
    while True:
        topics = await admin.describe_topics(names)
        _check_allowed(DESCRIBE, ((topic["topic"], topic["error_code"]) for topic in topics))
        led = {topic["topic"]: topic for topic in topics if _is_led(topic)}
        settings = await _settings(admin, names)
        unseen = [name for name in names if name not in led or name not in settings]
        if not unseen:
            brokers = len((await admin.describe_cluster())["brokers"])
            return {name: _found(led[name]["partitions"], settings[name], brokers) for name in names}
        if time.monotonic() > deadline:
            raise TopicError(f"topic {unseen[0]} is not there, {SEEN_S:.0f} s after it was made")
        await asyncio.sleep(0.05)


def _found(partitions: list[dict[str, Any]], settings: dict[str, str], brokers: int) -> TopicDescription:
    return TopicDescription(
        len(partitions), min(len(one["replicas"]) for one in partitions), settings, brokers
    )


def _is_led(topic: dict[str, Any]) -> bool:
    """Return whether every partition has a leader; a new topic takes a moment."""
    partitions = topic["partitions"]
    return not topic["error_code"] and all(p["leader"] >= 0 and not p["error_code"] for p in partitions)


async def _settings(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=dict.fromkeys(CHECKED)) for name in names
    ]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        _check_allowed(DESCRIBE_CONFIGS, ((name, code) for code, _, _, name, _ in answer.resources))
        for code, _why, _kind, name, entries in answer.resources:
            if not code:
                found[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return found
