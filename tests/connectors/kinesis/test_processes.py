"""`vpcflow connect kinesis` as processes: stopped in peace, paused past its session, told what is wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emulator.kafka.ports import free_port
from streams.replay.processes import Child
from tests.connectors.kinesis.scene import HALF, Scene, lines
from tests.connectors.s3.scene import environment_of
from tests.processes import answers, environment, until

pytestmark = [pytest.mark.kafka, pytest.mark.process]

STOP_S = 10.0


@asynccontextmanager
async def connector(scene: Scene, folder: Path, name: str, *flags: str) -> AsyncIterator[Child]:
    """An instance that is ready."""
    port = free_port()
    env = environment(
        scene.kafka, scene.prefix, scene.slots, stream=scene.stream, shard_limits="none", health_port=port
    )
    child = Child(name, ["connect", "kinesis", *flags], {**env, **environment_of(scene.account)}, folder)
    await child.start()
    try:
        await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), f"{name} is not ready")
        yield child
    finally:
        await child.stop()


@pytest.mark.parametrize("flags", [(), ("--fan-out",)])
async def test_sigterm_commits_and_gives_slots_back_within_ten_seconds(
    scene: Scene, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    scene.create(2)
    content = lines("a", 200)
    async with connector(scene, tmp_path, "connect", *flags) as child:
        scene.put(content)
        await scene.until(lambda seen: bool(seen.lines))
        began = time.monotonic()
        os.kill(child.pid, signal.SIGTERM)
        await child.ended()
        assert time.monotonic() - began < STOP_S
        assert child.returncode == 0, child.tail()
    async with connector(scene, tmp_path, "next", *flags):
        await scene.until_lines(content)


@pytest.mark.load
async def test_paused_past_the_session_then_resumed(scene: Scene, tmp_path: Path) -> None:
    """What the paused one had in hand is fenced: the other has read it, and it is there once."""
    scene.create(4)
    content = [lines(f"p{i}", 400) for i in range(8)]
    async with connector(scene, tmp_path, "one") as one, connector(scene, tmp_path, "other"):
        for at, part in enumerate(content[:4]):
            scene.put(part, at=at * (HALF // 2))
        await scene.until(lambda seen: bool(seen.lines))
        os.kill(one.pid, signal.SIGSTOP)
        try:
            for at, part in enumerate(content[4:]):
                scene.put(part, at=at * (HALF // 2))
            await scene.until_lines([line for part in content for line in part])
        finally:
            os.kill(one.pid, signal.SIGCONT)
    await scene.until_lines([line for part in content for line in part])


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--stream", "nobody"], "no Kinesis stream 'nobody'"),
        (["--stream", "a b"], "VPCFLOW_STREAM: 'a b' is not a stream"),
        (["--start", "yesterday"], "VPCFLOW_START='yesterday' is wrong"),
        (["--format", "${Version}"], "VPCFLOW_LINE_FORMAT: 'Version' is not a field name"),
    ],
)
async def test_a_wrong_setting_is_a_sentence(
    scene: Scene, tmp_path: Path, flags: list[str], sentence: str
) -> None:
    env = {**environment(scene.kafka, scene.prefix, scene.slots), **environment_of(scene.account)}
    child = Child("connect", ["connect", "kinesis", *flags], env, tmp_path)
    await child.start()
    await child.ended()
    assert child.returncode == 1
    assert sentence in child.tail()
    assert "Traceback" not in child.tail()
