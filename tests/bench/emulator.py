"""The emulator's put and get, in CPU-seconds of its own process, lines of CloudWatch-sized records."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config
from botocore.credentials import Credentials

from connectors.kinesis.client import StreamReader, parse_answer
from connectors.kinesis.get_records import RecordsCall
from connectors.kinesis.polling import LIMIT_MOST
from connectors.kinesis.positions import Position
from emulator.kafka.ports import free_port
from emulator.load import feed
from streams.replay.processes import Child
from tests import synthetic
from tests.bench.load import LINES, SEED
from tests.processes import answers, until


async def measure(lines: int = LINES // 2) -> dict[str, float]:
    """Return lines per CPU-second of the server for put and for get (records of 50 lines)."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = Child("emulate", ["emulate", "--port", str(port)], {}, Path(folder))
        await server.start()
        try:
            await until(lambda: answers(f"http://127.0.0.1:{port}/_localstack/health"), "no emulator")
            client = boto3.client(
                "kinesis",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )
            await asyncio.to_thread(client.create_stream, StreamName="bench", ShardCount=1)
            await asyncio.to_thread(
                client.get_waiter("stream_exists").wait, StreamName="bench", WaiterConfig={"Delay": 1}
            )
            load = synthetic.Load(lines, SEED, span_s=900)
            idle = _cpu_s(server.pid)
            await feed.feed(
                client,
                "bench",
                synthetic.batches(load),
                payload="lines",
                rate=None,
                on_progress=lambda _: None,
                lines_per_record=50,
            )
            put = _cpu_s(server.pid)
            got = await _read_all(client, lines)
            return {
                "emulator_put": lines / (put - idle),
                "emulator_get": got / (_cpu_s(server.pid) - put),
            }
        finally:
            await server.stop()


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def _read_all(client: Any, lines: int) -> int:
    reader = StreamReader(client, "bench")
    shards = await asyncio.to_thread(reader.shards)
    iterator = await asyncio.to_thread(reader.iterator, shards[0].shard_id, Position())
    seen = 0
    async with RecordsCall(client, Credentials("test", "test")) as call:
        while seen < lines:
            answer = parse_answer(await call.body(iterator, LIMIT_MOST, {}))
            seen += sum(record.data.count(b"\n") + 1 for record in answer.records)
            iterator = answer.next_iterator
    return seen
