"""`make bench-steady`: the CPU share of every process, idle and under a steady load, and the delays.

The emulator, a real Kafka, and `connect`, `work`, `serve` and `notify` as production runs them. The CPU times
are those of the operating system. A delay is from the arrival in Kinesis until an aggregate is read. `--spy`
profiles one process of each phase with py-spy, if it is on the path.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import psutil
from rich.console import Console

from connectors.kafka.clients.connection import KafkaConnection
from emulator.kafka.ports import free_port
from emulator.load import feed
from streams.replay.observer import Observer
from streams.replay.processes import Child
from tests import synthetic
from tests.bench.connect import CREDENTIALS, PREFIX, SLOTS, STREAM, Stage, stage
from tests.bench.kinesis.figures import Figure, at_most, show
from tests.bench.load import SEED
from tests.bench.results import merge
from tests.processes import answers, environment, until

IDLE_MOST = 1.0
SHARDS = 4
SETTLE_S = 8.0
WORKER_MOST = {15_000: 12.0, 30_000: 20.0}
P50_MOST_MS, P99_MOST_MS = 500, 1500
SPY_HZ = 200


@dataclass(slots=True)
class Pipeline:
    """The running processes by name, and the delays that an observer reads meanwhile."""

    one: Stage
    children: dict[str, Child]
    worker_metrics: str
    observer: Observer = field(default_factory=Observer)

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds of every process so far."""
        times = {name: psutil.Process(child.pid).cpu_times() for name, child in self.children.items()}
        return {name: one.user + one.system for name, one in times.items()}

    async def flushes(self) -> float:
        """Return the number of transactions of the worker so far."""
        async with aiohttp.ClientSession() as session, session.get(self.worker_metrics) as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith("vpcflow_flushes_total{"))

    def shares(self, before: Mapping[str, float], took_s: float) -> dict[str, float]:
        """Return the share of a core of every process, in per cent."""
        return {name: (after - before[name]) / took_s * 100 for name, after in self.cpu_s().items()}


@asynccontextmanager
async def pipeline() -> AsyncIterator[Pipeline]:
    """Start every process, and stop them all."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(stage(SHARDS))
        ports = {name: free_port() for name in ("connect", "work", "serve", "notify")}
        children = {"connect": one.connector(health_port=str(ports["connect"]), shard_limits="aws")}
        for name in ("work", "notify"):
            children[name] = _child(one, name, [name], health_port=ports[name])
        children["serve"] = _child(one, "serve", ["serve", "--port", str(ports["serve"])])
        for name, child in children.items():
            await child.start()
            stack.push_async_callback(child.stop)
            path = "livez" if name in {"serve", "notify"} else "readyz"
            url = f"http://127.0.0.1:{ports[name]}/{path}"
            await until(lambda url=url: answers(url), f"{name} is not ready")
        yield Pipeline(one, children, f"http://127.0.0.1:{ports['work']}/metrics")


def _child(one: Stage, name: str, arguments: list[str], **settings: object) -> Child:
    env = environment(one.kafka, PREFIX, SLOTS, stream=STREAM, **settings)
    return Child(name, arguments, {**env, **CREDENTIALS}, one.folder)


async def measure(running: Pipeline, rate: int, for_s: float, spied: str = "") -> dict[str, float]:
    """Return the shares of all processes in one phase, and the delays if there is a load."""
    feeding = asyncio.ensure_future(_feed(running, rate, for_s + SETTLE_S) if rate else asyncio.sleep(0))
    following = asyncio.ensure_future(
        running.observer.follow(KafkaConnection(running.one.kafka), PREFIX, SLOTS)
        if rate
        else asyncio.sleep(0)
    )
    await asyncio.sleep(SETTLE_S)
    running.observer.latencies_ms.clear()
    flushes, messages = await running.flushes(), running.observer.messages
    before, began = running.cpu_s(), time.monotonic()
    spy = await _spy(running.children[spied], f"{spied}-{rate}", for_s) if spied else None
    await asyncio.sleep(for_s)
    found = running.shares(before, time.monotonic() - began)
    found["flushes"] = (await running.flushes() - flushes) / for_s
    if rate:
        found |= {
            "p50": running.observer.latency_ms(0.5),
            "p99": running.observer.latency_ms(0.99),
            "aggregates": (running.observer.messages - messages) / for_s,
        }
    for task in (feeding, following):
        task.cancel()
    await asyncio.gather(feeding, following, return_exceptions=True)
    if spy is not None:
        await spy.wait()
    return found


async def _feed(running: Pipeline, rate: int, for_s: float) -> None:
    load = synthetic.Load(int(rate * for_s), SEED, span_s=int(for_s), start=int(time.time()))
    await feed.feed(
        running.one.client,
        STREAM,
        synthetic.batches(load),
        payload="cloudwatch",
        rate=rate,
        on_progress=lambda _: None,
    )


async def _spy(child: Child, name: str, for_s: float) -> asyncio.subprocess.Process:
    program = shutil.which("py-spy")
    if program is None:
        raise SystemExit("--spy needs py-spy on the path: pip install py-spy")
    flags = ["record", "-p", str(child.pid), "-d", str(int(for_s)), "-r", str(SPY_HZ), "-f", "raw"]
    return await asyncio.create_subprocess_exec(
        program, *flags, "-o", f"build/{name}.folded", stdout=asyncio.subprocess.DEVNULL
    )


def _figures(rate: int, found: Mapping[str, float]) -> list[Figure]:
    when = f"{rate:,} lines/s" if rate else "idle"
    figures = []
    for name in ("connect", "work", "serve", "notify"):
        most = WORKER_MOST.get(rate) if name == "work" else None
        most = most if rate else IDLE_MOST
        figures.append(Figure(f"{when}: {name}", found[name], "% of a core", most))
    if rate:
        figures.append(at_most(f"{when}: arrival to readable, p50", found["p50"], "ms", P50_MOST_MS))
        figures.append(at_most(f"{when}: arrival to readable, p99", found["p99"], "ms", P99_MOST_MS))
        figures.append(Figure(f"{when}: aggregates", found["aggregates"], "per second"))
        figures.append(Figure(f"{when}: transactions of work", found["flushes"], "per second"))
    return figures


async def _run(rates: list[int], for_s: float, spied: str) -> list[Figure]:
    figures: list[Figure] = []
    async with pipeline() as running:
        for rate in rates:
            figures += _figures(rate, await measure(running, rate, for_s, spied))
    return figures


def main() -> None:
    """Measure every phase, print, and add to `build/bench.json`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rates", default="0,15000,30000", help="lines per second, with commas; 0 is idle")
    options.add_argument("--seconds", type=float, default=30.0, help="seconds of each phase")
    options.add_argument("--spy", default="", help="the process to profile: connect, work, serve or notify")
    given = options.parse_args()
    rates = [int(rate) for rate in given.rates.split(",")]
    console = Console()
    with console.status("steady load"):
        found = asyncio.run(_run(rates, given.seconds, given.spy))
    show(console, found, "steady")
    merge({f"steady: {one.name}": one.as_result() for one in found})


if __name__ == "__main__":
    main()
