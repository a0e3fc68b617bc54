"""Flow logs that CloudWatch Logs exported (`create-export-task`), found by listing and told of by a queue."""

from __future__ import annotations

import asyncio
import time

import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from tests.connectors.s3.scene import Scene, connecting, key, lines, packed

pytestmark = [pytest.mark.kafka, pytest.mark.moto]

GROUP, FOLDER = "flow-logs", "exportedlogs"


def export(scene: Scene, content: list[str]) -> list[str]:
    """Write lines to a log group, as a flow log does, and export it; return the lines as they come out."""
    logs = scene.account.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="eni-1-all")
    now_ms = int(time.time()) * 1000
    events = [{"timestamp": now_ms, "message": line} for line in content]
    logs.put_log_events(logGroupName=GROUP, logStreamName="eni-1-all", logEvents=events)
    logs.create_export_task(
        logGroupName=GROUP,
        fromTime=now_ms - 60_000,
        to=now_ms + 60_000,
        destination=scene.bucket,
        destinationPrefix=FOLDER,
    )
    time_of = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now_ms // 1000))
    return [f"{time_of} {line}" for line in content]


async def test_exported_files_are_read_beside_delivered_ones(scene: Scene) -> None:
    scene.put(key("a1"), packed(lines("a1", 3)))
    content = await asyncio.to_thread(export, scene, lines("x", 5))
    named = {"s3_exports": FOLDER, "account": "111122223333"}
    async with connecting(scene.settings(**named)):
        seen = await scene.until_lines([*lines("a1", 3), *content])
    assert {block["account"] for block in seen.blocks} == {"123456789012", "111122223333"}
    async with connecting(scene.settings(**named)):
        expected = [*lines("a1", 3), *content]
        for name in ("a2", "a3"):  # Each is found by another listing.
            scene.put(key(name), packed(lines(name, 1)))
            await scene.until_lines(expected := [*expected, *lines(name, 1)])


async def test_a_queue_tells_of_exported_files(scene: Scene) -> None:
    url = await asyncio.to_thread(scene.queue)
    content = await asyncio.to_thread(export, scene, lines("x", 5))
    async with connecting(scene.settings(s3_exports=FOLDER, s3_queue=url)):
        await scene.until_lines(content)


async def test_nothing_is_taken_for_an_export_if_no_folder_is_set(scene: Scene) -> None:
    await asyncio.to_thread(export, scene, lines("x", 5))
    scene.put(key("a1"), packed(lines("a1", 3)))
    async with connecting(scene.settings()):
        await scene.until_lines(lines("a1", 3))
        expected = lines("a1", 3)
        for name in ("a2", "a3"):  # Each is found by another listing.
            scene.put(key(name), packed(lines(name, 1)))
            await scene.until_lines(expected := [*expected, *lines(name, 1)])


@pytest.fixture(autouse=True)
async def topics(scene: Scene) -> None:
    await ensure_topics(KafkaConnection(scene.kafka), scene.prefix, scene.slots)
