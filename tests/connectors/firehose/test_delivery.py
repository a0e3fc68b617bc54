"""From a world's flow logs through the emulator's delivery stream to blocks: the lines equal the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.formats.flowlog import DEFAULT_FORMAT
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator import server
from emulator.world.settings import WorldSettings
from emulator.world.topology.presets import preset
from tests.beside import beside
from tests.connectors.firehose.posting import header
from tests.connectors.firehose.process import Endpoint, endpoint
from tests.emulator.flowlogs.account import REGION, Account
from tests.emulator.flowlogs.playing import Counted, built, of_ledger, played

pytestmark = [pytest.mark.kafka, pytest.mark.moto, pytest.mark.process]

SLOTS = 4
DEADLINE_S = 90.0
KEY = "the-stream's-own-key"
WORLD = WorldSettings(seed=3, records=20_000, incidents=())


@pytest.fixture
def account() -> Iterator[Account]:
    """An account in an emulator of its own."""
    with beside(server.emulator(transition_ms=0)) as url, Account(url, "200000000700") as account:
        yield account


def deliver_to(account: Account, one: Endpoint) -> None:
    """Make a small VPC whose flow log goes to a delivery stream, and that to an endpoint."""
    vpc = built(account, preset("small")).id("vpc", "small")
    bucket = account.bucket("set-aside")
    account.client("firehose").create_delivery_stream(
        DeliveryStreamName="flows",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": one.url, "AccessKey": KEY, "Name": "vpcflow"},
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "RequestConfiguration": {
                "ContentEncoding": "GZIP",
                "CommonAttributes": [{"AttributeName": "format", "AttributeValue": "default"}],
            },
            "S3Configuration": {"RoleARN": account.role, "BucketARN": f"arn:aws:s3:::{bucket}"},
        },
    )
    account.create(**account.to_firehose("flows", ResourceIds=[vpc], MaxAggregationInterval=60))


async def blocks_of(kafka: str, prefix: str, count: int) -> list[Any]:
    """Return the committed blocks of all slots: until they have so many lines, and what comes after those."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(f"{prefix}blocks", slot) for slot in range(SLOTS)])
        await consumer.seek_to_beginning()
        found: list[Any] = []
        async with asyncio.timeout(DEADLINE_S):
            while True:
                more = await consumer.getmany(timeout_ms=1000)
                new = [message for messages in more.values() for message in messages if message.value]
                found += new
                if not new and sum(message.value.count(b"\n") + 1 for message in found) >= count:
                    return found
    finally:
        await consumer.stop()


async def test_the_lines_in_blocks_equal_the_ledger(
    kafka: str, prefix: str, account: Account, tmp_path: Path
) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    async with endpoint(kafka, prefix, tmp_path, SLOTS, firehose_key=KEY) as one:
        await asyncio.to_thread(deliver_to, account, one)
        ledger = await asyncio.to_thread(played, account, WORLD)
        expected = of_ledger(ledger["totals"])
        blocks = await blocks_of(kafka, prefix, sum(row[3] for row in expected))
    counted = Counted(DEFAULT_FORMAT)
    for block in blocks:
        counted.add(block.value.decode().split("\n"))
    assert counted.rows() == expected
    assert sum(row[3] for row in expected) >= WORLD.records
    assert len({block.partition for block in blocks}) > 1
    found = {tuple(header(block, name) for name in ("source", "account", "region")) for block in blocks}
    assert found == {("firehose:flows", account.number, REGION)}
