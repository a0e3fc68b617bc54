"""The chaos test of the connector: three instances while everything goes wrong, compared with the ledger.

`python -m tests.acceptance.chaos --seeds 1-10` runs it by hand. For each seed, for a minute: lines go in at a
fixed rate; shards are split and merged; reads are throttled, fail and are cut off; instances are killed
(SIGKILL), paused for longer than their session (SIGSTOP); the broker is killed and started again once. Then
everything is left to finish, and the committed blocks must hold every line once, with numbers that go up by
one. Only processes that the test started are touched, by id.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.cluster import Node, kafka_node
from emulator.kafka.ports import free_port
from streams.replay.processes import Child
from tests.acceptance.faults import TEST_CREDENTIALS
from tests.acceptance.seeds import resume_all, run_seeds
from tests.connectors.arrived import Seen, Topics
from tests.processes import answers, environment, until

PREFIX = "chaos."
SLOTS = 4
INSTANCES = 3
SESSION_S = 10.0  # connectors.kafka.ownership.SESSION_MS
STREAM = "flow-logs"
TICK_S = 0.5
SETTLE_S = 120.0
READS = ["GetRecords", "GetShardIterator", "ListShards", "DescribeStreamSummary"]
RULES = [
    {"fault": "throttle", "operations": READS, "probability": 0.05},
    {"fault": "internal_failure", "operations": READS, "probability": 0.02},
    {"fault": "reset", "operations": READS, "probability": 0.03},
    {"fault": "expired_iterator", "operations": ["GetRecords"], "probability": 0.01},
    {"fault": "empty_while_behind", "operations": ["GetRecords"], "probability": 0.05},
]


@dataclass(slots=True)
class Outcome:
    """What one seed came to."""

    lines: int
    lost: int
    twice: int
    dead: int
    are_numbers_whole: bool
    faults: Counter[str]

    @property
    def is_exact(self) -> bool:
        """Whether the blocks equal the ledger."""
        return not (self.lost or self.twice or self.dead) and self.are_numbers_whole

    @property
    def text(self) -> str:
        """The outcome in a line."""
        return (
            f"{self.lines:,} lines, lost {self.lost}, twice {self.twice}, dead {self.dead},"
            f" numbers {'whole' if self.are_numbers_whole else 'BROKEN'}; {dict(self.faults)}"
        )


@dataclass(slots=True)
class Scene:
    """The processes of a run, and what is being done to them."""

    node: Node
    client: Any
    instances: list[Child]
    random: random.Random
    broker_at: float
    faults: Counter[str] = field(default_factory=Counter)
    paused: dict[int, tuple[int, float]] = field(default_factory=dict)
    ledger: list[str] = field(default_factory=list)


async def run(seed: int, *, chaos_s: float = 60.0, rate: float = 400.0) -> Outcome:
    """Run one seed and return what it came to."""
    async with kafka_node() as node:
        await ensure_topics(KafkaConnection(node.bootstrap), PREFIX, SLOTS)
        with tempfile.TemporaryDirectory() as folder:
            emulator, scene = await _start(node, Path(folder), seed, chaos_s)
            try:
                began = time.monotonic()
                feeding = asyncio.ensure_future(_feed(scene, chaos_s, rate))
                while time.monotonic() - began < chaos_s or not feeding.done():
                    await _tick(scene)
                    await asyncio.sleep(TICK_S)
                await feeding
                await _rules(emulator, seed, [])
                return await _settle(scene)
            finally:
                resume_all(scene.paused)
                await asyncio.gather(*(child.stop() for child in scene.instances))
                await emulator.stop()


async def _start(node: Node, folder: Path, seed: int, chaos_s: float) -> tuple[Child, Scene]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        **environment(node.bootstrap, PREFIX, SLOTS, shard_limits="none", stream=STREAM),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    emulator = Child("emulate", ["emulate", "--port", str(port)], env, folder)
    await emulator.start()
    await until(lambda: answers(f"{url}/_localstack/health"), "the emulator does not answer")
    config = Config(retries={"total_max_attempts": 1})
    client = boto3.client("kinesis", endpoint_url=url, config=config, **TEST_CREDENTIALS)
    await asyncio.to_thread(client.create_stream, StreamName=STREAM, ShardCount=4)
    await asyncio.to_thread(
        client.get_waiter("stream_exists").wait, StreamName=STREAM, WaiterConfig={"Delay": 1}
    )
    await _rules(emulator, seed, RULES)
    instances = [Child(f"connect-{i}", ["connect", "kinesis"], env, folder) for i in range(INSTANCES)]
    await asyncio.gather(*(child.start() for child in instances))
    chance = random.Random(seed)
    broker_at = time.monotonic() + chance.uniform(0.3, 0.6) * chaos_s
    return emulator, Scene(node, client, instances, chance, broker_at)


async def _rules(emulator: Child, seed: int, rules: list[dict[str, Any]]) -> None:
    url = f"{emulator.env['AWS_ENDPOINT_URL']}/_vpcflow/faults"
    async with (
        aiohttp.ClientSession() as session,
        session.put(url, json={"seed": seed, "rules": rules}) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def _feed(scene: Scene, chaos_s: float, rate: float) -> None:
    """Put lines that are all different and acknowledged; puts are spared, or nobody could know the truth."""
    per_tick, number = int(rate / 10), 0
    ends = time.monotonic() + chaos_s
    while time.monotonic() < ends:
        at = int(time.time())
        lines = [
            f"2 123456789012 eni-chaos 10.0.0.1 10.0.0.2 1 443 6 1 {number + i} {at} {at + 40} ACCEPT OK"
            for i in range(per_tick)
        ]
        number += per_tick
        records = [{"Data": line.encode(), "PartitionKey": str(hash(line))} for line in lines]
        while records:
            answer = await asyncio.to_thread(scene.client.put_records, StreamName=STREAM, Records=records)
            records = [r for r, a in zip(records, answer["Records"], strict=True) if "ErrorCode" in a]
        scene.ledger += lines
        await asyncio.sleep(0.1)


async def _tick(scene: Scene) -> None:
    """Make the faults of one moment, and start again what has ended."""
    for index, child in enumerate(scene.instances):
        await _tick_instance(scene, index, child)
    if scene.random.random() < 0.15:
        await asyncio.to_thread(_reshard, scene)
    if scene.broker_at and time.monotonic() > scene.broker_at:
        scene.broker_at = 0.0
        scene.faults["broker killed"] += 1
        await scene.node.kill()
        await scene.node.restart()


async def _tick_instance(scene: Scene, index: int, child: Child) -> None:
    chance = scene.random.random()
    if not child.pid:
        scene.paused.pop(index, None)
        await child.start()
        scene.faults["started again"] += 1
    elif index in scene.paused:
        pid, until_at = scene.paused[index]
        if time.monotonic() > until_at:
            os.kill(pid, signal.SIGCONT)
            del scene.paused[index]
    elif chance < 0.02:
        os.kill(child.pid, signal.SIGKILL)
        await child.ended()
        scene.faults["killed"] += 1
    elif chance < 0.035:
        os.kill(child.pid, signal.SIGSTOP)
        scene.paused[index] = (child.pid, time.monotonic() + SESSION_S + scene.random.uniform(1, 5))
        scene.faults["paused"] += 1
    elif chance < 0.045:
        await child.stop()
        scene.faults["told to stop"] += 1


def _reshard(scene: Scene) -> None:
    """Split a shard, or merge two neighbours; what is refused just now is left."""
    with suppress(ClientError, BotoCoreError):
        shards = scene.client.list_shards(StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        shards.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
        at = scene.random.randrange(len(shards) - 1)
        if len(shards) < 6 or (len(shards) < 10 and scene.random.random() < 0.5):
            low, high = (int(shards[at]["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
            scene.client.split_shard(
                StreamName=STREAM,
                ShardToSplit=shards[at]["ShardId"],
                NewStartingHashKey=str((low + high) // 2 + 1),
            )
            scene.faults["split"] += 1
        else:
            pair = {"ShardToMerge": shards[at]["ShardId"], "AdjacentShardToMerge": shards[at + 1]["ShardId"]}
            scene.client.merge_shards(StreamName=STREAM, **pair)
            scene.faults["merged"] += 1


async def _settle(scene: Scene) -> Outcome:
    """Let everything finish without faults, then compare."""
    resume_all(scene.paused)
    topics = Topics(scene.node.bootstrap, PREFIX, SLOTS)
    deadline = time.monotonic() + SETTLE_S
    while len((await topics.seen()).lines) < len(scene.ledger) and time.monotonic() < deadline:
        for child in scene.instances:
            if not child.pid:
                await child.start()
        await asyncio.sleep(TICK_S)
    await asyncio.sleep(2 * TICK_S)  # What is wrongly doubled would come about now.
    return _compared(scene, await topics.seen())


def _compared(scene: Scene, seen: Seen) -> Outcome:
    found, put = Counter(seen.lines), Counter(scene.ledger)
    return Outcome(
        lines=len(scene.ledger),
        lost=sum((put - found).values()),
        twice=sum((found - put).values()),
        dead=len(seen.dead),
        are_numbers_whole=all(numbers == list(range(len(numbers))) for numbers in seen.numbers.values()),
        faults=scene.faults,
    )


@click.command()
@click.option("--seeds", default="1-10", show_default=True, help="One seed, or a range.")
def main(seeds: str) -> None:
    """Run the chaos test on some seeds, and exit with the number that was not exact."""
    run_seeds(seeds, run)


if __name__ == "__main__":
    main()
