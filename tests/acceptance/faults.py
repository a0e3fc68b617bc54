"""The fault test: the whole pipeline on real Kafka while things die, compared with the ledger at the end.

`python -m tests.acceptance.faults --seeds 1-10` runs it by hand. For each seed: a load goes in at a fixed
rate while the connector and three workers are killed (SIGKILL), paused for longer than their session
(SIGSTOP), made to leave and join (SIGTERM), and the broker is killed and started again once. Then
everything is left to finish, and every key of the merge state and of `aggregates` must equal the ledger.
Only processes that the test started are touched, by id.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.config import Config

from connectors.slots import read_compacted
from connectors.topics import ensure_topics
from emulator.kafka.node import Node, kafka_node
from emulator.ledger import Ledger, Report, compare
from emulator.ports import free_port
from emulator.world import feed, traffic
from streams.children import Child
from streams.observer import Observer
from streams.windows import Rules, Windows
from tests.acceptance.seeds import resume_all, run_seeds
from tests.processes import answers, environment, until

PREFIX = "faults."
SLOTS = 4
SESSION_S = 3.0
WORKERS = 3
ENIS = 200
TICK_S = 0.5
SETTLE_S = 120.0
TEST_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@dataclass(slots=True)
class Outcome:
    """What one seed came to: the differences of state and output, and the faults that were made."""

    seed: int
    state: Report
    output: Report
    backwards: int
    dead: int
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def is_exact(self) -> bool:
        """Whether state and output equal the ledger, every key."""
        return self.state.exact and self.output.exact and not self.backwards and not self.dead

    @property
    def text(self) -> str:
        """The outcome in a line."""
        return (
            f"{self.state.lines:,} lines, {self.state.windows:,} keys; state differs {self.state.differing},"
            f" output differs {self.output.differing} (lost {self.output.lost}, twice {self.output.twice}),"
            f" backwards {self.backwards}, dead {self.dead}; {dict(self.faults)}"
        )


@dataclass(slots=True)
class Scene:
    """The processes of a run, and what is being done to them."""

    node: Node
    connector: Child
    workers: list[Child]
    random: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    paused: dict[int, tuple[int, float]] = field(default_factory=dict)
    broker_at: float = 0.0


async def run(seed: int, *, faulty_s: float = 40.0, rate: float = 3000.0) -> Outcome:
    """Run one seed and return what it came to. Raises `TimeoutError` when it does not settle."""
    load = traffic.Load(int(faulty_s * rate), seed, enis=ENIS, start=int(time.time()) // 60 * 60 - 3600)
    ledger = Ledger()
    async with kafka_node() as node:
        await ensure_topics(node.bootstrap, PREFIX, SLOTS)
        with tempfile.TemporaryDirectory() as folder:
            emulator, scene = await _start(node, Path(folder), seed)
            try:
                client = _client(emulator)
                began = time.monotonic()
                feeding = asyncio.ensure_future(_feed(client, load, ledger, rate))
                scene.broker_at = began + scene.random.uniform(0.3, 0.6) * faulty_s
                while time.monotonic() - began < faulty_s or not feeding.done():
                    await _tick(scene)
                    await asyncio.sleep(TICK_S)
                await feeding
                return await _settle(scene, seed, ledger)
            finally:
                resume_all(scene.paused)
                await asyncio.gather(*(child.stop() for child in _all(scene)))
                await emulator.stop()


def _all(scene: Scene) -> list[Child]:
    return [scene.connector, *scene.workers]


async def _start(node: Node, folder: Path, seed: int) -> tuple[Child, Scene]:
    port = free_port()
    env = {
        **environment(node.bootstrap, PREFIX, SLOTS, session_s=SESSION_S, retention_s=86_400),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POLARS_MAX_THREADS": "1",
    }
    emulator = Child("emulate", ["emulate", "--port", str(port)], env, folder)
    await emulator.start()
    await until(
        lambda: answers(f"http://127.0.0.1:{port}/_localstack/health"), "the emulator does not answer"
    )
    client = _client(emulator)
    await asyncio.to_thread(client.create_stream, StreamName="flow-logs", ShardCount=SLOTS)
    await asyncio.to_thread(
        client.get_waiter("stream_exists").wait, StreamName="flow-logs", WaiterConfig={"Delay": 1}
    )
    connector = Child("connect", ["connect", "kinesis"], env, folder)
    workers = [Child(f"work-{i}", ["work"], env, folder) for i in range(WORKERS)]
    await asyncio.gather(connector.start(), workers[0].start())
    return emulator, Scene(node, connector, workers, random.Random(seed))


def _client(emulator: Child) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client(
        "kinesis", endpoint_url=emulator.env["AWS_ENDPOINT_URL"], config=config, **TEST_CREDENTIALS
    )


async def _feed(client: Any, load: traffic.Load, ledger: Ledger, rate: float) -> None:
    def counted() -> Any:
        for batch in traffic.batches(load, 2000):
            ledger.add_columns(batch.frame)
            yield batch

    await feed.feed(
        client,
        "flow-logs",
        counted(),
        payload="lines",
        rate=rate,
        on_progress=lambda _: None,
        lines_per_record=50,
    )


async def _tick(scene: Scene) -> None:
    """Make the faults of one moment, and start again what has ended."""
    chance = scene.random.random
    if scene.connector.pid and chance() < 0.03:
        await _kill(scene, scene.connector, "connector killed")
    if not scene.connector.pid:
        await scene.connector.start()
    for index, worker in enumerate(scene.workers):
        await _tick_worker(scene, index, worker)
    if scene.broker_at and time.monotonic() > scene.broker_at:
        scene.broker_at = 0.0
        scene.faults["broker killed"] += 1
        await scene.node.kill()
        await scene.node.restart()


async def _tick_worker(scene: Scene, index: int, worker: Child) -> None:
    chance = scene.random.random
    if not worker.pid:
        scene.paused.pop(index, None)
        if chance() < 0.4:
            await worker.start()
            scene.faults["worker joined"] += 1
    elif index in scene.paused:
        pid, until_at = scene.paused[index]
        if time.monotonic() > until_at:
            os.kill(pid, signal.SIGCONT)
            del scene.paused[index]
    elif chance() < 0.02:
        await _kill(scene, worker, "worker killed")
    elif chance() < 0.02:
        os.kill(worker.pid, signal.SIGSTOP)
        scene.paused[index] = (worker.pid, time.monotonic() + SESSION_S + scene.random.uniform(2, 6))
        scene.faults["worker paused"] += 1
    elif chance() < 0.01:
        await worker.stop()
        scene.faults["worker left"] += 1


async def _kill(scene: Scene, child: Child, name: str) -> None:
    os.kill(child.pid, signal.SIGKILL)
    await child.ended()
    scene.faults[name] += 1


async def _settle(scene: Scene, seed: int, ledger: Ledger) -> Outcome:
    """Let everything finish without faults, then compare."""
    resume_all(scene.paused)
    observer = Observer()
    following = asyncio.ensure_future(observer.follow(scene.node.bootstrap, PREFIX, SLOTS))
    deadline = time.monotonic() + SETTLE_S
    try:
        while observer.flows + sum(observer.dead.values()) < ledger.lines and time.monotonic() < deadline:
            for child in (scene.connector, scene.workers[0]):
                if not child.pid:
                    await child.start()
            await asyncio.sleep(TICK_S)
        await asyncio.sleep(2 * TICK_S)  # What is wrongly doubled would come about now.
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await asyncio.gather(*(child.stop() for child in _all(scene)))
    state = await _state(scene.node.bootstrap)
    return Outcome(
        seed,
        state=compare(ledger, state),
        output=compare(ledger, observer.aggregates),
        backwards=observer.backwards,
        dead=sum(observer.dead.values()),
        faults=scene.faults,
    )


async def _state(kafka: str) -> dict[tuple[str, str, int], Any]:
    """Read what `merge` keeps, from its state topic, as aggregates."""
    found = {}
    for partition in range(SLOTS):
        values = await read_compacted(kafka, f"{PREFIX}merge-state", partition)
        values.pop(b"sent", None)
        for aggregate in Windows.load(Rules(), values).aggregates():
            found[aggregate.eni, aggregate.action, aggregate.window_start] = aggregate
    return found


@click.command()
@click.option("--seeds", default="1-10", show_default=True, help="One seed, or a range.")
def main(seeds: str) -> None:
    """Run the fault test on some seeds, and exit with the number that was not exact."""
    run_seeds(seeds, run)


if __name__ == "__main__":
    main()
