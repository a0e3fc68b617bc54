"""`connect s3` while connections break, S3 throttles, and processes die: every line once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors import metrics
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.ports import free_port
from streams.replay.processes import Child
from tests.connectors.s3.doorway import doorway
from tests.connectors.s3.scene import Scene, connecting, environment_of, key, lines, packed, use
from tests.processes import answers, environment, until

pytestmark = [pytest.mark.kafka, pytest.mark.moto]

LONG = 400_000  # lines: 40 MB of text, 4 MB of gzip
STOP_S = 10.0


@pytest.fixture(autouse=True)
async def topics(scene: Scene) -> None:
    await ensure_topics(KafkaConnection(scene.kafka), scene.prefix, scene.slots)


@asynccontextmanager
async def process(scene: Scene, folder: Path, url: str | None = None, **more: object) -> AsyncIterator[Child]:
    """Run `vpcflow connect s3`; it is killed at the end if it still runs."""
    settings = {"s3_bucket": scene.bucket, "s3_list_s": 0.5, **more}
    env = environment(scene.kafka, scene.prefix, scene.slots, **settings)
    child = Child("connect", ["connect", "s3"], {**env, **environment_of(scene.account, url)}, folder)
    await child.start()
    try:
        yield child
    finally:
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)
        await child.ended()


@pytest.mark.process
@pytest.mark.load
async def test_a_crash_in_the_middle_of_a_large_object(scene: Scene, tmp_path: Path) -> None:
    """Some of it is committed when SIGKILL comes; the next process goes on behind that."""
    content = lines("crash", LONG)
    scene.put(key("aa"), packed(content))
    async with doorway(scene.account.url) as door:
        door.hold_after = 2 << 20
        async with process(scene, tmp_path, door.url) as child:
            await door.is_held.wait()
            committed = await scene.until(lambda seen: bool(seen.lines))
            os.kill(child.pid, signal.SIGKILL)
            await child.ended()
        assert 0 < len(committed.lines) < LONG
    async with process(scene, tmp_path) as child:
        await scene.until_lines(content)
        await child.stop()
        assert child.returncode == 0, child.tail()
    seen = await scene.until_lines(content)
    assert len({block["source"] for block in seen.blocks}) == 1


@pytest.mark.process
async def test_sigterm_in_the_middle_of_an_object_ends_in_time_and_loses_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    """Also while S3 says nothing at all."""
    content = lines("term", LONG)
    scene.put(key("aa"), packed(content))
    port = free_port()
    async with doorway(scene.account.url) as door:
        door.hold_after = 2 << 20
        async with process(scene, tmp_path, door.url, health_port=port) as child:
            await door.is_held.wait()
            await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "it is not ready")
            began = time.monotonic()
            await child.stop()
            assert child.returncode == 0, child.tail()
            assert time.monotonic() - began < STOP_S
    async with connecting(scene.settings()):
        await scene.until_lines(content)


async def test_connections_that_break_are_taken_up_where_they_broke(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = lines("broken", LONG)
    scene.put(key("aa"), packed(content))
    async with doorway(scene.account.url) as door:
        use(monkeypatch, scene.account, door.url)
        door.cut_after, door.cuts = 300_000, 5
        async with connecting(scene.settings()):
            await scene.until_lines(content)
    assert door.cuts == 0


async def test_throttling_is_waited_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.put(key("aa"), packed(lines("slow", 5)))
    throttled = metrics.S3_CALLS.labels("ListObjectsV2", "throttled")._value.get
    before = throttled()
    async with doorway(scene.account.url) as door:
        use(monkeypatch, scene.account, door.url)
        door.refuse = 4
        async with connecting(scene.settings()):
            await scene.until_lines(lines("slow", 5))
    assert throttled() >= before + 3


@pytest.mark.process
async def test_what_a_person_can_mend_is_one_sentence(scene: Scene, tmp_path: Path) -> None:
    wrong = {
        "set VPCFLOW_S3_BUCKET": {"s3_bucket": "no-such-bucket-anywhere"},
        "set VPCFLOW_S3_BUCKET, or VPCFLOW_S3_QUEUE": {"s3_bucket": ""},
        "set VPCFLOW_S3_QUEUE": {"s3_queue": f"{scene.account.url}/{scene.account.number}/no-such-queue"},
    }

    async def told(problem: str, settings: dict[str, str]) -> None:
        folder = tmp_path / str(len(problem))
        folder.mkdir()
        async with process(scene, folder, **settings) as child, asyncio.timeout(30):
            await child.ended()
            assert (child.returncode, problem in child.tail()) == (1, True), child.tail()
            assert child.tail().startswith("Error: "), child.tail()

    for problem, settings in wrong.items():
        await told(problem, settings)
