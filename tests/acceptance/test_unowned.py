"""Slots without a connector: the page names them, and no window is final before its lines are read."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors.kafka.clients.connection import KafkaConnection
from emulator.kafka.cluster import kafka_node
from emulator.kafka.ports import free_port
from streams.replay.observer import Observer
from streams.replay.processes import Child
from tests.acceptance.outages.outage import MINUTE_S, PREFIX, Case, Feeder, Pipeline
from tests.processes import answers, until

NAMED_WITHIN_S = 5.0
LATENESS_MINUTES = 10


async def stats_once(url: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Poll the page's numbers until something is so."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            async with session.get(f"{url}/api/stats") as answer:
                found: dict[str, Any] = await answer.json()
            if is_so(found):
                return found
            await asyncio.sleep(0.1)


def held(found: dict[str, Any]) -> list[str]:
    """Return what the page says of the watermark's holders."""
    return [one["text"] for one in found["watermark"]["held"]]


@pytest.mark.kafka
@pytest.mark.faults
async def test_a_slot_without_a_connector_holds_final_windows_and_is_named_within_five_seconds(
    tmp_path: Path,
) -> None:
    """Twenty minutes of event time pass while no connector lives; then they are read, and nothing is late."""
    case = Case(shards=4, slots=4, interfaces=5)
    first = int(time.time()) // MINUTE_S * MINUTE_S - 60 * MINUTE_S
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(kafka_node())
        pipeline = Pipeline(case, node, tmp_path)
        stack.push_async_callback(pipeline.stop)
        feeder, observer = Feeder(await pipeline.start(), case), Observer()
        following = asyncio.ensure_future(
            observer.follow(KafkaConnection(node.bootstrap), PREFIX, case.slots)
        )
        stack.callback(following.cancel)
        port = free_port()
        page = Child("serve", ["serve", "--port", str(port)], pipeline.worker.env, tmp_path)
        stack.push_async_callback(page.stop)
        await page.start()
        url = f"http://127.0.0.1:{port}"
        await pipeline.connect()
        await asyncio.to_thread(feeder.put, first, 30)
        await until(lambda: _read(observer, feeder), "the lines are not read")
        await until(lambda: answers(f"{url}/readyz"), "the page is not ready")
        await stats_once(url, lambda found: not held(found))

        os.kill(pipeline.connectors[0].pid, signal.SIGKILL)
        killed_at = time.monotonic()
        named = await stats_once(url, lambda found: len(held(found)) == case.slots)
        assert time.monotonic() - killed_at < NAMED_WITHIN_S
        assert all("no connector for" in text for text in held(named))
        await pipeline.connectors[0].ended()

        await asyncio.to_thread(feeder.put, first + 30 * MINUTE_S, 20)
        newest_read = first + 29 * MINUTE_S
        final = {key[2] for key, seen in observer.aggregates.items() if seen.is_final}
        assert max(final) + MINUTE_S <= newest_read - LATENESS_MINUTES * MINUTE_S + MINUTE_S

        await pipeline.connect()
        await until(lambda: _read(observer, feeder), "the lines are not read")
        assert observer.dead == {}
        await stats_once(url, lambda found: not held(found))


async def _read(observer: Observer, feeder: Feeder) -> bool:
    return observer.flows + sum(observer.dead.values()) >= feeder.ledger.lines
