"""`vpcflow check`: every setting, every connection, and one sentence for whatever is wrong."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from connectors.aws import make_client
from connectors.kinesis import StreamReader
from connectors.kinesis_calls import Caller
from connectors.positions import Shard
from connectors.settings import Common, Connect, describe
from connectors.stream_choice import parse_choice
from connectors.stream_finder import StreamFinder
from connectors.topics import TopicError, ensure_topics
from emulator.kafka.node import KafkaFailed, kafka_node


async def run(groups: Mapping[str, Common]) -> int:
    """Print settings and connections; return how many things are wrong."""
    console = Console()
    console.print(_settings(groups))
    connect = groups["connect"]
    assert isinstance(connect, Connect)
    wrong = 0
    for name, trial in (
        ("Kafka", _kafka(connect)),
        ("Kinesis", _kinesis(connect)),
        ("local Kafka", _local_kafka()),
    ):
        problem, said = await trial
        wrong += problem
        console.print(
            f"[{'red' if problem else 'green'}]{'wrong' if problem else 'ok':>5}[/]  {name}: {said}"
        )
    return wrong


def _settings(groups: Mapping[str, Common]) -> Table:
    table = Table("setting", "value", "what it is", title="settings", title_justify="left")
    shown: set[str] = set()
    for group, settings in groups.items():
        for name, (value, text) in describe(type(settings), settings).items():
            if name not in shown:
                shown.add(name)
                origin = "" if name in os.environ else " (default)"
                table.add_row(name, (value or "-") + origin, f"{text} [{group}]")
    return table


async def _kafka(settings: Connect) -> tuple[bool, str]:
    try:
        await ensure_topics(settings.kafka, settings.prefix, settings.slots)
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
        await admin.start()
        try:
            topics = await admin.list_topics()
        finally:
            await admin.close()
    except (TopicError, KafkaError) as error:
        return True, str(error)
    ours = sum(name.startswith(settings.prefix) for name in topics)
    return False, f"{settings.kafka}, {ours} topics of ours, {settings.slots} partitions each"


async def _kinesis(settings: Connect) -> tuple[bool, str]:
    try:
        client = make_client("kinesis")
        shards = await _shards(client, settings.stream)
    except ClientError as error:
        return True, f"stream {settings.stream}: {error.response['Error']['Message']}"
    except BotoCoreError as error:
        return True, f"{error}: set AWS_ENDPOINT_URL, or AWS_DEFAULT_REGION and credentials"
    return False, f"{client.meta.endpoint_url}, stream {settings.stream}, {len(shards)} shards"


async def _shards(client: Any, stream: str) -> list[Shard]:
    named = await StreamFinder(client, parse_choice(stream), Caller()).find()
    return [shard for name in named for shard in await asyncio.to_thread(StreamReader(client, name).shards)]


async def _local_kafka() -> tuple[bool, str]:
    """Start a Kafka of our own for a moment: what `replay` and the tests need."""
    began = time.monotonic()
    try:
        async with kafka_node() as node:
            ready_s = time.monotonic() - began
            return False, f"starts in {node.start_s:.1f} s ({ready_s:.1f} s in all), {node.rss_mb():.0f} MB"
    except KafkaFailed as error:
        return True, str(error)
