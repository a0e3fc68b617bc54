"""The few fixtures that every suite shares: a Kafka, a moto, a LocalStack for the whole run, and own names.

They live beside the tests (`beside.py`, `localstack.py`) and start when a test asks for them by name.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from hypothesis import settings

from emulator.http.messages import Incoming, Service
from emulator.kafka.cluster import kafka_node
from emulator.log import log as emulators_log
from tests import localstack
from tests.beside import beside
from tests.emulator.moto.shared_moto import shared_moto

MARKERS_S = 2.0
STARTING = ("kafka", "process", "moto", "ui", "socket", "bulk")
LOCALSTACK_SERVICES = ("kinesis", "firehose", "s3", "sqs", "sns", "events", "logs", "iam", "ec2", "sts")

Reader = Callable[[str], Awaitable[list[Any]]]

# A property is tried on few examples at each change, and on many by `--hypothesis-profile=thorough`, as
# `make test` does. No example has a deadline: machines that run tests are busy. In CI the examples are always
# the same ones; what new ones find is found on people's machines.
settings.register_profile("unit", max_examples=5, deadline=None)
settings.register_profile("thorough", max_examples=150, deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unit")


def pytest_collection() -> None:
    """Keep the garbage collector from going through what every module loads, now and again in every test.

    A quarter of the unit tests' time went there.
    """
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first, so that no worker of pytest-xdist ends long after the others.

    Those are the files that start something: whole pipelines, then a Kafka, a moto or a process of ours.
    """
    starting = {item.path for item in items for mark in STARTING if item.get_closest_marker(mark)}
    items.sort(key=lambda item: (item.path not in starting, "acceptance" not in item.path.parts))


def pytest_collection_finish() -> None:
    """Collect from here on what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def logs_as_they_are() -> None:
    """What a command line in an earlier test asked of the emulator's log is not done in this one."""
    emulators_log.set_up_by(lambda: None)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap servers of a real, empty Kafka that lives as long as the run."""
    with beside(kafka_node()) as node:
        yield node.bootstrap


@pytest.fixture(scope="session")
def moto_of_the_run() -> Iterator[Service]:
    """The services that moto plays, for any loop; its process lives as long as the run."""
    with beside(shared_moto()) as answer:
        yield answer


@pytest.fixture
async def moto(moto_of_the_run: Service) -> Service:
    """The same with nothing in it."""
    reset = await moto_of_the_run(Incoming("POST", "/moto-api/reset", {"host": "localhost"}, b""))
    assert reset.status == 200
    return moto_of_the_run


@pytest.fixture(scope="session")
def localstack_url() -> Iterator[str]:
    """The URL of a LocalStack that lives as long as the run; tests give all they make names of their own."""
    with localstack.running(LOCALSTACK_SERVICES) as url:
        yield url


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
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client of the run's Kafka, for one test."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
def prefix() -> str:
    """What the names of this test's topics, groups and transactions begin with."""
    return f"test-{secrets.token_hex(4)}."


@pytest.fixture
def committed(kafka: str) -> Reader:
    """A function that reads what a topic's partition 0 shows to `read_committed` readers now."""

    async def read(topic: str) -> list[Any]:
        place = TopicPartition(topic, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
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
