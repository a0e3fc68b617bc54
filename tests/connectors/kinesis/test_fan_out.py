"""Enhanced fan-out: the consumer is registered once, subscriptions are renewed, and who may not polls."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from connectors.kinesis import fan_out
from tests.connectors.kinesis.scene import HALF, Scene, connecting, lines

pytestmark = pytest.mark.kafka

RENEWED_MS = 301_000


def consumers(scene: Scene) -> list[str]:
    found = scene.kinesis.list_stream_consumers(StreamARN=scene.described().arn)["Consumers"]
    return [one["ConsumerName"] for one in found]


async def test_records_are_pushed_through_a_split_and_a_restart(scene: Scene) -> None:
    scene.create(2)
    parts = [lines(name, 50) for name in ("a", "b", "child", "later")]
    settings = scene.settings(fan_out=True)
    async with connecting(settings):
        scene.put(parts[0])
        scene.put(parts[1], at=HALF)
        await scene.until_lines([*parts[0], *parts[1]])
        scene.split(0)
        scene.put(parts[2])
        await scene.until_lines([line for part in parts[:3] for line in part])
    scene.put(parts[3])
    async with connecting(settings):
        await scene.until_lines([line for part in parts for line in part])
    assert consumers(scene) == [f"{scene.prefix}connect"]


async def test_fan_out_resource_in_use_and_five_minute_renewal(scene: Scene) -> None:
    """Somebody's subscription is in the way, then ours ends after five minutes: all is read all the same."""
    scene.create()
    first, second = lines("first", 20), lines("second", 20)
    arn = fan_out.register(scene.kinesis, scene.described().arn, f"{scene.prefix}connect")
    start = {"Type": "TRIM_HORIZON"}
    taken = scene.kinesis.subscribe_to_shard(
        ConsumerARN=arn, ShardId="shardId-000000000000", StartingPosition=start
    )
    scene.put(first)
    holding = threading.Thread(target=lambda: _read(taken["EventStream"]), daemon=True)
    holding.start()
    async with connecting(scene.settings(fan_out=True)):
        await scene.until_lines(first)
        scene.clock.ahead_ms += RENEWED_MS
        scene.put(second)
        await scene.until_lines([*first, *second])
    scene.clock.ahead_ms = 0
    await asyncio.to_thread(holding.join, 10)
    assert not holding.is_alive()


def _read(events: Any) -> None:
    with closing(events), suppress(EventStreamError):  # it is taken over, as it should be
        for _ in events:
            pass


async def test_a_consumer_that_was_removed_leaves_its_shards_polled(scene: Scene) -> None:
    scene.create()
    first, second = lines("first", 5), lines("second", 5)
    scene.put(first)
    async with connecting(scene.settings(fan_out=True)):
        await scene.until_lines(first)
        arn = scene.described().arn
        scene.kinesis.deregister_stream_consumer(StreamARN=arn, ConsumerName=f"{scene.prefix}connect")
        scene.clock.ahead_ms += RENEWED_MS
        scene.put(second)
        await scene.until_lines([*first, *second])
    scene.clock.ahead_ms = 0


async def test_who_may_not_register_polls(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **more: Any) -> Any:
        raise ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "RegisterStreamConsumer"
        )

    scene.create()
    content = lines("a", 20)
    scene.put(content)
    async with connecting(scene.settings(fan_out=True), make=lambda client: _refusing(client, refuse)):
        await scene.until_lines(content)
    assert consumers(scene) == []


def _refusing(client: Any, refuse: Any) -> None:
    client.register_stream_consumer = refuse
