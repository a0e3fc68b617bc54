"""`vpcflow topics grow` in the middle of a load: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topic_settings import TOPICS
from connectors.kafka.topics import TopicError, ensure_topics
from connectors.settings import Common
from emulator.kafka.ports import free_port
from emulator.ledger.ledger import Ledger, compare
from streams.replay.observer import Observer
from streams.replay.processes import Child
from streams.topics.growth.grow import Grow
from tests import synthetic
from tests.acceptance.faults import TEST_CREDENTIALS, feed_load, kinesis_client
from tests.processes import answers, environment, until
from tests.schema_check import faults

OLD, NEW = 4, 8
RECORDS, RATE = 12_000, 3_000
SPAN_S = 2 * 3600
"""Lines and event time of the load before the growth, and of that after it."""


@pytest.mark.kafka
@pytest.mark.process
@pytest.mark.load
async def test_topics_grow_in_the_middle_of_a_load_and_every_key_equals_the_ledger(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, OLD)
    settings = Common.model_validate({"kafka": kafka, "prefix": prefix, "slots": OLD})
    before = synthetic.Load(RECORDS, 5, enis=100, span_s=SPAN_S)
    before = replace(before, start=(int(time.time()) - 2 * SPAN_S) // 60 * 60)
    after, ledger = replace(before, start=before.start + SPAN_S), Ledger()
    async with AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{free_port()}"
        env = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": TEST_CREDENTIALS["region_name"]}
        env |= {name.upper(): value for name, value in TEST_CREDENTIALS.items() if name.startswith("aws")}

        async def start(name: str, slots: int, *arguments: str) -> Child:
            child = Child(name, arguments, {**environment(kafka, prefix, slots), **env}, tmp_path)
            stack.push_async_callback(child.stop)
            await child.start()
            return child

        emulator = await start("emulate", OLD, "emulate", "--port", url.rpartition(":")[2])
        await until(lambda: answers(f"{url}/_localstack/health"), "the emulator does not answer")
        client = kinesis_client(emulator)
        await asyncio.to_thread(client.create_stream, StreamName="flow-logs", ShardCount=6)
        old = [
            await start(name, OLD, *words)
            for name, *words in (("connect", "connect", "kinesis"), ("work", "work"))
        ]
        observer = Observer()
        following = asyncio.ensure_future(observer.follow(KafkaConnection(kafka), prefix, OLD))
        feeding = asyncio.ensure_future(feed_load(client, before, ledger, RATE))
        await until(lambda: _has_seen(observer, RECORDS // 4), "nothing comes out")
        with pytest.raises(TopicError, match=r"processes of VPCFLOW_PREFIX=.* run"):
            await Grow(settings, NEW, lambda _: None).run()
        await asyncio.gather(*(child.stop() for child in old))
        following.cancel()

        with pytest.raises(TopicError, match="choose a multiple of 4"):
            await Grow(settings, 6, lambda _: None).run()
        told: list[str] = []
        await Grow(settings, NEW, told.append).run()
        assert told[-1].startswith(f"done: set VPCFLOW_SLOTS={NEW}")
        await Grow(settings, NEW, told.append).run()
        assert told[-1] == f"every topic has {NEW} partitions already"

        for name, *words in (("connect", "connect", "kinesis"), ("work", "work")):
            await start(f"{name}-grown", NEW, *words)
        observer = Observer()
        following = asyncio.ensure_future(observer.follow(KafkaConnection(kafka), prefix, NEW))
        stack.callback(following.cancel)
        await feeding
        await feed_load(client, after, ledger, RATE)
        await until(lambda: _has_seen(observer, ledger.lines), f"only {observer.flows} lines come out")
        assert dict(observer.dead) == {}
        report = compare(ledger, observer.aggregates)
        assert (report.exact, report.differing) == (True, 0)
        ends = await _check_messages(kafka, prefix)
        assert all(ends[TopicPartition(f"{prefix}aggregates", q)] > 0 for q in range(NEW))


async def _has_seen(observer: Observer, lines: int) -> bool:
    return observer.flows >= lines


async def _check_messages(kafka: str, prefix: str) -> dict[TopicPartition, int]:
    """Compare every message of every topic with the schemas; return the end offsets."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        places = [TopicPartition(prefix + topic.name, q) for topic in TOPICS for q in range(NEW)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                topic = place.topic.removeprefix(prefix)
                for one in records:
                    found = faults(topic, one.key, one.value, one.headers)
                    assert not found, (topic, one.key, found)
                    if topic.endswith("-state") and one.key == b"contract" and one.offset > 0:
                        assert orjson.loads(one.value)["VPCFLOW_SLOTS"] in {OLD, NEW}
        return ends
    finally:
        await consumer.stop()
