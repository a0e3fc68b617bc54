"""The broker test: a cluster of three loses a broker every 20 s, and no process of ours is restarted.

`python -m tests.acceptance.brokers.kills --seeds 1-10` runs it by hand. For each seed, a load goes in at a
fixed rate through `connect kinesis` and two workers, with `notify` and `serve` beside, all settings at their
defaults. A broker, which is also a controller, is killed (SIGKILL) every 20 s and started again 6 s later.
Then everything is left to finish. Every key of the merge state and of `aggregates` must equal the ledger,
every process must have its first process id, and lines must never have stopped coming out for more than 30 s.
With `--alone`, there is one broker, which is away for longer than the transaction time-out; the 30 s count
from its return. Only processes that the test started are touched, by id.
"""

from __future__ import annotations

import asyncio
import functools
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import TRANSACTION_TIMEOUT_MS
from connectors.kafka.topics import ensure_topics
from emulator.kafka.cluster import Cluster, ClusterSettings, kafka_cluster
from emulator.kafka.ports import free_port
from emulator.ledger.ledger import Ledger, WindowReport, compare
from streams.replay.observer import Observer
from streams.replay.processes import Child
from tests import synthetic
from tests.acceptance import merge_state
from tests.acceptance.faults import ENIS, feed_load, kinesis_client
from tests.acceptance.seeds import run_seeds
from tests.processes import answers, environment, until

PREFIX = "brokers."
SLOTS = 8
WORKERS = 2
SILENCE_MAX_S = 30.0
SETTLE_S = 60.0
POLL_S = 0.2
RATE = 3000.0
FIRST_S = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """A number of brokers. One of them is killed every `every_s` and away for `away_s`, during `faulty_s`."""

    brokers: int = 3
    every_s: float = 20.0
    away_s: float = 6.0
    faulty_s: float = 40.0

    @property
    def silence_max_s(self) -> float:
        """The longest time that may pass without new lines."""
        return SILENCE_MAX_S + (self.away_s if self.brokers == 1 else 0.0)


CLUSTER = Case()
ALONE = Case(brokers=1, every_s=60.0, away_s=TRANSACTION_TIMEOUT_MS / 1000 + 4, faulty_s=30.0)


@dataclass(slots=True)
class Outcome:
    """The result of one seed. `silence_s` is the longest time without new lines in `aggregates`."""

    case: Case
    state: WindowReport
    output: WindowReport
    backwards: int
    dead: int
    silence_s: float
    restarted: list[str]
    kills: list[int]
    logged: Counter[str]

    @property
    def is_exact(self) -> bool:
        """Whether state and output equal the ledger, and processing went on without a restart."""
        is_whole = self.state.exact and self.output.exact and not self.backwards and not self.dead
        return is_whole and not self.restarted and self.silence_s < self.case.silence_max_s

    @property
    def text(self) -> str:
        """The outcome in a line."""
        return (
            f"{self.output.lines:,} lines, {self.output.windows:,} keys; state differs {self.state.differing}"
            f" of {self.state.windows:,}, output differs {self.output.differing}"
            f" (lost {self.output.lost}, twice {self.output.twice}), backwards {self.backwards},"
            f" dead {self.dead}; killed brokers {self.kills}, silent for {self.silence_s:.1f} s at most,"
            f" restarted {self.restarted or 'nothing'}; logged {dict(self.logged)}"
        )


@dataclass(slots=True)
class Progress:
    """The growth of a count over time."""

    count: int = 0
    grew_at: float = field(default_factory=time.monotonic)
    silence_s: float = 0.0

    def saw(self, count: int, now: float) -> None:
        """Note a count; the silence is the longest time between two that differ."""
        self.silence_s = max(self.silence_s, now - self.grew_at)
        if count != self.count:
            self.count, self.grew_at = count, now


async def run(seed: int, case: Case = CLUSTER) -> Outcome:
    """Run one seed and return its outcome."""
    load = synthetic.Load(int(case.faulty_s * RATE), seed, enis=ENIS)
    load = replace(load, start=(int(time.time()) - load.span_s) // 60 * 60)
    with tempfile.TemporaryDirectory() as folder:
        async with kafka_cluster(None, ClusterSettings(brokers=case.brokers)) as cluster:
            await ensure_topics(KafkaConnection(cluster.bootstrap), PREFIX, SLOTS)
            emulator, children = await _start(cluster, Path(folder))
            try:
                return await _play(case, cluster, emulator, children, load)
            finally:
                await asyncio.gather(*(child.stop() for child in children))
                await emulator.stop()


async def _start(cluster: Cluster, folder: Path) -> tuple[Child, list[Child]]:
    url = f"http://127.0.0.1:{free_port()}"
    env = {
        **environment(cluster.bootstrap, PREFIX, SLOTS, shard_limits="none"),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    emulator = Child("emulate", ["emulate", "--port", url.rpartition(":")[2]], env, folder)
    await emulator.start()
    await until(lambda: answers(f"{url}/_localstack/health"), "the emulator does not answer")
    client = kinesis_client(emulator)
    await asyncio.to_thread(client.create_stream, StreamName="flow-logs", ShardCount=4)
    await asyncio.to_thread(
        client.get_waiter("stream_exists").wait, StreamName="flow-logs", WaiterConfig={"Delay": 1}
    )
    commands = {"connect": ["connect", "kinesis"], **{f"work-{i}": ["work"] for i in range(WORKERS)}}
    health = {name: free_port() for name in commands}
    commands |= {"notify": ["notify"], "serve": ["serve", "--port", str(free_port())]}
    children = [
        Child(name, arguments, env | {"VPCFLOW_HEALTH_PORT": str(health.get(name, 0))}, folder)
        for name, arguments in commands.items()
    ]
    await asyncio.gather(*(child.start() for child in children))
    for port in health.values():
        await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "a process is not ready")  # noqa: B023
    return emulator, children


async def _play(
    case: Case, cluster: Cluster, emulator: Child, children: list[Child], load: synthetic.Load
) -> Outcome:
    ledger, observer, progress = Ledger(), Observer(), Progress()
    chance = random.Random(load.seed)
    pids = {child.name: child.pid for child in children}
    following = asyncio.ensure_future(observer.follow(KafkaConnection(cluster.bootstrap), PREFIX, SLOTS))
    feeding = asyncio.ensure_future(feed_load(kinesis_client(emulator), load, ledger, RATE))
    killing = asyncio.ensure_future(_kill_brokers(case, cluster, chance, feeding))
    try:
        deadline = time.monotonic() + SETTLE_S
        while observer.flows + sum(observer.dead.values()) < ledger.lines or not killing.done():
            progress.saw(observer.flows, time.monotonic())
            if not killing.done():
                deadline = time.monotonic() + SETTLE_S
            if time.monotonic() > deadline or following.done():
                break
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(1.0)  # A line that is doubled would come now.
        kills = await killing
        await feeding
        restarted = [name for name, pid in pids.items() if _pid(children, name) != pid]
    finally:
        for task in (following, feeding, killing):
            task.cancel()
        await asyncio.gather(following, feeding, killing, return_exceptions=True)
    await asyncio.gather(*(child.stop() for child in children))
    state = await merge_state.read(cluster.bootstrap, PREFIX, SLOTS)
    return Outcome(
        case,
        state=compare(merge_state.kept(ledger, state), state),
        output=compare(ledger, observer.aggregates),
        backwards=observer.backwards,
        dead=sum(observer.dead.values()),
        silence_s=progress.silence_s,
        restarted=restarted,
        kills=kills,
        logged=_logged(children),
    )


def _pid(children: list[Child], name: str) -> int:
    return next(child.pid for child in children if child.name == name)


async def _kill_brokers(
    case: Case, cluster: Cluster, chance: random.Random, feeding: asyncio.Future[None]
) -> list[int]:
    """Kill one broker after the other until the load is in; return their ids, in order."""
    kills: list[int] = []
    await asyncio.sleep(FIRST_S)
    while not feeding.done():
        began = time.monotonic()
        node = chance.choice(cluster.nodes)
        kills.append(node.place.node_id)
        await node.kill()
        await asyncio.sleep(case.away_s)
        await node.restart()
        await asyncio.wait([feeding], timeout=max(case.every_s - (time.monotonic() - began), 0.0))
    return kills


def _logged(children: list[Child]) -> Counter[str]:
    """Return how often each process logged an error or a warning of its own."""
    return Counter(
        f"{child.name} {level}"
        for child in children
        for line in child.log.read_text(errors="replace").splitlines()
        for level in ("warning", "error")
        if f"level={level}" in line
    )


@click.command()
@click.option("--seeds", default="1-10", show_default=True, help="One seed, or a range.")
@click.option("--alone", is_flag=True, help="One broker, away for longer than the transaction time-out.")
def main(seeds: str, alone: bool) -> None:
    """Run the broker test on some seeds, and exit with the number that failed."""
    run_seeds(seeds, functools.partial(run, case=ALONE if alone else CLUSTER))


if __name__ == "__main__":
    main()
