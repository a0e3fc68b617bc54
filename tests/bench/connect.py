"""`make bench-connect`: the connector as a process, from the emulator to committed blocks, and its delays.

Throughput is lines and bytes per CPU-second of the connector alone, of streams that were filled before it
started. Delay is measured open loop: each record carries when it was put, and is looked for in the blocks.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import boto3
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from botocore.config import Config
from rich.console import Console

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.cluster import kafka_node
from emulator.kafka.ports import free_port
from emulator.load import feed
from streams.replay.processes import Child
from tests import synthetic
from tests.bench import objects
from tests.bench.kinesis.figures import Figure, at_most, show
from tests.bench.load import SEED
from tests.bench.results import merge
from tests.processes import answers, environment, until

PREFIX, SLOTS, STREAM = "bench.", 8, "flow-logs"
SHARDS = 200
TICK_S = 0.05
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(slots=True)
class Stage:
    """A Kafka, an emulator with one stream, and what came out."""

    kafka: str
    url: str
    folder: Path
    client: Any
    lines: int = 0
    bytes: int = 0
    delays_ms: list[float] = field(default_factory=list)

    def connector(self, *flags: str, **settings: str) -> Child:
        """Return a connector that is not started yet."""
        env = environment(self.kafka, PREFIX, SLOTS, stream=STREAM, **settings)
        return Child(
            "connect",
            ["connect", "kinesis", *flags],
            {**env, **CREDENTIALS, "AWS_ENDPOINT_URL": self.url},
            self.folder,
        )

    async def follow(self) -> None:
        """Count what is committed, and how long after it was put."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(f"{PREFIX}blocks", slot) for slot in range(SLOTS)])
            await consumer.seek_to_beginning()
            while True:
                for messages in (await consumer.getmany(timeout_ms=20)).values():
                    self._note([message.value for message in messages])
        finally:
            await consumer.stop()

    def _note(self, blocks: Iterable[bytes]) -> None:
        now_ms = time.time() * 1000
        for block in filter(None, blocks):  # A block without lines carries progress alone.
            self.lines += block.count(b"\n") + 1
            self.bytes += len(block)
            if block.startswith(b"at "):
                self.delays_ms += [now_ms - float(line.split()[1]) for line in block.split(b"\n")]


@asynccontextmanager
async def stage(shards: int) -> AsyncIterator[Stage]:
    """Start everything but the connector; stop it all."""
    async with kafka_node() as node:
        await ensure_topics(KafkaConnection(node.bootstrap), PREFIX, SLOTS)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with tempfile.TemporaryDirectory() as folder:
            emulator = Child(
                "emulate", ["emulate", "--port", str(port), "--memory-mb", "2000"], {}, Path(folder)
            )
            await emulator.start()
            await until(lambda: answers(f"{url}/_localstack/health"), "no emulator")
            client = boto3.client(
                "kinesis",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )
            await asyncio.to_thread(client.create_stream, StreamName=STREAM, ShardCount=shards)
            waiter = client.get_waiter("stream_exists")
            await asyncio.to_thread(waiter.wait, StreamName=STREAM, WaiterConfig={"Delay": 1})
            try:
                yield Stage(node.bootstrap, url, Path(folder), client)
            finally:
                await emulator.stop()


async def throughput(payload: str, lines: int, lines_per_record: int) -> tuple[float, float, float]:
    """Return lines and bytes per CPU-second from the emulator to committed blocks, and the peak MB."""
    async with stage(4) as one:
        await feed.feed(
            one.client,
            STREAM,
            synthetic.batches(synthetic.Load(lines, SEED, span_s=900)),
            payload=payload,
            rate=None,
            on_progress=lambda _: None,
            lines_per_record=lines_per_record,
        )
        following = asyncio.ensure_future(one.follow())
        port = free_port()
        child = one.connector(shard_limits="none", health_port=str(port))
        await child.start()
        try:
            await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the connector is not ready")
            child.watch()
            before_s = child.cpu_s
            await until(lambda: _all(one, child, lines), "the connector does not finish")
            child.watch()
            cpu_s = child.cpu_s - before_s
            return one.lines / cpu_s, one.bytes / cpu_s, child.peak_rss_bytes / 2**20
        finally:
            await child.stop()
            await _cancelled(following)


async def _all(one: Stage, child: Child, lines: int) -> bool:
    child.watch()
    return one.lines >= lines


async def delays(shards: int, per_second: float, for_s: float, *flags: str) -> tuple[float, list[float]]:
    """Return the connector's share of a core, and the sorted delays in ms, of some shards' records."""
    async with stage(shards) as one:
        port = free_port()
        child = one.connector(*flags, health_port=str(port))
        await child.start()
        following = asyncio.ensure_future(one.follow())
        try:
            await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the connector is not ready")
            await asyncio.sleep(5)  # every shard is subscribed to, or has found its pace
            process = psutil.Process(child.pid)
            before, began = process.cpu_times(), time.monotonic()
            await asyncio.to_thread(_put, one.client, shards, per_second, for_s)
            after, took_s = process.cpu_times(), time.monotonic() - began
            await asyncio.sleep(3)
            share = (after.user + after.system - before.user - before.system) / took_s
            return share, sorted(one.delays_ms)
        finally:
            await child.stop()
            await _cancelled(following)


def _put(client: Any, shards: int, per_second: float, for_s: float) -> None:
    """Put one record to each shard in turn, on a schedule that is fixed before the first call."""
    keys = [str(at * (1 << 128) // shards + 1) for at in range(shards)]
    a_tick, number, began = max(round(shards * per_second * TICK_S), 1), 0, time.monotonic()
    for tick in range(int(for_s / TICK_S)):
        time.sleep(max(began + tick * TICK_S - time.monotonic(), 0.0))
        text = f"at {time.time() * 1000:.0f}".encode()
        some = [keys[(number + i) % shards] for i in range(a_tick)]
        number += a_tick
        records = [{"Data": text, "PartitionKey": "p", "ExplicitHashKey": key} for key in some]
        client.put_records(StreamName=STREAM, Records=records)


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def figures() -> AsyncIterator[Figure]:
    """Yield every figure, one after the other."""
    lines, _, peak_mb = await throughput("cloudwatch", 1_000_000, 200)
    unit = "lines per CPU-second"
    yield Figure("CloudWatch envelopes", lines, unit, 350_000, is_at_most=False)
    yield at_most("CloudWatch envelopes, memory", peak_mb, "MB", 300)
    _, size, _ = await throughput("lines", 2_000_000, 440)
    unit = "MB per CPU-second"
    yield Figure("plain lines, 50 KiB records", size / 1e6, unit, 100, is_at_most=False)
    share, found = await delays(SHARDS, 1.0, 30.0)
    yield at_most(f"{SHARDS} shards, 1 record/s each", share * 100, "% of a core", 40)
    yield at_most("their arrival to committed, p99", found[int(len(found) * 0.99)], "ms", 1500)
    _, found = await delays(4, 5.0, 20.0, "--fan-out")
    yield at_most("fan-out, arrival to committed, p50", found[len(found) // 2], "ms", 150)
    yield Figure("the same, p99", found[int(len(found) * 0.99)], "ms")
    async with stage(1) as one:
        await ensure_topics(KafkaConnection(one.kafka), objects.PREFIX, objects.SLOTS)
        lines, peak_mb = await objects.large_object(one.kafka, one.url, CREDENTIALS, one.folder)
    unit = "lines per CPU-second"
    yield Figure("S3, an object of 200 MB gzip", lines, unit, 300_000, is_at_most=False)
    yield at_most("S3, memory", peak_mb, "MB", 200)


async def _gathered() -> list[Figure]:
    return [one async for one in figures()]


def main() -> None:
    """Measure, print, and add to `build/bench.json`."""
    console = Console()
    with console.status("connectors"):
        found = asyncio.run(_gathered())
    show(console, found, "connect")
    merge({f"connect: {one.name}": one.as_result() for one in found})


if __name__ == "__main__":
    main()
