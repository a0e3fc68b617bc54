"""Slots are opened again in place: a transaction that Kafka gave up, and a commit without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.kafka import slots
from connectors.kafka.blocks import BlockWriter, Provenance, Sent
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import Message
from connectors.kafka.recovery import TransactionExpired
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.settings import Work
from tests.acceptance.working import working
from tests.build import decode_aggregate, line

pytestmark = pytest.mark.kafka

DEADLINE_S = 40.0
LOST_ANSWERS = """
from aiokafka.errors import KafkaConnectionError, InvalidTxnState
from connectors.kafka.slots import Slot
commit, counts = Slot.commit, {}
async def commit_without_answer(slot, state, messages):
    await commit(slot, state, messages)
    counts[slot.topic] = counts.get(slot.topic, 0) + 1
    if counts[slot.topic] == 1:
        raise KafkaConnectionError("the answer was lost") if "sum" in slot.topic else InvalidTxnState()
Slot.commit = commit_without_answer
"""
"""The first commit of each hop is made, and its answer is lost."""

Reader = Callable[[str], Awaitable[list[Any]]]
Opener = Callable[[type[Slot]], Awaitable[Slot]]


@pytest.fixture
async def settings(kafka: str, prefix: str) -> Work:
    """The settings of a worker, for existing topics of one partition."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    return Work.model_validate({"kafka": kafka, "prefix": prefix, "slots": 1})


@pytest.fixture
async def opened(settings: Work) -> AsyncIterator[Opener]:
    """A function that opens the slot of a connector."""
    async with AsyncExitStack() as stack:

        async def open_slot(kind: type[Slot]) -> Slot:
            prefix = settings.prefix
            slot = kind(KafkaConnection(settings.kafka), f"{prefix}positions", 0, f"{prefix}connect-0")
            stack.push_async_callback(slot.close)
            await slot.open()
            return slot

        yield open_slot


class Slow(Slot):
    """A slot whose transaction stays open until Kafka aborts it."""

    async def _send(self, messages: list[Message]) -> list[asyncio.Future[Any]]:
        futures = await super()._send(messages)
        await asyncio.gather(*futures)
        if messages[0].topic == self.topic:  # State is sent last.
            await _aborted(self._kafka.servers, self.topic)
        return futures


async def _aborted(kafka: str, topic: str) -> None:
    """Wait until no transaction is open: only then does the last stable offset pass its messages."""
    place = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
    await consumer.start()
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (await consumer.end_offsets([place]))[place]:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.1)
    finally:
        await consumer.stop()


async def test_a_transaction_that_kafka_gave_up_is_told_from_a_fence(
    opened: Opener, settings: Work, committed: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both end in the same error of Kafka. What was in the transaction is committed by the next one, once."""
    monkeypatch.setattr(slots, "TRANSACTION_TIMEOUT_MS", 1000)
    topic = f"{settings.prefix}blocks"
    slow = await opened(Slow)
    with pytest.raises(TransactionExpired, match=rf"{settings.prefix}connect-0: open for \d"):
        await slow.commit({b"place": b"1"}, [Message(topic, 0, None, b"block")])
    again = await opened(Slot)
    assert not again.state
    await again.commit({b"place": b"1"}, [Message(topic, 0, None, b"block")])
    assert [message.value for message in await committed(topic)] == [b"block"]


async def test_a_worker_without_answers_to_its_commits_counts_every_line_once(
    opened: Opener, settings: Work, committed: Reader, tmp_path: Path
) -> None:
    """Its hops go on in place, from the state that was committed; the process stays."""
    connector, sent = await opened(Slot), Sent()
    where = Provenance("test", "default", "1234", "us-east-1", "1", "1", 1, 1)
    async with working(settings, tmp_path, first=LOST_ANSWERS):
        for count in (1, 2, 4):
            writer = BlockWriter(settings.prefix, 0, sent)
            writer.add([line()] * count, where)
            await connector.commit(writer.state, writer.messages)
            sent = writer.sent
            assert await _flows(settings, committed, sent.lines) == sent.lines
    log = (tmp_path / "worker.log").read_text()
    assert log.count('event="slots are opened again"') >= 2, log
    assert "the answer was lost" in log
    assert "InvalidTxnState" in log


async def _flows(settings: Work, committed: Reader, least: int) -> int:
    """Return the flows of all windows once there are as many as `least`."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            rows = [decode_aggregate(m.value) for m in await committed(f"{settings.prefix}aggregates")]
            flows = sum({row.key: row.flows for row in rows}.values())
            if flows >= least:
                return flows
            await asyncio.sleep(0.1)
