"""The few fixtures that every suite shares: one real Kafka for the whole run, and names of a test's own.

The node runs in a thread with a loop of its own, because the loop of a test ends with the test. It is asked
for by name: tests that need no Kafka start none.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from emulator.kafka.node import kafka_node

STOP_S = 60.0  # the node ends itself after 20 s
MARKERS_S = 2.0

Reader = Callable[[str], Awaitable[list[Any]]]


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap servers of a real, empty Kafka that lives as long as the run."""
    started: Future[tuple[str, Callable[[], object]]] = Future()

    async def live() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with kafka_node() as node:
            started.set_result((node.bootstrap, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    with ThreadPoolExecutor(1, "kafka") as pool:
        life = pool.submit(lambda: asyncio.run(live()))
        # A node that does not start ends its life with the reason, and `started` never comes.
        life.add_done_callback(lambda ended: _tell(started, ended))
        bootstrap, stop = started.result()
        try:
            yield bootstrap
        finally:
            stop()
            life.result(STOP_S)


def _tell(started: Future[Any], ended: Future[None]) -> None:
    if not started.done():
        started.set_exception(ended.exception() or RuntimeError("Kafka ended before it had started"))


async def _stable_end(kafka: str, consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
    """Return where committed messages end, once the markers of what was just committed are written.

    A commit is answered when it is certain, a moment before every partition has its marker. Where a test
    holds a transaction open there is nothing to wait for, so the wait is short.
    """
    dirty = AIOKafkaConsumer(bootstrap_servers=kafka)
    await dirty.start()
    try:
        written = (await dirty.end_offsets([place]))[place]
    finally:
        await dirty.stop()
    deadline = time.monotonic() + MARKERS_S
    while True:
        end: int = (await consumer.end_offsets([place]))[place]
        if end >= written or time.monotonic() > deadline:
            return end
        await asyncio.sleep(0.02)


@pytest.fixture
def prefix() -> str:
    """What the names of this test's topics, groups and transactions begin with."""
    return f"test-{secrets.token_hex(4)}."


@pytest.fixture
def committed(kafka: str) -> Reader:
    """A function that reads what a topic's partition 0 shows to `read_committed` readers now."""

    async def read(topic: str) -> list[Any]:
        place = TopicPartition(topic, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
        await consumer.start()
        try:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = await _stable_end(kafka, consumer, place)
            messages: list[Any] = []
            while await consumer.position(place) < end:
                messages += (await consumer.getmany(place, timeout_ms=200)).get(place, [])
            return messages
        finally:
            await consumer.stop()

    return read
