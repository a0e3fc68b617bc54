"""AWS's own consumer library, KCL 3 for Java, reads a stream of the emulator through a split and a merge.

Three applications read it at once, as any number may: one polls, one has fan-out by HTTP/2 without TLS, one
has it with TLS. Their leases are in the emulated DynamoDB. `make test-kcl` runs this: it needs a JDK and
Maven, and fails with a sentence when they are missing; all other tests need Python only.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from emulator.kafka.ports import free_port
from streams.replay.processes import Child
from tests.acceptance.kcl import FOLDER
from tests.acceptance.kcl.consumer import Application, Consumer, consuming, trusting
from tests.acceptance.kcl.source import STREAM, Source, source
from tests.connectors.arrived import Topics
from tests.maven import NotBuilt, class_path
from tests.processes import environment

READY_S = 20.0
TEST_S = 220.0  # the whole test but for Maven; half a minute of it is KCL's own waiting
SHARD_END = "SHARD_END"

pytestmark = pytest.mark.java


@pytest.fixture(scope="module")
def program() -> None:
    """The Java program, built."""
    try:
        class_path(FOLDER)
    except NotBuilt as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
async def emulated(tmp_path: Path) -> AsyncIterator[tuple[int, Child]]:
    """An emulator that speaks TLS too, in a process of its own, and its port."""
    port = free_port()
    child = Child("emulator", ("emulate", "--port", str(port), "--tls-dir", str(tmp_path)), {}, tmp_path)
    await child.start()
    try:
        deadline = time.monotonic() + READY_S
        while "emulator ready" not in child.tail():
            assert time.monotonic() < deadline, child.tail()
            await asyncio.sleep(0.05)
        yield port, child
    finally:
        await child.stop()


@pytest.mark.usefixtures("program")
async def test_every_record_arrives_through_a_split_and_a_merge_and_none_again(
    emulated: tuple[int, Child], tmp_path: Path, kafka: str, prefix: str
) -> None:
    """Every record, in order within its key; parents at SHARD_END; a second run goes on from there.

    At the end our own connector reads the same stream: KCL is the referee of what is to come out.
    """
    port, child = emulated
    plain, secure = f"http://localhost:{port}", f"https://localhost:{port}"
    applications = (
        Application("polling", "polling", plain),
        Application("fan-out", "fan-out", plain),
        Application("fan-out-tls", "fan-out", secure, trusting(tmp_path / "ca.pem", tmp_path / "trust.p12")),
    )
    with source(port) as flows:
        async with asyncio.timeout(TEST_S):
            closed = await first_run(flows, applications, tmp_path)
            for application in applications:
                checkpoints = flows.checkpoints(application.name)
                assert set(checkpoints) == set(flows.shards()), application.name
                assert {shard for shard, at in checkpoints.items() if at == SHARD_END} == closed
            await second_run(flows, applications, tmp_path)
        assert flows.consumers() == {"fan-out", "fan-out-tls"}
        await read_by_us(flows, plain, Topics(kafka, prefix), tmp_path)
    assert 'status="5' not in await page(f"{plain}/metrics")
    assert "moto failed" not in child.log.read_text()


async def read_by_us(flows: Source, url: str, topics: Topics, logs: Path) -> None:
    """Read the whole stream by `connect kinesis`, and compare it with what KCL was given and gave."""
    env = {
        **environment(topics.kafka, topics.prefix, topics.slots, stream=STREAM),
        **{"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"},
        **{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
    }
    connector = Child("connect", ["connect", "kinesis"], env, logs)
    await connector.start()
    try:
        seen = await topics.until(lambda seen: len(seen.lines) >= flows.count)
    finally:
        await connector.stop()
    put = Counter(sha256 for records in flows.put_records.values() for _, sha256 in records)
    assert Counter(hashlib.sha256(line.encode()).hexdigest() for line in seen.lines) == put
    assert seen.dead == []


async def first_run(flows: Source, applications: Sequence[Application], logs: Path) -> set[str]:
    """Read while the stream is split and merged; return the shards that are closed."""
    flows.put()
    async with all_consuming(applications, logs) as consumers:
        await each(consumers, lambda consumer: consumer.has(flows.count, "what was there before"))
        left, right = sorted(flows.shards())
        _, upper = await asyncio.to_thread(flows.split, left)
        await each(consumers, lambda consumer: consumer.has(flows.count, "all of the split"))
        await asyncio.to_thread(flows.merge, upper, right)
        await each(consumers, lambda consumer: consumer.has(flows.count, "all of the merge"))
        closed = {left, upper, right}
        await each(
            consumers, lambda consumer: consumer.until(lambda: consumer.shards("ended") == closed, "ends")
        )
        await each(consumers, Consumer.stop)
    for consumer in consumers:
        assert consumer.arrived() == flows.put_records, consumer.application.name
        assert consumer.shards("started") == set(flows.shards())
    return closed


async def second_run(flows: Source, applications: Sequence[Application], logs: Path) -> None:
    """Read what was put since, and nothing else."""
    before = {key: len(records) for key, records in flows.put_records.items()}
    flows.put()
    new = {key: records[before[key] :] for key, records in flows.put_records.items()}
    async with all_consuming(applications, logs) as consumers:
        count = flows.count - sum(before.values())
        await each(consumers, lambda consumer: consumer.has(count, "what was put between the runs"))
        await each(consumers, Consumer.stop)
    for consumer in consumers:
        assert consumer.arrived() == new, consumer.application.name


@asynccontextmanager
async def all_consuming(applications: Sequence[Application], logs: Path) -> AsyncIterator[list[Consumer]]:
    """Run one worker of each application."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(consuming(application, logs / f"{application.name}.log"))
            for application in applications
        ]


async def each(consumers: Sequence[Consumer], work: Callable[[Consumer], Awaitable[None]]) -> None:
    """Wait for something of every consumer."""
    await asyncio.gather(*map(work, consumers))


async def page(url: str) -> str:
    """Return what a page of the emulator says."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()
