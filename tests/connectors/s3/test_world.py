"""A world's flow logs, delivered to S3 by the emulator and read from there, are what its ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.formats.flowlog import FIELD_VERSIONS, log_format
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.world.settings import WorldSettings
from emulator.world.topology.presets import preset
from tests.connectors.s3.scene import Scene, connecting, use
from tests.emulator.flowlogs.account import Account
from tests.emulator.flowlogs.playing import Counted, built, objects, of_ledger, played

pytestmark = [pytest.mark.kafka, pytest.mark.moto, pytest.mark.process]

EVERY_FIELD = tuple(name for name, version in FIELD_VERSIONS.items() if version != 6)
KINDS = {
    "plain-text": {"FileFormat": "plain-text"},
    "parquet": {"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": True},
}
LOOK_BACK_S = 3 * 86_400  # A world may begin at any time of yesterday.


@dataclass(frozen=True)
class World:
    """What was played, and where it was delivered to: a bucket for each kind of file."""

    account: Account
    ledger: dict[str, Any]

    def bucket(self, kind: str) -> str:
        return f"world-{kind}"


@pytest.fixture(scope="module")
def world(url: str) -> Iterator[World]:
    with Account(url, "600000000000") as account:
        shop = built(account, preset("shop"))
        asked = {
            "ResourceIds": [shop.id("vpc", "shop")],
            "LogFormat": log_format(EVERY_FIELD),
            "MaxAggregationInterval": 60,
        }
        for kind, options in KINDS.items():
            bucket = account.bucket(f"world-{kind}")
            account.create(**account.to_bucket(bucket, DestinationOptions=options, **asked))
        yield World(account, played(account, WorldSettings(records=9000)))


async def read(world: World, kind: str, kafka: str, prefix: str) -> Scene:
    """Bring all of a bucket into Kafka."""
    scene = Scene(kafka, f"{prefix}{kind}.", slots=4, account=world.account, bucket=world.bucket(kind))
    await ensure_topics(KafkaConnection(kafka), scene.prefix, scene.slots)
    expected = {
        f"s3:{scene.bucket}/{name}" for name in await asyncio.to_thread(objects, world.account, scene.bucket)
    }
    async with connecting(scene.settings(s3_look_back_s=LOOK_BACK_S)):
        await scene.until(lambda seen: {block["source"] for block in seen.blocks} >= expected)
    return scene


async def test_text_and_parquet_bring_the_lines_of_the_ledger(
    world: World, kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the same lines, so that a worker sums them alike. The ledger counts what went to either bucket."""
    use(monkeypatch, world.account)
    found, totals = {}, Counted(EVERY_FIELD)
    for kind in KINDS:
        scene = await read(world, kind, kafka, prefix)
        seen = await scene.seen()
        assert not seen.dead
        assert {block["format"] for block in seen.blocks} == {log_format(EVERY_FIELD)}
        assert {block["account"] for block in seen.blocks} == {world.account.number}
        totals.add(seen.lines)
        found[kind] = sorted(seen.lines)
    assert found["plain-text"] == found["parquet"]
    assert len(found["parquet"]) > 2000
    assert totals.rows() == of_ledger(world.ledger["totals"])
