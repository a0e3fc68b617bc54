"""What an endpoint takes: requests of 64 KiB a second and for each CPU-second, and its memory meanwhile.

`python -m tests.connectors.firehose.bench rate --seconds 120` and `… hostile --requests 10000`. The endpoint
is a process of its own, Kafka is Kafka; who sends is on the same machine, so CPU-seconds are the measure.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import click
import orjson
import psutil
import pybase64

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.cluster import kafka_node
from tests.build import line
from tests.connectors.firehose.hostile import attack
from tests.connectors.firehose.posting import Post, send
from tests.connectors.firehose.process import Endpoint, endpoint

BODY_BYTES = 64 << 10
SLOTS = 8
PREFIX = "bench."


def records_of(size: int) -> bytes:
    """Return records of about a size, as flow logs put them into a delivery stream: a line each, in JSON."""
    record = orjson.dumps({"message": line().decode()}) + b"\n"
    one = b'{"data":"%b"}' % pybase64.b64encode(record)
    return b",".join([one] * (size // (len(one) + 1)))


@dataclass(slots=True)
class Load:
    """Senders that come again until the time is over."""

    url: str
    until: float
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    records: bytes = field(default_factory=lambda: records_of(BODY_BYTES))

    async def run(self, at_once: int) -> None:
        """Send until it is over."""
        connector = aiohttp.TCPConnector(limit=at_once)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(self._send_on(session) for _ in range(at_once)))

    async def _send_on(self, session: aiohttp.ClientSession) -> None:
        while time.monotonic() < self.until:
            post = Post(request_id=str(uuid.uuid4()))
            head = b'{"requestId":"%b","timestamp":1700000000000,"records":[' % post.request_id.encode()
            began = time.monotonic()
            body = head + self.records + b"]}"
            async with session.post(self.url, data=body, headers=post.headers) as answer:
                await answer.read()
                self.statuses[answer.status] += 1
            self.latencies.append(time.monotonic() - began)


async def watch(process: psutil.Process, seconds: float) -> list[float]:
    """Return the process's memory, MiB, at twelve moments."""
    found = []
    for _ in range(12):
        await asyncio.sleep(seconds / 12)
        found.append(process.memory_info().rss / (1 << 20))
    return found


async def rate(one: Endpoint, seconds: float, at_once: int) -> None:
    """Print what it takes."""
    process = psutil.Process(one.process.pid)
    before = sum(process.cpu_times()[:2])
    load = Load(one.url, time.monotonic() + seconds)
    began = time.monotonic()
    _, memory = await asyncio.gather(load.run(at_once), watch(process, seconds))
    took_s, cpu_s = time.monotonic() - began, sum(process.cpu_times()[:2]) - before
    count = load.statuses[200]
    load.latencies.sort()
    print(
        f"{count / took_s:.0f} requests/s of {BODY_BYTES >> 10} KiB, {at_once} at once; {dict(load.statuses)}"
    )
    print(f"{count / cpu_s:.0f} requests for each CPU-second of the endpoint, {cpu_s / took_s:.0%} of a core")
    half, worst = (load.latencies[int(len(load.latencies) * q)] * 1000 for q in (0.5, 0.99))
    print(f"answered within {half:.0f} ms (half), {worst:.0f} ms (99 %)")
    print("memory, MiB:", " ".join(f"{mib:.0f}" for mib in memory))


async def hostile(one: Endpoint, requests: int) -> None:
    """Print what is answered, and whether it serves on."""
    process = psutil.Process(one.process.pid)
    began, before = time.monotonic(), process.memory_info().rss
    statuses = await attack(one.url, 1, requests, at_once=64)
    after = await send(one.url, Post())
    print(
        f"{requests} in {time.monotonic() - began:.0f} s: {dict(statuses)}; then a good one: {after.status}"
    )
    print(f"memory, MiB: {before / (1 << 20):.0f} before, {process.memory_info().rss / (1 << 20):.0f} after")
    print(f"its log has {len(one.log.read_text().splitlines())} lines")


@click.command()
@click.argument("what", type=click.Choice(["rate", "hostile"]))
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--at-once", default=32, show_default=True)
@click.option("--requests", default=10_000, show_default=True)
def main(what: str, seconds: float, at_once: int, requests: int) -> None:
    """Measure an endpoint on a Kafka of its own."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with kafka_node() as node:
                await ensure_topics(KafkaConnection(node.bootstrap), PREFIX, SLOTS)
                async with endpoint(node.bootstrap, PREFIX, Path(folder), SLOTS) as one:
                    await (rate(one, seconds, at_once) if what == "rate" else hostile(one, requests))

    asyncio.run(run())


if __name__ == "__main__":
    main()
