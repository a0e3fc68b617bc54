"""A slot: what is committed is the state, for this owner and the next, and nothing else ever is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import FORMAT_HEADER, Message
from connectors.kafka.slots import BATCH_MAX_BYTES, CommitTimeout, Slot, SlotLost, read_compacted
from connectors.kafka.topics import ensure_topics

pytestmark = pytest.mark.kafka

Reader = Callable[[str], Awaitable[list[Any]]]
Opener = Callable[[], Awaitable[Slot]]


@pytest.fixture
async def owner(kafka: str, prefix: str) -> AsyncIterator[Opener]:
    """A function that opens slot 0 as its next owner would; all owners are closed at the end."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    async with AsyncExitStack() as owners:

        async def open_slot() -> Slot:
            slot = Slot(KafkaConnection(kafka), f"{prefix}positions", 0, f"{prefix}connect-0")
            owners.push_async_callback(slot.close)
            await slot.open()
            return slot

        yield open_slot


async def test_the_next_owner_finds_the_committed_state(owner: Opener) -> None:
    first = await owner()
    assert dict(first.state) == {}
    await first.commit({b"a": b"1", b"b": b"1"}, [])
    await first.commit({b"a": b"2", b"c": b"1"}, [])
    assert dict(first.state) == {b"a": b"2", b"b": b"1", b"c": b"1"}
    await first.close()
    assert (await owner()).state == first.state


async def test_none_deletes_a_key(owner: Opener) -> None:
    first = await owner()
    await first.commit({b"a": b"1", b"b": b"1"}, [])
    await first.commit({b"a": None, b"never": None}, [])
    assert dict(first.state) == {b"b": b"1"}
    await first.close()
    assert dict((await owner()).state) == {b"b": b"1"}


async def test_messages_keep_their_order_keys_and_headers(
    owner: Opener, prefix: str, committed: Reader
) -> None:
    """Also over a batch's size, and when one message alone is larger than a batch."""
    slot = await owner()
    topic = f"{prefix}blocks"
    sizes = [BATCH_MAX_BYTES + 1, 10, BATCH_MAX_BYTES // 2, BATCH_MAX_BYTES // 2, 10]
    sent = [
        Message(topic, 0, b"k%d" % n, bytes([n]) * size, (("number", b"%d" % n),))
        for n, size in enumerate(sizes)
    ]
    await slot.commit({b"a": b"1"}, sent)
    got = [(m.key, m.value, m.headers) for m in await committed(topic)]
    assert got == [(m.key, m.value, (*m.headers, FORMAT_HEADER)) for m in sent]


async def test_the_state_is_read_past_what_was_aborted(owner: Opener, kafka: str, prefix: str) -> None:
    """The partition may end in aborted writes, of which a reader never gets a message."""
    first = await owner()
    await first.commit({b"a": b"1"}, [])
    stranger = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{prefix}stranger")
    await stranger.start()
    try:
        await stranger.begin_transaction()
        await stranger.send_and_wait(f"{prefix}positions", b"2", b"a", 0)
        await stranger.abort_transaction()
    finally:
        await stranger.stop()
    async with asyncio.timeout(20):
        assert dict((await owner()).state) == {b"a": b"1"}


async def test_a_slot_that_is_not_open_commits_nothing(owner: Opener, kafka: str, prefix: str) -> None:
    slot = await owner()
    await slot.close()
    await slot.close()
    with pytest.raises(SlotLost):
        await slot.commit({b"a": b"1"}, [])
    assert await read_compacted(KafkaConnection(kafka), f"{prefix}positions", 0) == {}


async def test_a_slot_that_cannot_open_leaves_nothing_open(kafka: str, prefix: str) -> None:
    """Its topic does not exist: the open is given up, and no producer is left behind (a ResourceWarning)."""
    slot = Slot(KafkaConnection(kafka), f"{prefix}positions", 0, f"{prefix}connect-0")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await slot.open()
    with pytest.raises(SlotLost):
        await slot.commit({b"a": b"1"}, [])


class HeldSlot(Slot):
    """A slot whose commit is held for ever between its sends and its end."""

    def __init__(self, kafka: str, topic: str, partition: int, transactional_id: str) -> None:
        super().__init__(kafka, topic, partition, transactional_id)
        self.sent = asyncio.Event()

    async def _send(self, messages: list[Message]) -> list[asyncio.Future[Any]]:
        await asyncio.gather(*await super()._send(messages))
        self.sent.set()
        return [asyncio.get_running_loop().create_future()]


@pytest.mark.parametrize("is_closed_first", [False, True])
async def test_a_commit_that_is_given_up_ends_at_once(
    is_closed_first: bool, owner: Opener, kafka: str, prefix: str
) -> None:
    """Also when its producer is gone: aiokafka would wait for an abort, and the process could not end."""
    await (await owner()).commit({b"a": b"1"}, [])
    slot = HeldSlot(KafkaConnection(kafka), f"{prefix}positions", 0, f"{prefix}connect-0")
    await slot.open()
    committing = asyncio.create_task(slot.commit({b"a": b"2"}, []))
    async with asyncio.timeout(20):
        await slot.sent.wait()
        if is_closed_first:
            await slot.close()
        committing.cancel()
        await asyncio.wait({committing}, timeout=5)
    assert committing.cancelled()
    await slot.close()
    assert dict((await owner()).state) == {b"a": b"1"}


async def test_a_commit_that_kafka_does_not_answer_ends_with_a_sentence(
    kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a topic was deleted while a process writes to it."""
    monkeypatch.setattr("connectors.kafka.slots.COMMIT_MAX_S", 1.0)
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    slot = HeldSlot(KafkaConnection(kafka), f"{prefix}positions", 0, f"{prefix}connect-0")
    await slot.open()
    with pytest.raises(CommitTimeout, match=f"has not committed {prefix}connect-0 within 1 s"):
        await slot.commit({b"a": b"2"}, [])
    await slot.close()


async def test_a_slot_that_is_closed_with_unsent_messages_leaves_nothing_running(
    owner: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when brokers are down: the process goes on, and opens the slot again."""
    monkeypatch.setattr("connectors.kafka.slots.CLOSE_S", 0.1)
    slot = await owner()
    await slot.commit({b"a": b"1"}, [])
    producer = slot._producer
    assert producer is not None
    monkeypatch.setattr(producer._message_accumulator, "close", asyncio.Event().wait)
    await slot.close()
    assert producer._sender.sender_task.done()
    assert not any(connection.connected() for connection in producer.client._conns.values())
