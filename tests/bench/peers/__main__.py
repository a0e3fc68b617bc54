"""Run the peers and the worker on the same lines; print lines per CPU-second and the ratios.

    python -m tests.bench.peers [--lines 1000000]

The CPU time is that of the whole process, minus that of a run of Flink without lines. Each result is checked:
its flows must be the number of lines with an action. Without a JDK or Maven, a sentence is printed, and
nothing is run.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable

import click
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from rich.console import Console
from rich.table import Table

from emulator.kafka.cluster import kafka_node
from tests.bench import worker
from tests.bench.load import texts
from tests.bench.peers import FOLDER
from tests.maven import NotBuilt, class_path, tool

PARTITIONS = 8
BATCH_LINES = 2_000
ACTION_AT = 12  # the field `action` of the default format; lines without one are NODATA and SKIPDATA
TIMEOUT_S = 100.0
POLL_S = 1.0
EMPTY_POLLS = 5  # a first fetch can take longer than one poll
MODES = ("totals", "conversations")
OURS = "worker, totals and conversations"
JVM = (
    "-Xmx1500m",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


async def produce(kafka: str, topic: str, values: Iterable[bytes]) -> None:
    """Write values to the partitions of a new topic in turn."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=900_000) as producer:
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        now_ms = int(time.time() * 1000)
        for number, value in enumerate(values):
            q = number % PARTITIONS
            if batches[q].append(timestamp=now_ms, key=None, value=value) is None:
                await producer.send_batch(batches[q], topic, partition=q)
                batches[q] = producer.create_batch()
                batches[q].append(timestamp=now_ms, key=None, value=value)
        for q, batch in enumerate(batches):
            await producer.send_batch(batch, topic, partition=q)
        await producer.flush()


class Output:
    """The newest committed sums of each key of an output topic, as far as they are read."""

    def __init__(self) -> None:
        self._flows: dict[bytes, int] = {}
        self.total = 0

    async def follow(self, kafka: str, topic: str, lines: int, has_ended: Callable[[], bool]) -> None:
        """Read until the flows are the lines, or the writer has ended and everything is read."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        consumer.assign([TopicPartition(topic, q) for q in range(PARTITIONS)])
        deadline, empty = time.monotonic() + TIMEOUT_S, 0
        try:
            while self.total < lines and time.monotonic() < deadline:
                found = await consumer.getmany(timeout_ms=int(POLL_S * 1000))
                for record in (one for records in found.values() for one in records):
                    flows = orjson.loads(record.value)["flows"]
                    self.total += flows - self._flows.get(record.key, 0)
                    self._flows[record.key] = flows
                empty = 0 if found else empty + 1
                if empty >= EMPTY_POLLS and has_ended():
                    return
        finally:
            await consumer.stop()

    def check(self, topic: str, flows: int) -> None:
        """Raise `click.ClickException` if the output has other flows."""
        if self.total != flows:
            raise click.ClickException(f"{topic} has {self.total:,} flows instead of {flows:,}")


def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a Java program."""
    command = [tool("java"), *JVM, "-cp", class_path(FOLDER), f"vpcflow.{name}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end of a process; return its CPU seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 143}:
        error = process.stderr.read().decode()[-2000:] if process.stderr else ""
        raise click.ClickException(f"a peer ended with {process.returncode}: {error}")
    return usage.ru_utime + usage.ru_stime


async def flink(kafka: str, topic: str, mode: str, flows: int) -> float:
    """Return the CPU seconds of Flink for a topic with `flows` flows."""
    output = f"{topic}-flink-{mode}"
    await produce(kafka, output, ())
    with tempfile.TemporaryDirectory() as folder:
        process = start("FlinkPeer", kafka, topic, output, mode, folder)
        ending = asyncio.create_task(asyncio.to_thread(cpu_s, process))
        done, _ = await asyncio.wait({ending}, timeout=TIMEOUT_S)
        if not done:
            process.kill()
        spent_s = await ending
    if flows:
        await _check(kafka, output, flows)
    return spent_s


async def streams(kafka: str, topic: str, mode: str, flows: int) -> float:
    """Return the CPU seconds of Kafka Streams for a topic with `flows` flows."""
    output = f"{topic}-streams-{mode}"
    await produce(kafka, output, ())
    found = Output()
    with tempfile.TemporaryDirectory() as folder:
        process = start("StreamsPeer", kafka, topic, output, mode, folder)
        try:
            await found.follow(kafka, output, flows, lambda: process.poll() is not None)
        finally:
            process.terminate()
            spent_s = await asyncio.to_thread(cpu_s, process)
    found.check(output, flows)
    return spent_s


async def _check(kafka: str, output: str, flows: int) -> None:
    found = Output()
    await found.follow(kafka, output, flows, lambda: True)
    found.check(output, flows)


async def measure(lines: int, show: Console) -> dict[str, float]:
    """Return lines per CPU-second by name; print each as it is measured."""
    found: dict[str, float] = {}

    def note(name: str, spent_s: float, began: float) -> None:
        found[name] = lines / max(spent_s, 0.01)
        show.print(f"{name}: {found[name]:,.0f} lines per CPU-second, {time.monotonic() - began:.0f} s")

    async with kafka_node() as node:
        kafka = node.bootstrap
        batches = texts(lines, BATCH_LINES)
        flows = sum(line.split()[ACTION_AT] != b"-" for text in batches for line in text.splitlines())
        await produce(kafka, "empty", ())
        await produce(kafka, "batches", batches)
        await produce(kafka, "lines", (line for text in batches for line in text.split(b"\n") if line))
        idle_s = await flink(kafka, "empty", "totals", 0)
        for mode in MODES:
            for topic in ("lines", "batches"):
                began = time.monotonic()
                note(f"Flink, {topic}, {mode}", await flink(kafka, topic, mode, flows) - idle_s, began)
            began = time.monotonic()
            spent_s = await streams(kafka, "batches", mode, flows) - idle_s
            note(f"Kafka Streams, batches, {mode}", spent_s, began)
    began = time.monotonic()
    measured = await worker.measure(lines)
    note(OURS, lines / measured["lines_per_cpu_s"], began)
    return found


@click.command()
@click.option("--lines", type=click.IntRange(1000, 5_000_000), default=1_000_000, show_default=True)
def main(lines: int) -> None:
    """Measure the peers and the worker."""
    show = Console()
    try:
        with show.status("building the peers with Maven"):
            class_path(FOLDER)
            tool("java")
    except NotBuilt as error:
        show.print(f"bench-peers is skipped: {error}")
        return
    found = asyncio.run(measure(lines, show))
    ours = found[OURS]
    table = Table("", "lines per CPU-second", "the worker is")
    for name, value in found.items():
        table.add_row(name, f"{value:,.0f}", "" if value == ours else f"{ours / value:.1f} × as fast")
    show.print(table)
    for mode, wanted in (("totals", 5), ("conversations", 3)):
        best = max(found[f"Flink, {topic}, {mode}"] for topic in ("lines", "batches"))
        show.print(f"{mode}: {ours / best:.1f} × Flink's better mode; the aim is {wanted} ×")


if __name__ == "__main__":
    main()
