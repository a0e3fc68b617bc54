"""`vpcflow world --speed 60` as a person runs it: an hour of flow logs in a minute, at default settings."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.ports import free_port
from streams.replay.observer import WINDOW_S, Observer
from streams.replay.processes import Child
from streams.windows.merge import Rules
from tests.processes import answers, environment, until

SLOTS = 8
MINUTES = 26
DEADLINE_S = 150.0


@pytest.mark.kafka
@pytest.mark.moto
@pytest.mark.load
async def test_a_world_at_speed_60_reaches_final_windows_and_alerts(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    """No line is ahead of its arrival, so none is refused; the page has final windows and an alert."""
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    url, page = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    env = {
        **environment(kafka, prefix, SLOTS),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    async with AsyncExitStack() as stack:

        async def start(name: str, *arguments: str) -> Child:
            child = Child(name, arguments, env, tmp_path)
            stack.push_async_callback(child.stop)
            await child.start()
            return child

        await start("emulate", "emulate", "--port", url.rpartition(":")[2])
        await until(lambda: answers(f"{url}/_localstack/health"), "the emulator does not answer")
        world = await start("world", "world", "--topology", "shop", "--speed", "60")
        await until(lambda: _has_world(url, world), "the world does not begin")
        await start("connect", "connect", "kinesis")
        await start("work", "work")
        await start("serve", "serve", "--port", page.rpartition(":")[2])
        observer = Observer()
        following = asyncio.ensure_future(observer.follow(KafkaConnection(kafka), prefix, SLOTS))
        stack.callback(following.cancel)
        await _played(observer, following)
        assert dict(observer.dead) == {}
        assert observer.newest_window() < time.time()
        old = observer.finals(observer.newest_window() - Rules().lateness_s - 5 * WINDOW_S)
        assert old.old > 300
        assert old.final > 0.9 * old.old  # what is under way between the hops is not final yet
        await until(lambda: _is_shown(page), "the page shows no final window, or no alert")


async def _has_world(url: str, world: Child) -> bool:
    """Return whether the world has made records."""
    assert world.pid, world.tail()
    async with aiohttp.ClientSession() as session, session.get(f"{url}/_vpcflow/world") as answer:
        return bool((await answer.json())["progress"]["lines"])


async def _played(observer: Observer, following: asyncio.Future[None]) -> None:
    """Wait until so many minutes have come out and an alert has fired."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        windows = [window for _, _, window in observer.aggregates]
        minutes = (max(windows) - min(windows)) // WINDOW_S if windows else 0
        fired = [alert for alert in observer.alerts if alert.status == "firing"]
        if minutes >= MINUTES and fired:
            return
        assert not following.done()
        assert time.monotonic() < deadline, (minutes, len(observer.alerts), dict(observer.dead))
        await asyncio.sleep(0.25)


async def _is_shown(page: str) -> bool:
    series, alerts = await _asked(f"{page}/api/series?range=1h"), await _asked(f"{page}/api/alerts")
    has_final = any(point[-1] for point in series["points"])
    return has_final and any(alert["status"] in {"firing", "resolved"} for alert in alerts)


async def _asked(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.json()
