"""`connect s3` as a process on one large object: lines per CPU-second of it alone, and its memory."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import boto3
from aiokafka import AIOKafkaConsumer, TopicPartition
from isal import igzip

from connectors.formats.flowlog import DEFAULT_FORMAT
from streams.replay.processes import Child
from tests import synthetic
from tests.bench.load import SEED
from tests.processes import environment, until

PREFIX, SLOTS, BUCKET = "objects.", 4, "flow-logs-of-the-bench"
OBJECT_BYTES = 200 << 20


def write_object(path: Path, most_bytes: int) -> int:
    """Write a gzip file of that size, header and lines as AWS delivers them; return how many lines."""
    lines = 0
    with igzip.open(path, "wb", compresslevel=1) as file:
        file.write(" ".join(DEFAULT_FORMAT).encode() + b"\n")
        for batch in synthetic.batches(synthetic.Load(1 << 30, SEED, span_s=900)):
            file.write(batch.text + b"\n")
            lines += batch.frame.height
            if path.stat().st_size >= most_bytes:
                break
    return lines


async def large_object(
    kafka: str, url: str, credentials: dict[str, str], folder: Path
) -> tuple[float, float]:
    """Return lines per CPU-second from the object to committed blocks, and the peak MB."""
    env = {**environment(kafka, PREFIX, SLOTS, s3_bucket=BUCKET), **credentials, "AWS_ENDPOINT_URL": url}
    path = folder / "object.log.gz"
    lines = await asyncio.to_thread(write_object, path, OBJECT_BYTES)
    await asyncio.to_thread(_put, boto3.client("s3", endpoint_url=url, **_keys(credentials)), path)
    child = Child("connect-s3", ["connect", "s3"], env, folder)
    seen = _Seen()
    following = asyncio.ensure_future(seen.follow(kafka))
    await child.start()
    try:
        await until(lambda: _all(child, seen, lines), "the object is not read")
        return lines / child.cpu_s, child.peak_rss_bytes / 2**20
    finally:
        await child.stop()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _put(client: Any, path: Path) -> None:
    client.create_bucket(Bucket=BUCKET)
    day, at = time.strftime("%Y/%m/%d", time.gmtime()), time.strftime("%Y%m%dT%H%MZ", time.gmtime())
    name = f"123456789012_vpcflowlogs_us-east-1_fl-0abc_{at}_abcdefgh.log.gz"
    key = f"AWSLogs/123456789012/vpcflowlogs/us-east-1/{day}/{name}"
    with path.open("rb") as body:
        client.put_object(Bucket=BUCKET, Key=key, Body=body)


def _keys(credentials: dict[str, str]) -> dict[str, str]:
    names = {"AWS_DEFAULT_REGION": "region_name"}
    return {names.get(name, name.lower()): value for name, value in credentials.items()}


async def _all(child: Child, seen: _Seen, lines: int) -> bool:
    child.watch()
    return seen.lines >= lines


class _Seen:
    """How many lines were committed."""

    def __init__(self) -> None:
        self.lines = 0

    async def follow(self, kafka: str) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(f"{PREFIX}blocks", slot) for slot in range(SLOTS)])
            while True:
                for messages in (await consumer.getmany(timeout_ms=100)).values():
                    values = [message.value for message in messages if message.value]
                    self.lines += sum(value.count(b"\n") + 1 for value in values)
        finally:
            await consumer.stop()
