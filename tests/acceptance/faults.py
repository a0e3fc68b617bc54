"""The fault test: the whole pipeline on real Kafka while things die, compared with the ledger at the end.

`python -m tests.acceptance.faults --seeds 1-10` runs it by hand. For each seed: a load goes in at a fixed
rate while the connector and three workers are killed (SIGKILL), paused for longer than their session
(SIGSTOP), made to leave and join (SIGTERM), and the broker is killed and started again once. Then
everything is left to finish. Every key of the merge state and of `aggregates` must equal the ledger, and
every window older than the lateness is final within a minute. With `--outage`, the connector is down while
an hour of flow logs arrives. All settings have their defaults. Only processes that the test started are
touched, by id.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.config import Config

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import Work
from emulator.kafka.cluster import Node, kafka_node
from emulator.kafka.ports import free_port
from emulator.ledger.conversations import ConversationReport, compare_conversations
from emulator.ledger.ledger import Ledger, WindowReport, compare
from emulator.load import feed
from streams.replay.observer import Finals, Observer
from streams.replay.processes import Child
from streams.windows.merge import Rules
from tests import synthetic
from tests.acceptance import merge_state
from tests.acceptance.seeds import resume_all, run_seeds
from tests.processes import answers, environment, until

PREFIX = "faults."
SLOTS = 4
SESSION_S = float(Work.model_fields["session_s"].default)
WORKERS = 3
ENIS = 200
TICK_S = 0.5
SETTLE_S = 120.0
FINAL_S = 60.0
OUTAGE_S, OUTAGE_SPAN_S = 3600, 4 * 3600
"""Event time: of the outage, and of the whole load of a run that has one."""
TEST_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@dataclass(slots=True)
class Outcome:
    """What one seed came to: the differences of state and output, and the faults that were made."""

    seed: int
    state: WindowReport
    output: WindowReport
    conversations: ConversationReport
    backwards: int
    dead: int
    finals: Finals
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def is_exact(self) -> bool:
        """Whether state and output equal the ledger, every key, and old windows are final."""
        is_whole = self.state.exact and self.output.exact and self.finals.is_complete
        is_whole = is_whole and self.conversations.exact
        return is_whole and not self.backwards and not self.dead

    @property
    def text(self) -> str:
        """The outcome in a line."""
        return (
            f"{self.output.lines:,} lines, {self.output.windows:,} keys; state differs {self.state.differing}"
            f" of {self.state.windows:,}, output differs {self.output.differing}"
            f" (lost {self.output.lost}, twice {self.output.twice}),"
            f" conversations differ {self.conversations.differing} of {self.conversations.groups:,}"
            f" {self.conversations.samples[:1]},"
            f" final {self.finals.final:,} of {self.finals.old:,} old,"
            f" backwards {self.backwards}, dead {self.dead}; {dict(self.faults)}"
        )


@dataclass(slots=True)
class Scene:
    """The processes of a run, and what is being done to them.

    The connector is down from `outage[0]` to `outage[1]`, monotonic seconds.
    """

    node: Node
    connector: Child
    workers: list[Child]
    random: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    paused: dict[int, tuple[int, float]] = field(default_factory=dict)
    broker_at: float = 0.0
    outage: tuple[float, float] = (0.0, 0.0)

    @property
    def is_connector_down(self) -> bool:
        """Whether the outage is now."""
        return self.outage[0] < time.monotonic() < self.outage[1]


async def run(
    seed: int, *, faulty_s: float = 60.0, rate: float = 3000.0, has_outage: bool = False
) -> Outcome:
    """Run one seed and return what it came to. Raises `TimeoutError` when it does not settle."""
    load = synthetic.Load(int(faulty_s * rate), seed, enis=ENIS, span_s=OUTAGE_SPAN_S if has_outage else 0)
    load = replace(load, start=(int(time.time()) - load.span_s) // 60 * 60)
    ledger = Ledger()
    async with kafka_node() as node:
        await ensure_topics(KafkaConnection(node.bootstrap), PREFIX, SLOTS)
        with tempfile.TemporaryDirectory() as folder:
            emulator, scene = await _start(node, Path(folder), seed)
            try:
                client = kinesis_client(emulator)
                began = time.monotonic()
                feeding = asyncio.ensure_future(feed_load(client, load, ledger, rate))
                scene.broker_at = began + scene.random.uniform(0.3, 0.6) * faulty_s
                if has_outage:
                    down_at, down_s = began + 0.25 * faulty_s, faulty_s * OUTAGE_S / load.span_s
                    scene.outage = (down_at, down_at + down_s)
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
        **environment(node.bootstrap, PREFIX, SLOTS),
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
    client = kinesis_client(emulator)
    await asyncio.to_thread(client.create_stream, StreamName="flow-logs", ShardCount=SLOTS)
    await asyncio.to_thread(
        client.get_waiter("stream_exists").wait, StreamName="flow-logs", WaiterConfig={"Delay": 1}
    )
    connector = Child("connect", ["connect", "kinesis"], env, folder)
    workers = [Child(f"work-{i}", ["work"], env, folder) for i in range(WORKERS)]
    await asyncio.gather(connector.start(), workers[0].start())
    return emulator, Scene(node, connector, workers, random.Random(seed))


def kinesis_client(emulator: Child) -> Any:
    """Return a Kinesis client for an emulator. It repeats no call: that would double lines."""
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client(
        "kinesis", endpoint_url=emulator.env["AWS_ENDPOINT_URL"], config=config, **TEST_CREDENTIALS
    )


async def feed_load(client: Any, load: synthetic.Load, ledger: Ledger, rate: float) -> None:
    """Put a load on the stream at a rate, lines a second, and count it in the ledger."""

    def counted() -> Any:
        for batch in synthetic.batches(load, 2000):
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
    if scene.connector.pid and (scene.is_connector_down or chance() < 0.03):
        await _kill(scene, scene.connector, "outage" if scene.is_connector_down else "connector killed")
    if not scene.connector.pid and not scene.is_connector_down:
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
    following = asyncio.ensure_future(observer.follow(KafkaConnection(scene.node.bootstrap), PREFIX, SLOTS))
    deadline = time.monotonic() + SETTLE_S
    try:
        while observer.flows + sum(observer.dead.values()) < ledger.lines and time.monotonic() < deadline:
            await _keep_up(scene)
        deadline = time.monotonic() + FINAL_S
        while not _finals(observer).is_complete and time.monotonic() < deadline:
            await _keep_up(scene)
        await asyncio.sleep(2 * TICK_S)  # What is wrongly doubled would come about now.
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await asyncio.gather(*(child.stop() for child in _all(scene)))
    state = await merge_state.read(scene.node.bootstrap, PREFIX, SLOTS)
    return Outcome(
        seed,
        state=compare(merge_state.kept(ledger, state), state),
        output=compare(ledger, observer.aggregates),
        conversations=compare_conversations(
            ledger.conversations, observer.conversations, observer.newest_window() - Rules().lateness_s
        ),
        backwards=observer.backwards,
        dead=sum(observer.dead.values()),
        finals=_finals(observer),
        faults=scene.faults,
    )


async def _keep_up(scene: Scene) -> None:
    """Start what has ended, and wait a little."""
    for child in (scene.connector, scene.workers[0]):
        if not child.pid:
            await child.start()
    await asyncio.sleep(TICK_S)


def _finals(observer: Observer) -> Finals:
    return observer.finals(observer.newest_window() - Rules().lateness_s)


@click.command()
@click.option("--seeds", default="1-10", show_default=True, help="One seed, or a range.")
@click.option("--outage", "has_outage", is_flag=True, help="An hour without a connector in each seed.")
def main(seeds: str, has_outage: bool) -> None:
    """Run the fault test on some seeds, and exit with the number that was not exact."""
    run_seeds(seeds, functools.partial(run, has_outage=has_outage))


if __name__ == "__main__":
    main()
