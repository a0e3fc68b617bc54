"""`make bench-world`: the preset `estate` built through the API and read back, and its traffic made.

Lines are made in this process as the player makes them: services talk, the network judges, interfaces take
note, a flow log for each VPC gathers and writes. Verdicts of the first minutes cost most, since later ones
are remembered; all of them are in the figure.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import psutil
from rich.console import Console

from connectors.formats.flowlog import DEFAULT_FORMAT, log_format
from connectors.inventory.reading.region_reading import RegionReader
from connectors.vpc.ec2.reading import read
from connectors.vpc.estate import Estate
from emulator.flowlogs.flow_log import FlowLog, Settings
from emulator.flowlogs.player.delivery.batches import batch
from emulator.flowlogs.player.intervals import Intervals
from emulator.flowlogs.player.rows import Rows, Surroundings, lines
from emulator.kafka.ports import free_port
from emulator.scope import Scope
from emulator.world.builder.building import build
from emulator.world.builder.provisioning import AwsEndpoint
from emulator.world.simulation import World
from emulator.world.topology.presets import preset
from streams.replay.processes import Child
from tests.bench.kinesis.figures import Figure, at_most, show
from tests.bench.results import merge
from tests.processes import answers, until

MINUTES = 30
BEGINS = 29_931_120  # a Saturday's afternoon; whole minutes since the epoch
HERE = Scope("000000000000", "us-east-1")


def made(estate: Estate, minutes: int = MINUTES) -> Iterator[Figure]:
    """Yield how many lines a CPU-second makes: of an estate that was just read, and once it is known."""
    began = time.process_time()
    world = World(estate, seed=1)
    feeds = [(Intervals(flow_log), rows) for flow_log, rows in _flow_logs(world)]
    for intervals, _ in feeds:
        intervals.use(world.directory)
    ready = time.process_time()
    counts = [_minute(world, feeds, BEGINS + nth) for nth in range(minutes)]
    first = time.process_time()
    later = [_minute(world, feeds, BEGINS + minutes + nth) for nth in range(minutes)]
    ended = time.process_time()
    unit = "lines per CPU-second"
    everything = sum(counts) + sum(later)
    yield Figure("lines a simulated minute", everything / 2 / minutes, "lines")
    yield Figure("beginning of a world", ready - began, "CPU s")
    yield Figure(f"made, first {minutes} min", sum(counts) / (first - ready), unit)
    yield Figure(f"made, next {minutes} min", sum(later) / (ended - first), unit)
    yield Figure("made, all", everything / (ended - began), unit, 500_000, is_at_most=False)
    yield Figure("memory of whoever makes them", psutil.Process().memory_info().rss / 2**20, "MB")


def _minute(world: World, feeds: list[tuple[Intervals, Rows]], minute: int) -> int:
    count = 0
    played = world.minute(minute)
    for intervals, rows in feeds:
        for portion in intervals.add(played):
            count += len(lines(batch(portion, rows).frame))
    return count


def _flow_logs(world: World) -> Iterator[tuple[FlowLog, Rows]]:
    arn = "arn:aws:s3:::bench"
    text = log_format(DEFAULT_FORMAT)
    for vpc_id in world.estate.vpcs:
        settings = Settings(
            "VPC", "ALL", "s3", arn, "", "", "", text, DEFAULT_FORMAT, interval_s=60, options=None
        )
        rows = Rows(world.directory, Surroundings(HERE.account, HERE.region), DEFAULT_FORMAT)
        yield FlowLog(f"fl-{vpc_id}", HERE, vpc_id, settings, 0), rows


async def built(console: Console) -> tuple[Estate, list[Figure]]:
    """Build the estate at an emulator of its own, read it back; what it cost."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = Child("emulate", ["emulate", "--port", str(port)], {}, Path(folder))
        await server.start()
        try:
            await until(lambda: answers(f"http://127.0.0.1:{port}/_localstack/health"), "no emulator")
            endpoint = AwsEndpoint(f"http://127.0.0.1:{port}")
            client = endpoint.client("ec2")
            topology = preset("estate")
            began = time.monotonic()
            with console.status("building the estate"):
                await build(client, topology)
            after = time.monotonic()
            estate = (await asyncio.to_thread(read, client)).estate
            figures = [
                at_most("estate built through the API", after - began, "s", 60),
                Figure("estate read back", time.monotonic() - after, "s"),
                *await asyncio.to_thread(lambda: list(_inventory(endpoint))),
                *_memory(server.pid),
            ]
            return estate, figures
        finally:
            await server.stop()


def _inventory(endpoint: AwsEndpoint) -> Iterator[Figure]:
    """Yield the cost of two readings of the inventory; most of the time is moto's."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = endpoint.client(service)
        return clients[service]

    reader = RegionReader(client, "the estate", threading.Event())
    for name, limit_s in (("first reading", 10), ("later reading", 10)):
        began, cpu = time.monotonic(), time.process_time()
        found = reader.read()
        yield at_most(f"inventory, {name}", time.monotonic() - began, "s", limit_s)
        yield Figure(f"inventory, {name}, CPU of this process", time.process_time() - cpu, "CPU s")
    yield at_most("inventory, calls of a later reading", found.calls, "calls", 60)


def _memory(pid: int) -> Iterator[Figure]:
    emulator = psutil.Process(pid)
    sizes: dict[str, Any] = {"emulator": emulator, "moto behind it": emulator.children()[0]}
    for name, process in sizes.items():
        yield at_most(f"memory, {name}", process.memory_info().rss / 2**20, "MB", 400)
    total = sum(process.memory_info().rss for process in sizes.values()) / 2**20
    yield at_most("memory, both", total, "MB", 400)


def main() -> None:
    """Measure, print, and add to `build/bench.json`."""
    console = Console()
    estate, figures = asyncio.run(built(console))
    figures += made(estate)
    show(console, figures, "world")
    merge({f"world: {one.name}": one.as_result() for one in figures})


if __name__ == "__main__":
    main()
