"""`python -m tests.bench.failover`: the time from SIGKILL of a worker to the first output of another.

Two workers share the partitions of a steady input. One is killed; each of its partitions of `merge` counts as
taken over with the first aggregate that arrives in it after the last one of the killed worker. The figure is
the longest time after the session timeout, after which Kafka gives the partitions to the other worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from connectors.kafka.blocks import BlockWriter, ProgressReport, Provenance, Sent
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.progress import SlotProgress
from emulator.kafka.cluster import kafka_node
from emulator.kafka.ports import free_port
from streams.replay.processes import Child
from tests import synthetic
from tests.bench.kinesis.figures import Figure, at_most, show
from tests.bench.load import SEED
from tests.bench.results import merge
from tests.processes import answers, environment, until

PREFIX, SLOTS = "bench.", 8
SESSION_S = 6.0
TICK_S, LINES_A_TICK = 0.25, 2_000
MOST_S = 4.0
SILENCE_S = 1.5
"""A partition without an aggregate for this time belonged to the killed worker."""


async def measure() -> tuple[float, float]:
    """Return the median and the longest time to the first output of a partition, s after the time-out."""
    async with kafka_node() as node:
        kafka = KafkaConnection(node.bootstrap)
        await ensure_topics(kafka, PREFIX, SLOTS)
        with tempfile.TemporaryDirectory() as folder:
            ports = [free_port(), free_port()]
            env = [
                environment(node.bootstrap, PREFIX, SLOTS, health_port=p, session_s=SESSION_S) for p in ports
            ]
            workers = [Child(f"work-{n}", ["work"], one, Path(folder)) for n, one in enumerate(env)]
            seen: dict[int, list[float]] = {q: [] for q in range(SLOTS)}
            beside: list[asyncio.Task[None]] = []
            try:
                for worker, port in zip(workers, ports, strict=True):
                    await worker.start()
                    url = f"http://127.0.0.1:{port}/readyz"
                    await until(lambda url=url: answers(url), "a worker is not ready")
                beside = [asyncio.ensure_future(_feed(kafka)), asyncio.ensure_future(_follow(kafka, seen))]
                await until(lambda: _all(seen), "no output")
                await asyncio.sleep(5)
                killed = time.monotonic()
                os.kill(workers[0].pid, signal.SIGKILL)
                await asyncio.sleep(SESSION_S + 3 * MOST_S)
                return _taken_over(seen, killed)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                for worker in workers:
                    await worker.stop()


async def _all(seen: dict[int, list[float]]) -> bool:
    return all(seen.values())


def _taken_over(seen: dict[int, list[float]], killed: float) -> tuple[float, float]:
    found = []
    for times in seen.values():
        gaps = [(after - before, after) for before, after in pairwise(times) if after > killed]
        longest, at = max(gaps, default=(0.0, 0.0))
        if longest > SILENCE_S:
            found.append(at - killed - SESSION_S)
    if not found:
        raise RuntimeError("no partition was taken over")
    return sorted(found)[len(found) // 2], max(found)


async def _feed(kafka: KafkaConnection) -> None:
    """Commit some lines to each slot in turn, for as long as the bench runs."""
    slots = [Slot(kafka, f"{PREFIX}positions", slot, f"{PREFIX}connect-{slot}") for slot in range(SLOTS)]
    sent = [Sent()] * SLOTS
    try:
        for slot in slots:
            await slot.open()
        load = synthetic.Load(10_000_000, SEED, span_s=600, start=int(time.time()) - 60)
        for number, batch in enumerate(synthetic.batches(load, LINES_A_TICK)):
            slot, now_ms = number % SLOTS, int(time.time() * 1000)
            writer = BlockWriter(PREFIX, slot, sent[slot])
            texts = [line.encode() for line in batch.frame["line"].to_list()]
            writer.add(texts, Provenance("bench", "default", "", "", "", "", now_ms, now_ms))
            writer.report(ProgressReport(SlotProgress(caught_up=1), load.start))
            await slots[slot].commit(writer.state, writer.messages)
            sent[slot] = writer.sent
            await asyncio.sleep(TICK_S / SLOTS)
    finally:
        for slot in slots:
            await slot.close()


async def _follow(kafka: KafkaConnection, seen: dict[int, list[float]]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.servers, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(f"{PREFIX}aggregates", q) for q in range(SLOTS)])
        while True:
            for place in await consumer.getmany(timeout_ms=100, max_records=100_000):
                seen[place.partition].append(time.monotonic())
    finally:
        with suppress(Exception):
            await consumer.stop()


def main() -> None:
    """Measure, print, and add to `build/bench.json`."""
    console = Console()
    with console.status("failover"):
        median, longest = asyncio.run(measure())
    figures = [
        Figure("first output of another worker, median", median, "s after the session timeout"),
        at_most("the same, longest", longest, "s after the session timeout", MOST_S),
    ]
    show(console, figures, "failover")
    merge({f"failover: {one.name}": one.as_result() for one in figures})


if __name__ == "__main__":
    main()
