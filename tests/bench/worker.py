"""The whole worker on the bench's lines: real Kafka, Faust and the client included."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from emulator.kafka.cluster import kafka_node
from emulator.kafka.ports import free_port
from streams.replay.observer import WINDOW_S, Observer
from streams.replay.processes import Child
from streams.windows.merge import Rules
from tests.bench.load import LATER_S, LINES, block_messages
from tests.processes import answers, environment, until

SLOTS = 8


async def measure(lines: int = LINES, python: tuple[str, ...] = ()) -> dict[str, float]:
    """Return lines per CPU-second of the worker, its peak memory, and wall time."""
    async with kafka_node() as node:
        prefix = "bench."
        await ensure_topics(KafkaConnection(node.bootstrap), prefix, SLOTS)
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            env = environment(node.bootstrap, prefix, SLOTS, health_port=port)
            worker = Child("work", ["work"], env, Path(folder), python)
            await worker.start()
            try:
                await until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the worker is not ready")
                worker.watch()
                idle_cpu_s, idle_mb = worker.cpu_s, worker.peak_rss_bytes / 2**20
                began = time.monotonic()
                await _produce(node.bootstrap, prefix, lines)
                observer = Observer()
                following = asyncio.ensure_future(
                    observer.follow(KafkaConnection(node.bootstrap), prefix, SLOTS)
                )
                await until(lambda: _all(observer, worker, lines), "the worker does not finish")
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following
                worker.watch()
                cpu_s = worker.cpu_s - idle_cpu_s
                return {
                    "lines_per_cpu_s": lines / cpu_s,
                    "idle_mb": idle_mb,
                    "peak_mb": worker.peak_rss_bytes / 2**20,
                    "wall_s": time.monotonic() - began,
                    "messages": observer.messages,
                    "windows": len(observer.aggregates),
                    "final": sum(seen.is_final for seen in observer.aggregates.values()),
                }
            finally:
                await worker.stop()
                if python:
                    print(worker.tail(80))


async def _all(observer: Observer, worker: Child, lines: int) -> bool:
    worker.watch()
    final_to = observer.newest_window() + WINDOW_S + LATER_S - Rules().lateness_s
    return observer.flows >= lines and observer.finals(final_to).is_complete


async def _produce(kafka: str, prefix: str, lines: int) -> None:
    slot = Slot(KafkaConnection(kafka), f"{prefix}positions", 0, f"{prefix}bench")
    await slot.open()
    messages = await asyncio.to_thread(block_messages, prefix, SLOTS, lines)
    for at in range(0, len(messages), 16):
        await slot.commit({}, messages[at : at + 16])
    await slot.close()
