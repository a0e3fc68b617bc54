"""`vpcflow check` on a real Kafka: it has no side effects, and it names every topic that is wrong."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner, Result

from connectors.kafka.topic_settings import TOPICS
from emulator.kafka.ports import free_port
from streams.cli import main

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("bare_environment")]

SLOTS = 3
HOUR_MS = 3_600_000


async def create(admin: AIOKafkaAdminClient, prefix: str, *topics: tuple[str, int, dict[str, str]]) -> None:
    """Create topics with partitions and settings, and wait until the broker lists them."""
    wanted = [NewTopic(prefix + name, partitions, 1, topic_configs=s) for name, partitions, s in topics]
    await admin.create_topics(wanted)
    async with asyncio.timeout(30):
        while not {one.name for one in wanted} <= set(await admin.list_topics()):
            continue


async def check(kafka: str, prefix: str, part: str, **more: str) -> Result:
    """Run the command in a thread, because it has an event loop of its own."""
    environment = {"VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix, "VPCFLOW_SLOTS": f"{SLOTS}", **more}
    result = await asyncio.to_thread(CliRunner().invoke, main, ["check", part], env=environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def kafka_line(result: Result) -> str:
    """Return the line about Kafka."""
    found = re.search(r"^ *(?:ok|wrong)  Kafka: (.*)$", result.output, re.MULTILINE)
    assert found is not None, result.output
    return found[1]


async def settings_of(admin: AIOKafkaAdminClient, topics: list[str]) -> dict[str, dict[str, str]]:
    """Return the settings of topics, as far as they differ from the broker's defaults or not."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    found = {}
    for answer in await admin.describe_configs(resources):
        for _, _, _, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def everything(admin: AIOKafkaAdminClient) -> object:
    """Return what a side effect would change: topics with their settings, and consumer groups.

    A new Kafka creates its internal topics, such as `__consumer_offsets`, when it is first asked for them.
    """
    topics = sorted(name for name in await admin.list_topics() if not name.startswith("__"))
    return topics, await settings_of(admin, topics), sorted(await admin.list_consumer_groups())


async def test_no_part_creates_a_topic_a_group_or_a_setting(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """Neither on an empty Kafka nor beside topics, right or wrong."""
    topics = [(one.name, SLOTS + (one.name == "dead"), {"cleanup.policy": one.policy}) for one in TOPICS[:4]]
    await create(admin, f"{prefix}some.", *topics)
    before = await everything(admin)
    parts = {
        "work": {},
        "serve": {"VPCFLOW_PORT": "0"},
        "notify": {},
        "firehose": {"VPCFLOW_FIREHOSE_KEY": "0123456789abcdef", "VPCFLOW_FIREHOSE_PORT": f"{free_port()}"},
    }
    for part, more in parts.items():
        for ours in (prefix, f"{prefix}some."):
            result = await check(kafka, ours, part, **more)
            assert result.exit_code == 0, result.output
            assert f"missing topics: {ours}" in kafka_line(result)
    assert await everything(admin) == before


async def test_every_topic_that_is_wrong_is_named_with_its_remedy(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """Six topics, six differences: what stops the system comes first, and what harms it after it."""
    await create(
        admin,
        prefix,
        ("blocks", SLOTS, {"retention.ms": f"{HOUR_MS}", "max.message.bytes": "9000000"}),
        ("partials", SLOTS + 1, {}),
        ("aggregates", SLOTS, {"cleanup.policy": "compact", "max.message.bytes": "9000000"}),
        ("alerts", SLOTS, {"cleanup.policy": "compact,delete", "max.message.bytes": "1000"}),
        ("sum-state", SLOTS, {"cleanup.policy": "compact", "max.message.bytes": "9000000"}),
        (
            "positions",
            SLOTS,
            {"cleanup.policy": "compact", "max.message.bytes": "9000000", "min.insync.replicas": "2"},
        ),
    )
    result = await check(kafka, prefix, "work")
    assert result.exit_code == 1
    line = kafka_line(result)
    sentences = line.split(f"topic {prefix}")
    fatal = (
        f"partials has 4 partitions, not {SLOTS}: set VPCFLOW_SLOTS=4",
        "aggregates has cleanup.policy=compact, not delete: change it with kafka-configs",
        "alerts has max.message.bytes=1000, but messages of up to",
        "positions has min.insync.replicas=2, but 1 replicas, so Kafka refuses every message",
    )
    notes = (
        f"blocks has retention.ms={HOUR_MS}, less than",
        "sum-state has segment.bytes=1073741824, so state is compacted late",
    )
    for expected in (*fatal, *notes):
        assert [one for one in sentences if one.startswith(expected)], (expected, line)
    assert max(line.index(one) for one in fatal) < min(line.index(one) for one in notes)
    assert "Traceback" not in result.output


async def test_a_warning_alone_is_no_problem(kafka: str, prefix: str, admin: AIOKafkaAdminClient) -> None:
    await create(admin, prefix, ("dead", SLOTS, {"retention.ms": "1000", "max.message.bytes": "9000000"}))
    result = await check(kafka, prefix, "work")
    assert result.exit_code == 0, result.output
    assert f"note: topic {prefix}dead has retention.ms=1000" in kafka_line(result)
