"""Several feeds on a real Kafka, and feeds that stop and start: every one of them shows the same board."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.dead import dead_message
from connectors.kafka.health_messages import GAP, HealthRecord
from connectors.kafka.messages import Message
from connectors.kafka.topics import ensure_topics
from connectors.progress import PROGRESS_KEY, SlotProgress
from streams.records import Alert
from streams.web.feed import Feed
from streams.web.state.board import Board
from tests.streams.web.feeding import aggregate, feeding, is_read, shown

pytestmark = pytest.mark.kafka

FIRED = Alert("a", "port_scan", "warning", "firing", {"eni": "eni-0"}, "", 60.0, 50.0, 0, 60, 60, 0, "")
KINDS = ("aggregates", "alerts", "dead", "health")


@dataclass(frozen=True)
class Writer:
    """Writes what connectors and workers write, to the topics of one prefix."""

    prefix: str
    producer: AIOKafkaProducer

    async def send(self, *messages: Message) -> None:
        """Write messages, each to its partition."""
        for one in messages:
            await self.producer.send_and_wait(
                one.topic, one.value, key=one.key, partition=one.partition, headers=list(one.headers)
            )

    async def aggregates(self, starts: Iterable[int], revision: int = 1, eni: str = "eni-0") -> None:
        """Write an aggregate with one flow for each start."""
        for start in starts:
            key, value = aggregate(eni, start, revision)
            await self.send(Message(f"{self.prefix}aggregates", start // 60 % 2, key, value))

    async def alert(self, one: Alert | None, fingerprint: str = "a") -> None:
        """Write a transition, or a tombstone."""
        value = one.encode() if one else None
        await self.send(Message(f"{self.prefix}alerts", 0, fingerprint.encode(), value))

    async def refuse(self, count: int) -> None:
        """Write a message of `dead`."""
        await self.send(dead_message(self.prefix, 1, "late", b"x", count, "partials[1]"))

    async def report(self, slot: int, complete_to: int) -> None:
        """Write the progress and a finding of a connector."""
        progress = SlotProgress((), 1, complete_to, complete_to, int(time.time() * 1000)).encode()
        await self.send(Message(f"{self.prefix}positions", slot, PROGRESS_KEY, progress))
        await self.send(HealthRecord(GAP, f"kinesis:s/{slot}", complete_to, "gap").message(self.prefix, slot))


@pytest.fixture
async def writer(kafka: str, prefix: str) -> AsyncIterator[Writer]:
    """A writer to topics of two partitions, which exist."""
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        yield Writer(prefix, producer)


def contents(board: Board) -> dict[str, Any]:
    """Return what a board shows. Positions may be read more than once, so they are not counted."""
    windows = board.history.windows()
    return {
        "windows": [(window.start, window.totals, window.is_final) for window in windows],
        "by_eni": board.history.by_eni(windows).sum(axis=0).tolist(),
        "alerts": board.alerts(),
        "data_health": board.data_health(),
        "dead": dict(board.dead),
        "messages": {kind: board.messages[kind] for kind in KINDS},
        "slots": {slot: one.newest for slot, one in board.progress.slots.items()},
        "foreign": dict(board.foreign),
    }


async def same(one: Board, *others: Board) -> None:
    """Wait until boards show the same."""
    for other in others:
        await shown(other, lambda board: contents(board) == contents(one))


def has(board: Board, **messages: int) -> bool:
    """Return True if so many messages are read, history included."""
    return is_read(board) and all(board.messages[kind] >= count for kind, count in messages.items())


async def test_two_readers_and_one_that_starts_later_show_the_same(
    kafka: str, prefix: str, writer: Writer
) -> None:
    """None takes a message from another, and a restarted page has what it missed, each message once."""
    begin = int(time.time()) // 60 * 60 - 1800
    await writer.aggregates(range(begin, begin + 600, 60))
    await writer.aggregates([begin], revision=2)
    await writer.alert(FIRED)
    await writer.refuse(3)
    await writer.report(0, begin + 600)
    await writer.report(1, begin + 500)
    async with feeding(kafka, prefix, lambda board: has(board, aggregates=11)) as first:
        async with feeding(kafka, prefix, lambda board: has(board, aggregates=11)) as second:
            await same(first, second)
            assert first.dead == {"late": 3}
            assert first.progress.complete_to == begin + 500
            await writer.aggregates([begin + 600, begin + 660], eni="eni-1")
            await shown(first, lambda board: has(board, aggregates=13))
            await same(first, second)
        await writer.alert(replace(FIRED, status="resolved", ends_at=120))
        await writer.alert(replace(FIRED, fingerprint="b", status="pending"), "b")
        await writer.alert(None, "b")
        await writer.refuse(4)
        await writer.aggregates([begin + 720])
        await shown(first, lambda board: has(board, aggregates=14, alerts=4, dead=2))
        async with feeding(kafka, prefix, lambda board: has(board, aggregates=14, alerts=4)) as third:
            await same(first, third)
            assert third.dead == {"late": 7}
            assert [one.status for one in third.alerts()] == ["resolved"]
            assert len(third.history) == 13


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    """Run a feed; cancel it at the end, as when its process or its broker is lost."""
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_feed_that_connects_again_goes_on_where_it_stopped(
    kafka: str, prefix: str, writer: Writer
) -> None:
    """It counts no refused row twice and leaves none out."""
    begin = int(time.time()) // 60 * 60 - 1800
    feed = Feed(kafka=KafkaConnection(kafka), prefix=prefix, board=Board())
    for round_ in range(3):
        await writer.aggregates([begin + 60 * round_])
        await writer.refuse(1)
        async with running(feed):
            await shown(feed.board, lambda board, n=round_ + 1: has(board, aggregates=n, dead=n))  # type: ignore[misc]
        assert feed.board.messages["aggregates"] == feed.board.dead["late"] == round_ + 1
    assert len(feed.board.history) == 3
    async with feeding(kafka, prefix, lambda board: has(board, aggregates=3, dead=3)) as fresh:
        await same(feed.board, fresh)


async def test_only_committed_messages_are_shown(kafka: str, prefix: str, writer: Writer) -> None:
    begin = int(time.time()) // 60 * 60 - 1800
    async with feeding(kafka, prefix, is_read) as board:
        async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{prefix}worker") as producer:
            transactional = Writer(prefix, producer)
            await producer.begin_transaction()
            await transactional.aggregates([begin])
            await transactional.refuse(5)
            await producer.abort_transaction()
            async with producer.transaction():
                await transactional.aggregates([begin + 60])
        await writer.aggregates([begin + 120, begin + 180])
        await shown(board, lambda board: has(board, aggregates=3))
        assert [window.start for window in board.history.windows()] == [begin + 60, begin + 120, begin + 180]
        assert board.dead == {}


async def test_foreign_messages_are_counted_and_what_follows_is_read(
    kafka: str, prefix: str, writer: Writer
) -> None:
    begin = int(time.time()) // 60 * 60 - 1800
    for value in (b"", b"null", b"\xff", b'{"eni": 1}', b"[]"):
        await writer.send(*(Message(prefix + kind, 0, b"key", value) for kind in ("aggregates", "health")))
    await writer.send(Message(f"{prefix}alerts", 0, b"key", b"{}"))
    await writer.send(Message(f"{prefix}dead", 0, None, b"x"))
    await writer.send(Message(f"{prefix}positions", 0, PROGRESS_KEY, b"{}"))
    await writer.aggregates([begin, begin + 60])
    await writer.refuse(2)
    await writer.report(0, begin)
    async with feeding(kafka, prefix, lambda board: has(board, aggregates=2, dead=1, health=1)) as board:
        await shown(board, lambda board: 0 in board.progress.slots)
        assert board.foreign["aggregates"] == board.foreign["health"] == 5
        assert board.foreign["alerts"] == board.foreign["dead"] == 1
        assert board.foreign["positions"] >= 1
        assert len(board.history) == 2


async def test_topics_that_are_created_later_are_found(kafka: str, prefix: str) -> None:
    """A page may start before everything else: it waits, creates nothing, and reads what appears."""
    async with feeding(kafka, prefix, lambda board: board.link.state == "waiting") as board:
        assert f"the topics {prefix}aggregates, " in board.link.detail
        assert not board.is_caught_up
        await ensure_topics(KafkaConnection(kafka), prefix, 2)
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            await Writer(prefix, producer).aggregates([60, 120])
        await shown(board, lambda board: has(board, aggregates=2))
        assert board.link.state == "live"
        assert board.progress.count == 2
