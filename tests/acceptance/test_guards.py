"""The guards of the hop, one by one, on a real Kafka: each test fails when its guard is out.

Fence, number check, read_committed, awaited sends, the lock on revoke, the age of metadata. Block n holds
2**n lines, and so does partial n: a total says which of them were counted, and how often.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from connectors.kafka.blocks import BlockWriter, Provenance, Sent
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import Message
from connectors.kafka.slots import Slot, SlotLost, read_compacted
from connectors.kafka.topics import ensure_topics
from connectors.settings import Work
from streams.numbering import Input, Output, Rewind
from streams.sums import partials
from streams.worker.hops import Hop
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from streams.worker.work import Worker
from tests.acceptance.working import working
from tests.build import ENI, decode_aggregate, line, row

pytestmark = pytest.mark.kafka

DEADLINE_S = 40.0
WINDOW = 1_700_000_000 // 60 * 60
NOW = 1_700_000_100.0

Reader = Callable[[str], Awaitable[list[Any]]]
Opener = Callable[[str, str], Awaitable["HeldSlot"]]
AnyHop = TypeVar("AnyHop", SumHop, MergeHop)


@pytest.fixture
async def settings(kafka: str, prefix: str) -> Work:
    """A worker's settings for topics of one partition, which are there."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    return Work.model_validate({"kafka": kafka, "prefix": prefix, "slots": 1})


@pytest.fixture
async def slot(settings: Work) -> AsyncIterator[Opener]:
    """A function that opens partition 0 of a state topic under a transactional id."""
    async with AsyncExitStack() as opened:

        async def open_slot(topic: str, owner: str) -> HeldSlot:
            one = HeldSlot(
                KafkaConnection(settings.kafka), settings.prefix + topic, 0, settings.prefix + owner
            )
            opened.push_async_callback(one.close)
            await one.open()
            return one

        yield open_slot


class HeldSlot(Slot):
    """A slot that can be paused between its sends and its commit, as SIGSTOP would."""

    sent: asyncio.Event | None = None
    go_on: asyncio.Event

    async def _send(self, messages: list[Message]) -> list[asyncio.Future[Any]]:
        futures = await super()._send(messages)
        if self.sent is not None and messages[0].topic == self.topic:  # State is sent last.
            await asyncio.gather(*futures)
            self.sent.set()
            await self.go_on.wait()
        return futures


def block(number: int, eni: str = ENI) -> Message:
    """Return a block of 2**number lines, for a topic without a prefix."""
    arrival_ms = 1_700_000_000_000
    where = Provenance("test", "default", "123456789012", "us-east-1", "1", "1", arrival_ms, arrival_ms)
    writer = BlockWriter("", 0, Sent(number - 1))
    writer.add([line(interface_id=eni)] * 2**number, where)
    return writer.messages[0]


def partial(producer: int, number: int, flows: int, eni: str = ENI) -> Message:
    """Return a partial of one row, for a topic without a prefix."""
    value = partials.encode(partials.frame([row(WINDOW, eni, flows=flows)]))
    where = {"producer": b"%d" % producer, "newest_start": b"%d" % WINDOW, "arrival_ms": b"0"}
    return Output(number - 1).message("partials", 0, value, flows, **where)


def offer(hop: Hop, messages: Iterable[Input]) -> list[Rewind]:
    """Offer messages; return what the hop asked for."""
    verdicts = [hop.offer(message, NOW) for message in messages]
    return [verdict for verdict in verdicts if verdict is not None]


# 1. The fence.


async def test_a_fenced_owner_cannot_commit(slot: Opener, prefix: str, committed: Reader) -> None:
    old = await slot("positions", "connect-0")
    topic = f"{prefix}blocks"
    await old.commit({b"place": b"1"}, [Message(topic, 0, None, b"in time")])
    new = await slot("positions", "connect-0")
    with pytest.raises(ProducerFenced):
        await old.commit({b"place": b"2"}, [Message(topic, 0, None, b"late")])
    assert dict(old.state) == dict(new.state) == {b"place": b"1"}
    await new.commit({b"owner": b"new"}, [Message(topic, 0, None, b"next")])
    assert [m.value for m in await committed(topic)] == [b"in time", b"next"]
    assert dict((await slot("positions", "connect-0")).state) == {b"place": b"1", b"owner": b"new"}


async def test_a_write_in_flight_is_undone_by_the_next_owner(
    slot: Opener, prefix: str, committed: Reader
) -> None:
    """The broker has every message of the old owner's transaction; only the commit is missing."""
    old = await slot("positions", "connect-0")
    topic = f"{prefix}blocks"
    await old.commit({b"place": b"1"}, [Message(topic, 0, None, b"in time")])
    old.sent, old.go_on = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(old.commit({b"place": b"2"}, [Message(topic, 0, None, b"late")]))
    async with asyncio.timeout(DEADLINE_S):
        await old.sent.wait()
    new = await slot("positions", "connect-0")
    assert dict(new.state) == {b"place": b"1"}
    old.go_on.set()
    with pytest.raises(ProducerFenced):
        await late
    await new.commit({b"owner": b"new"}, [Message(topic, 0, None, b"next")])
    assert [m.value for m in await committed(topic)] == [b"in time", b"next"]
    assert dict((await slot("positions", "connect-0")).state) == {b"place": b"1", b"owner": b"new"}


# 2. The number check.


@pytest.fixture
async def log(settings: Work, slot: Opener, committed: Reader) -> AsyncIterator[Log]:
    """A real topic, written in transactions and read as a hop reads; its hops are closed at the end."""
    log = Log(settings, await slot("positions", "connect-0"), committed)
    yield log
    for hop in log.hops:
        await hop.slot.close()


class Log:
    """Inputs of hops on Kafka, and the sums that the hops published."""

    def __init__(self, settings: Work, writer: Slot, committed: Reader) -> None:
        self.settings, self.hops = settings, list[Hop]()
        self._writer, self._committed = writer, committed

    async def write(self, *messages: Message) -> list[Input]:
        """Commit each message in a transaction of its own; return them as they are read."""
        for m in messages:
            there = Message(self.settings.prefix + m.topic, m.partition, m.key, m.value, m.headers)
            await self._writer.commit({}, [there])
        return await self.read(messages[0].topic)

    async def read(self, topic: str, offset: int = 0) -> list[Input]:
        """Read a topic from an offset."""
        messages = await self._committed(self.settings.prefix + topic)
        return [Input(m.offset, dict(m.headers), m.value) for m in messages if m.offset >= offset]

    async def sum_hop(self) -> SumHop:
        """Open the hop over `blocks`, as its next owner."""
        return await self._open(SumHop(self.settings, 0))

    async def merge_hop(self) -> MergeHop:
        """Open the hop over `partials`, as its next owner."""
        return await self._open(MergeHop(self.settings, 0))

    async def _open(self, hop: AnyHop) -> AnyHop:
        self.hops.append(hop)
        await hop.open(NOW)
        return hop

    async def summed(self) -> int:
        """Count the flows in all partials."""
        tables = [partials.decode(m.value) for m in await self.read("partials") if m.value]
        return sum(int(table["flows"].sum()) for table in tables)

    async def merged(self) -> int:
        """Count the flows in the newest revision of every aggregate."""
        newest = {a.key: a.flows for m in await self.read("aggregates") for a in [decode_aggregate(m.value)]}
        return sum(newest.values())


async def test_sum_skips_what_it_has_seen(log: Log) -> None:
    read = await log.write(*(block(n) for n in range(3)))
    hop = await log.sum_hop()
    assert offer(hop, [read[0], read[1], read[1], read[0]]) == []
    await hop.flush(NOW)
    assert offer(hop, [read[1], read[2], read[2]]) == []
    await hop.flush(NOW)
    assert await log.summed() == 0b111
    assert hop.next_offset == read[2].offset + 1


async def test_sum_applies_nothing_after_a_jump_until_it_has_read_again(log: Log) -> None:
    read = await log.write(*(block(n) for n in range(5)))
    hop = await log.sum_hop()
    back = Rewind(read[0].offset + 1, 2)
    assert offer(hop, [read[0], read[3]]) == [back]
    await hop.flush(NOW)
    assert await log.summed() == 0b1
    assert offer(hop, await log.read("blocks", back.offset)) == []
    await hop.flush(NOW)
    assert await log.summed() == 0b11111
    assert (await log.sum_hop()).next_offset == hop.next_offset == read[4].offset + 1


async def test_merge_skips_what_it_has_seen(log: Log) -> None:
    """Of each producer, whose numbers are its own."""
    sent = [partial(0, 0, 1), partial(1, 0, 2), partial(0, 1, 4), partial(1, 1, 8)]
    read = await log.write(*sent)
    hop = await log.merge_hop()
    assert offer(hop, [*read[:3], *read[:3]]) == []
    await hop.flush(NOW)
    assert offer(hop, read) == []
    await hop.flush(NOW)
    assert await log.merged() == 0b1111


async def test_merge_applies_nothing_after_a_jump_until_it_has_read_again(log: Log) -> None:
    sent = [partial(0, 0, 1), partial(1, 0, 2), partial(0, 1, 4), partial(1, 1, 8), partial(1, 2, 16)]
    read = await log.write(*sent, partial(0, 2, 32))
    hop = await log.merge_hop()
    back = Rewind(read[1].offset + 1, 1)
    assert offer(hop, [*read[:3], *read[4:]]) == [back, back]
    await hop.flush(NOW)
    assert await log.merged() == 0b111
    assert offer(hop, await log.read("partials", back.offset)) == []
    await hop.flush(NOW)
    assert await log.merged() == 0b111111


async def test_a_merge_that_ends_after_a_jump_is_continued_before_it(log: Log) -> None:
    """It asked to read again, took a later message of another producer, committed, and crashed."""
    sent = [partial(0, 0, 1), partial(1, 0, 2), partial(1, 1, 4), partial(1, 2, 8), partial(0, 1, 16)]
    read = await log.write(*sent)
    hop = await log.merge_hop()
    assert offer(hop, [*read[:2], *read[3:]])
    await hop.flush(NOW)
    await hop.slot.close()
    hop = await log.merge_hop()
    assert offer(hop, await log.read("partials", hop.next_offset)) == []
    await hop.flush(NOW)
    assert await log.merged() == 0b11111


# 3. read_committed.


async def flows_once(any_of: set[str], settings: Work, committed: Reader) -> dict[str, int]:
    """Return the flows of each interface once there are some of one of these; poll until then."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = [decode_aggregate(m.value) for m in await committed(f"{settings.prefix}aggregates")]
            if any(aggregate.eni in any_of for aggregate in found):
                return {aggregate.eni: aggregate.flows for aggregate in found}
            await asyncio.sleep(0.1)


@asynccontextmanager
async def transaction(settings: Work, name: str, message: Message) -> AsyncIterator[AIOKafkaProducer]:
    """Have a message on Kafka in a transaction that is still open."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, transactional_id=f"{settings.prefix}{name}")
    await producer.start()
    try:
        await producer.begin_transaction()
        topic, headers = settings.prefix + message.topic, list(message.headers)
        await producer.send_and_wait(topic, message.value, partition=0, headers=headers)
        yield producer
    finally:
        await producer.stop()


async def test_a_worker_reads_only_what_is_committed(
    log: Log, settings: Work, committed: Reader, tmp_path: Path
) -> None:
    """Each message that is not committed has the number of a committed one: who takes it, skips that one."""
    first, second, third, ghost = (f"eni-{n:017x}" for n in range(4))
    async with transaction(settings, "a", partial(0, 0, 64, ghost)) as aborted:
        await aborted.abort_transaction()
    await log.write(block(0, first))
    async with transaction(settings, "b", block(1, ghost)) as aborted:
        await aborted.abort_transaction()
    async with transaction(settings, "c", block(1, ghost)) as still_open, working(settings, tmp_path):
        await log.write(block(1, second), block(2, third))
        assert await flows_once({first, ghost}, settings, committed) == {first: 1}
        await still_open.abort_transaction()
        assert await flows_once({third, ghost}, settings, committed) == {first: 1, second: 2, third: 4}


# 4. Awaited sends.


async def test_a_send_that_fails_undoes_the_transaction(
    settings: Work, slot: Opener, committed: Reader
) -> None:
    """The broker refuses one message; what went out before it, and the state, must not be seen."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    small = ConfigResource(ConfigResourceType.TOPIC, f"{settings.prefix}blocks", {"max.message.bytes": "500"})
    await admin.alter_configs([small])
    await admin.close()
    one = await slot("positions", "connect-0")
    await one.commit({b"place": b"1"}, [Message(f"{settings.prefix}blocks", 0, None, b"fits")])
    refused = Message(f"{settings.prefix}blocks", 0, None, b"x" * 1000)
    with pytest.raises(MessageSizeTooLargeError):
        await one.commit({b"place": b"2"}, [Message(f"{settings.prefix}dead", 0, None, b"before"), refused])
    assert dict(one.state) == {b"place": b"1"}
    await one.close()
    next_one = await slot("positions", "connect-0")
    assert dict(next_one.state) == {b"place": b"1"}
    await next_one.commit({b"place": b"3"}, [Message(f"{settings.prefix}dead", 0, None, b"after")])
    assert [m.value for m in await committed(f"{settings.prefix}blocks")] == [b"fits"]
    assert [m.value for m in await committed(f"{settings.prefix}dead")] == [b"after"]


# 5. The lock on revoke.


class HeldHop:
    """A hop whose flush is held until the test lets it go on."""

    input = "blocks"
    place = 0

    def __init__(self, slot: Slot, is_large: bool) -> None:
        self.slot, self.is_large = slot, is_large
        self.began, self.go_on = asyncio.Event(), asyncio.Event()

    async def open(self, now: float) -> None:
        await self.slot.open()

    def offer(self, message: Input, now: float) -> Rewind | None:
        return None

    def skip_gap(self, message: Input) -> None:
        return None

    def is_due(self, now: float) -> bool:
        return self.is_large

    async def flush(self, now: float) -> None:
        self.began.set()
        await self.go_on.wait()
        await self.slot.commit({b"flush": b"whole"}, [])


async def test_a_revocation_waits_for_the_flush_and_leaves_no_slot_open(settings: Work, slot: Opener) -> None:
    async def events() -> AsyncIterator[Any]:
        yield SimpleNamespace(message=SimpleNamespace(partition=0, generation_id=-1))

    worker = Worker(settings)
    held = HeldHop(await slot("sum-state", "sum-0"), is_large=True)
    idle = HeldHop(await slot("merge-state", "merge-0"), is_large=False)
    worker._hops = {("blocks", 0): held, ("partials", 0): idle}
    async with asyncio.timeout(DEADLINE_S):
        feeding = asyncio.create_task(worker._feed("blocks", events()))
        await held.began.wait()
        revoking = asyncio.create_task(worker._app.on_partitions_revoked.send(set()))
        while not (worker._lock._waiters or revoking.done()):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0)
        were_open = set(worker._hops)
        held.go_on.set()
        ended = await asyncio.gather(feeding, revoking, return_exceptions=True)
    assert were_open == {("blocks", 0), ("partials", 0)}, "slots were dropped in the middle of a flush"
    assert list(ended) == [None, None]
    assert not worker._hops
    for hop, state in ((held, {b"flush": b"whole"}), (idle, {})):
        with pytest.raises(SlotLost):
            await hop.slot.commit({b"flush": b"late"}, [])
        assert await read_compacted(KafkaConnection(settings.kafka), hop.slot.topic, 0) == state


UNCHECKED = """
from streams.worker import work

async def ensure_topics(*_): pass

work.ensure_topics = ensure_topics
"""


async def test_topics_that_a_broker_did_not_tell_of_are_shared_out_soon(
    kafka: str, prefix: str, committed: Reader, tmp_path: Path
) -> None:
    """A member that knew of none when it shared out the group gave nobody anything, for five minutes.

    Seen where a broker died just before it was asked; here the topics are made later.
    """
    settings = Work(kafka=kafka, prefix=prefix, slots=1)
    async with working(settings, tmp_path, UNCHECKED):
        log, opened = tmp_path / "worker.log", asyncio.get_running_loop().time() + DEADLINE_S
        while b"Ignoring missing topic" not in log.read_bytes():
            assert asyncio.get_running_loop().time() < opened, log.read_text()
            await asyncio.sleep(0.05)
        await ensure_topics(KafkaConnection(kafka), prefix, 1)
        one = Slot(KafkaConnection(kafka), f"{prefix}positions", 0, f"{prefix}connect-0")
        await one.open()
        await one.commit({}, [block(0)._replace(topic=f"{prefix}blocks")])
        await one.close()
        assert await flows_once({ENI}, settings, committed) == {ENI: 1}
