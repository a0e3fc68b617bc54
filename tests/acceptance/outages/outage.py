"""The outage test: connectors are away while hours of flow logs arrive, all settings at their defaults.

`python -m tests.acceptance.outages.outage --hours 6 --shards 16` runs one case by hand, `--all` the whole
table. A short live phase comes first, unless the case is a first start. Then every connector is killed, the
lines of the outage arrive, and the connectors start again. At the end every window equals the ledger, `dead`
is empty, and every window older than the lateness is final within a minute.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import click
import polars as pl

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.cluster import Node, kafka_node
from emulator.kafka.ports import free_port
from emulator.ledger.ledger import Ledger, WindowReport, compare
from streams.replay.observer import Observer
from streams.replay.processes import Child
from streams.windows.merge import Rules
from tests.processes import answers, environment, until

PREFIX = "outage."
MINUTE_S, HOUR_S = 60, 3600
FINAL_AFTER_S = Rules().lateness_s
LIVE_MINUTES = 15
SETTLE_S = 240.0
FINAL_S = 60.0
PUT_RECORDS, PUT_BYTES = 400, 3 << 20  # below what one PutRecords may hold
LINES_A_RECORD = 500
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@dataclass(frozen=True, slots=True)
class Case:
    """One outage.

    `busy` is lines a minute of each shard, `quiet` that of the first one if it is skewed. `stuck_s` is how
    long reads of the first shard fail after the outage. In the outage, every open shard is split `reshards`
    times, so that as many generations of shards wait for each other.
    """

    hours: float = 1.0
    shards: int = 8
    slots: int = 8
    streams: int = 1
    connectors: int = 1
    busy: int = 40
    quiet: int = 0
    interfaces: int = 1
    is_first_start: bool = False
    stuck_s: float = 0.0
    reshards: int = 0

    @property
    def name(self) -> str:
        """The case in a few words."""
        kind = "first start" if self.is_first_start else "outage"
        skew = f", one at {self.quiet}/min" if self.quiet else ""
        skew += f", one fails for {self.stuck_s:g} s" if self.stuck_s else ""
        skew += f", split {self.reshards} times" if self.reshards else ""
        return (
            f"{kind} {self.hours:g} h, {self.shards} shards{skew}, {self.slots} slots,"
            f" {self.streams} streams, {self.connectors} connectors"
        )


@dataclass(slots=True)
class Outcome:
    """What a case came to."""

    case: Case
    output: WindowReport
    dead: dict[str, int]
    not_final: int
    read_s: float
    final_s: float
    worker_mb: float

    @property
    def is_exact(self) -> bool:
        """Whether nothing is late or lost, and all old windows are final in time."""
        return self.output.exact and not self.dead and not self.not_final

    @property
    def text(self) -> str:
        """The outcome in a line."""
        return (
            f"{self.case.name}: {self.output.lines:,} lines, lost {self.output.lost}, twice"
            f" {self.output.twice}, dead {self.dead}, windows {self.output.windows:,}, differing"
            f" {self.output.differing}, not final {self.not_final}; read in {self.read_s:.0f} s, final"
            f" {self.final_s:.1f} s later, worker {self.worker_mb:.0f} MB"
        )


@dataclass(slots=True)
class Feeder:
    """Puts the lines of a case on its streams, by minutes, and keeps the ledger."""

    client: Any
    case: Case
    ledger: Ledger = field(default_factory=Ledger)
    newest: int = 0

    def put(self, first: int, minutes: int) -> None:
        """Put the lines of some minutes, from epoch second `first` on; blocking."""
        for stream in range(self.case.streams):
            records = []
            for minute in range(minutes):
                at = first + minute * MINUTE_S
                self.newest = max(self.newest, at)
                for shard in range(self.case.shards):
                    records += self._records(stream, shard, at)
            self._put(f"flow-logs-{stream}", records)

    def _put(self, stream: str, records: list[dict[str, Any]]) -> None:
        some, size = [], 0
        for record in records:
            some.append(record)
            size += len(record["Data"])
            if record is records[-1] or len(some) == PUT_RECORDS or size >= PUT_BYTES:
                answer = self.client.put_records(StreamName=stream, Records=some)
                assert not answer["FailedRecordCount"]
                some, size = [], 0

    def split(self) -> None:
        """Split every open shard of every stream in its middle; blocking."""
        for stream in range(self.case.streams):
            name = f"flow-logs-{stream}"
            waiter = self.client.get_waiter("stream_exists")
            for shard in self.client.list_shards(StreamName=name)["Shards"]:
                if "EndingSequenceNumber" in shard["SequenceNumberRange"]:
                    continue
                keys = shard["HashKeyRange"]
                middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2 + 1
                self.client.split_shard(
                    StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle)
                )
                waiter.wait(StreamName=name, WaiterConfig={"Delay": 1})

    def _records(self, stream: int, shard: int, at: int) -> Iterator[dict[str, Any]]:
        case = self.case
        count = case.quiet if case.quiet and not shard else case.busy
        enis = [_eni(stream, shard, nth % case.interfaces) for nth in range(count)]
        self.ledger.add_columns(
            pl.DataFrame(
                {
                    "eni": enis,
                    "action": ["ACCEPT"] * count,
                    "packets": [3] * count,
                    "bytes": [180] * count,
                    "start": [at] * count,
                    "end": [at + 40] * count,
                }
            )
        )
        lines = [
            f"2 111122223333 {eni} 10.8.0.4 10.8.0.9 41000 443 6 3 180 {at} {at + 40} ACCEPT OK"
            for eni in enis
        ]
        key = (2 * shard + 1) * (1 << 128) // (2 * case.shards)
        for begin in range(0, count, LINES_A_RECORD):
            data = "\n".join(lines[begin : begin + LINES_A_RECORD]).encode()
            yield {"Data": data, "PartitionKey": "k", "ExplicitHashKey": str(key)}


def _eni(stream: int, shard: int, nth: int) -> str:
    return f"eni-0{stream:04x}{shard:04x}{nth:08x}"


class Pipeline:
    """The processes of a case: an emulator, a worker, and connectors that die."""

    def __init__(self, case: Case, node: Node, folder: Path) -> None:
        self.case, self.node = case, node
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        streams = ",".join(f"flow-logs-{nth}" for nth in range(case.streams))
        env = {
            **environment(node.bootstrap, PREFIX, case.slots, stream=streams),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.emulator = Child("emulate", ["emulate", "--port", str(port)], env, folder)
        self.worker = Child("work", ["work"], env, folder)
        self.connectors = [
            Child(f"connect-{nth}", ["connect", "kinesis"], env, folder) for nth in range(case.connectors)
        ]

    async def start(self) -> Any:
        """Start all but the connectors; return a client of the emulator."""
        await ensure_topics(KafkaConnection(self.node.bootstrap), PREFIX, self.case.slots)
        await self.emulator.start()
        await until(lambda: answers(f"{self.endpoint}/_localstack/health"), "the emulator does not answer")
        client = boto3.client("kinesis", endpoint_url=self.endpoint, **KEYS)
        for nth in range(self.case.streams):
            name = f"flow-logs-{nth}"
            await asyncio.to_thread(client.create_stream, StreamName=name, ShardCount=self.case.shards)
            waiter = client.get_waiter("stream_exists")
            await asyncio.to_thread(waiter.wait, StreamName=name, WaiterConfig={"Delay": 1})
        await self.worker.start()
        return client

    async def connect(self) -> None:
        """Start the connectors."""
        await asyncio.gather(*(child.start() for child in self.connectors))

    @asynccontextmanager
    async def stuck(self) -> AsyncIterator[None]:
        """Let reads of the first shard fail for as long as the case says, after the block."""
        if not self.case.stuck_s:
            yield
            return
        shard = {"stream": "flow-logs-0", "shard": "shardId-000000000000"}
        rule = {"fault": "internal_failure", "operations": ["GetRecords"], **shard}
        await self._faults(rule)
        yield
        await asyncio.sleep(self.case.stuck_s)
        await self._faults()

    async def _faults(self, *rules: dict[str, Any]) -> None:
        url = f"{self.endpoint}/_vpcflow/faults"
        async with (
            aiohttp.ClientSession() as session,
            session.put(url, json={"seed": 1, "rules": list(rules)}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def kill_connectors(self) -> None:
        """Kill the connectors."""
        for child in self.connectors:
            os.kill(child.pid, signal.SIGKILL)
            await child.ended()

    async def stop(self) -> None:
        """Stop everything."""
        await asyncio.gather(*(child.stop() for child in [self.worker, *self.connectors]))
        await self.emulator.stop()


async def run(case: Case) -> Outcome:
    """Run a case and return what it came to."""
    minutes = round(case.hours * 60)
    first = int(time.time()) // MINUTE_S * MINUTE_S - (minutes + LIVE_MINUTES) * MINUTE_S
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(kafka_node())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        pipeline = Pipeline(case, node, Path(folder))
        stack.push_async_callback(pipeline.stop)
        feeder = Feeder(await pipeline.start(), case)
        observer = Observer()
        following = asyncio.ensure_future(
            observer.follow(KafkaConnection(node.bootstrap), PREFIX, case.slots)
        )
        stack.callback(following.cancel)
        if not case.is_first_start:
            await pipeline.connect()
            await asyncio.to_thread(feeder.put, first, LIVE_MINUTES)
            await _all_seen(observer, feeder, pipeline)
            await pipeline.kill_connectors()
        await asyncio.to_thread(_put_outage, feeder, first + LIVE_MINUTES * MINUTE_S, minutes)
        began = time.monotonic()
        async with pipeline.stuck():
            await pipeline.connect()
        await _all_seen(observer, feeder, pipeline)
        read_s = time.monotonic() - began
        not_final, final_s = await _finals(observer, feeder)
        return Outcome(
            case,
            compare(feeder.ledger, observer.aggregates),
            dict(observer.dead),
            not_final,
            read_s,
            final_s,
            pipeline.worker.peak_rss_bytes / 1e6,
        )


def _put_outage(feeder: Feeder, first: int, minutes: int) -> None:
    """Put the lines of an outage, and split the shards between its parts; blocking."""
    part = minutes // (feeder.case.reshards + 1)
    for nth in range(feeder.case.reshards):
        feeder.put(first + nth * part * MINUTE_S, part)
        feeder.split()
    done = part * feeder.case.reshards
    feeder.put(first + done * MINUTE_S, minutes - done)


async def _all_seen(observer: Observer, feeder: Feeder, pipeline: Pipeline) -> None:
    deadline = time.monotonic() + SETTLE_S
    while observer.flows + sum(observer.dead.values()) < feeder.ledger.lines:
        if time.monotonic() > deadline:
            return
        pipeline.worker.watch()
        for child in [pipeline.worker, *pipeline.connectors]:
            await child.restart_if_ended()
        await asyncio.sleep(0.1)


async def _finals(observer: Observer, feeder: Feeder) -> tuple[int, float]:
    """Wait until all windows older than the lateness are final; return how many are not, and the seconds."""
    began = time.monotonic()
    while True:
        waiting = [
            key
            for key, seen in observer.aggregates.items()
            if not seen.is_final and key[2] + MINUTE_S <= feeder.newest - FINAL_AFTER_S
        ]
        took_s = time.monotonic() - began
        if not waiting or took_s > FINAL_S:
            return len(waiting), took_s
        await asyncio.sleep(0.2)


SKEWED = Case(6, shards=6, slots=2, busy=111, quiet=1, is_first_start=True)
CASES = (
    Case(1),
    Case(2),
    Case(6, is_first_start=True),
    Case(6, shards=16, is_first_start=True),
    SKEWED,
    Case(6, shards=2),
    Case(6, shards=3, connectors=2, reshards=2, interfaces=20),
    Case(6, stuck_s=15, interfaces=20, is_first_start=True),
    Case(6, streams=2, shards=4),
    Case(6, connectors=3),
    Case(20, connectors=3, streams=2, shards=4),
    Case(20, shards=4, busy=400, quiet=4, interfaces=500, is_first_start=True),
)


@click.command()
@click.option("--all", "is_all", is_flag=True, help="Run the whole table.")
@click.option("--hours", default=1.0, show_default=True, help="Hours of the outage.")
@click.option("--shards", default=8, show_default=True, help="Shards of each stream.")
@click.option("--slots", default=8, show_default=True, help="Partitions of every topic.")
@click.option("--streams", default=1, show_default=True, help="Streams.")
@click.option("--connectors", default=1, show_default=True, help="Connector processes.")
@click.option("--busy", default=40, show_default=True, help="Lines a minute of each shard.")
@click.option("--quiet", default=0, help="Lines a minute of the first shard; 0: as the others.")
@click.option("--interfaces", default=1, show_default=True, help="Interfaces of each shard.")
@click.option("--reshards", default=0, help="How often every shard is split in the outage.")
@click.option("--stuck-s", default=0.0, help="Seconds that reads of the first shard fail after the outage.")
@click.option("--first-start", "is_first_start", is_flag=True, help="No live phase before the outage.")
def main(is_all: bool, **options: Any) -> None:
    """Run outages, and exit with the number that was not exact."""
    wrong = 0
    for case in CASES if is_all else [replace(Case(), **options)]:
        outcome = asyncio.run(run(case))
        wrong += not outcome.is_exact
        print(("exact      " if outcome.is_exact else "NOT EXACT  ") + outcome.text, flush=True)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
