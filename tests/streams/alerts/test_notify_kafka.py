"""What a sink gets from a real Kafka: the alerts that fire at its first start, then each transition once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IllegalStateError, KafkaConnectionError

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from streams.alerts.notify import run
from streams.records import Alert
from tests.processes import until
from tests.streams.alerts.test_notify import FIRING

pytestmark = pytest.mark.kafka
DEADLINE_S = 60.0


class Collector:
    """A sink that keeps what it was sent."""

    def __init__(self, name: str = "collector") -> None:
        self.name = name
        self.sent: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Keep fingerprint and status."""
        for alert in alerts:
            self.sent.put_nowait((alert.fingerprint, alert.status))

    async def next(self, count: int) -> list[tuple[str, str]]:
        """Wait for so many."""
        async with asyncio.timeout(DEADLINE_S):
            return [await self.sent.get() for _ in range(count)]


async def publish(kafka: str, prefix: str, *changes: tuple[str, str | None]) -> None:
    """Write transitions of alerts, and tombstones where there is no status, to their partitions."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for name, status in changes:
            alert = replace(FIRING, fingerprint=name, status=status or "", ends_at=FIRING.starts_at + 60)
            value = None if status is None else alert.encode()
            await producer.send_and_wait(prefix + "alerts", value, key=name.encode(), partition=len(name) % 2)


@asynccontextmanager
async def notifying(kafka: str, prefix: str, *sinks: Collector) -> AsyncIterator[None]:
    """Run the notifier for its sinks."""
    running = asyncio.create_task(run(kafka=KafkaConnection(kafka), prefix=prefix, sinks=sinks))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_new_sink_starts_with_the_alerts_that_fire_now(kafka: str, prefix: str) -> None:
    """Not with what was resolved or deleted before; and a restart repeats nothing."""
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    history: list[tuple[str, str | None]] = [("over", "firing"), ("over", "resolved"), ("still", "firing")]
    history += [("gone", "firing"), ("gone", None), ("still-2", "pending"), ("still-2", "firing")]
    await publish(kafka, prefix, *history)
    first = Collector()
    async with notifying(kafka, prefix, first):
        assert sorted(await first.next(2)) == [("still", "firing"), ("still-2", "firing")]
        await publish(kafka, prefix, ("still", "resolved"), ("later", "firing"))
        assert sorted(await first.next(2)) == [("later", "firing"), ("still", "resolved")]
        assert first.sent.empty()
        await _until_committed(kafka, prefix + "notify-collector", {0: 4, 1: 5})
    again = Collector()
    added = Collector("added")
    await publish(kafka, prefix, ("still-2", "resolved"), ("last", "firing"))
    async with notifying(kafka, prefix, again, added):
        assert sorted(await again.next(2)) == [("last", "firing"), ("still-2", "resolved")]
        assert sorted(await added.next(2)) == [("last", "firing"), ("later", "firing")]
        assert (again.sent.empty(), added.sent.empty()) == (True, True)


async def test_the_consumer_group_includes_the_prefix(kafka: str, prefix: str) -> None:
    """Two deployments on one Kafka have groups of their own, and an empty topic is no later a new one."""
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    async with notifying(kafka, prefix, Collector()):
        await _until_committed(kafka, prefix + "notify-collector", {0: 0, 1: 0})
        await _until_committed(kafka, prefix + "notify-log", {0: 0, 1: 0})
    await publish(kafka, prefix, ("a", "firing"), ("a", "resolved"))
    later = Collector()
    async with notifying(kafka, prefix, later):
        assert await later.next(2) == [("a", "firing"), ("a", "resolved")]


class Interrupted(Collector):
    """A sink in whose deliveries Kafka fails: `errors` are raised, the last one first."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Keep the alerts, or raise the next error."""
        if self.errors:
            raise self.errors.pop()
        await super().send(alerts)


async def test_alerts_are_read_again_after_an_error_of_a_broker_or_a_rebalance(
    kafka: str, prefix: str
) -> None:
    """The process stays, and an alert that was not delivered is, of a new consumer group too."""
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    await publish(kafka, prefix, ("still", "firing"))
    sink = Interrupted(KafkaConnectionError("the broker went away"))
    async with notifying(kafka, prefix, sink):
        assert await sink.next(1) == [("still", "firing")]
        sink.errors.append(IllegalStateError("a rebalance took the partition away between two calls"))
        await publish(kafka, prefix, ("later", "firing"))
        assert await sink.next(1) == [("later", "firing")]
        await _until_committed(kafka, prefix + "notify-collector", {0: 0, 1: 2})
        assert sink.sent.empty()


async def _until_committed(kafka: str, group: str, offsets: dict[int, int]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:

        async def is_committed() -> bool:
            found = await admin.list_consumer_group_offsets(group)
            return {place.partition: each.offset for place, each in found.items()} == offsets

        await until(is_committed, f"group {group} has not committed {offsets}")
    finally:
        await admin.close()
