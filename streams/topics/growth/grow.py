"""The procedure of `vpcflow topics grow`: more partitions for every topic of a prefix, exactly once.

Every process must be stopped, which the members of the consumer groups show. The procedure then initialises
each transactional id, which fences a process that is paused. The state moves in one transaction. All topics
but `LAST` get their partitions before it, and `LAST` after it: from the first change to the end, no process
starts, because it finds a topic with another number of partitions than its VPCFLOW_SLOTS. If the procedure is
interrupted, the next run continues it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError

from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import FORMAT_HEADER, Message
from connectors.kafka.reachability import why_unreachable
from connectors.kafka.slots import CONTRACT_KEY, REQUEST_MAX_BYTES, read_compacted
from connectors.kafka.topic_settings import TOPICS
from connectors.kafka.topics import TopicError
from connectors.settings import Common
from streams.topics.growth import moves
from streams.topics.growth.moves import SLOTS_SETTING, State

LAST = "health"
"""The topic that grows last, after the state has moved: no state depends on it."""

OWNERS = {"positions": "connect", "sum-state": "sum", "merge-state": "merge", "detect-state": "detect"}
OWNERS |= {"archive-state": "archive"}
"""The state topics of slots, with the hop in the transactional ids of their owners."""

GROUPS = ("connect", "work", "archive")
"""The consumer groups of the processes that write state."""

SLOTS_MAX = 256
SEEN_S = 30.0
TRANSACTION_MS = 600_000
SEND_ROWS = 500

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Growth:
    """The number of slots before and after, and what has happened already."""

    old: int
    new: int
    has_moved: bool


class Grow:
    """One run of the procedure. `tell` gets a sentence for each step."""

    def __init__(self, settings: Common, new: int, tell: Tell) -> None:
        self._kafka, self._prefix, self._new, self._tell = (
            KafkaConnection.of(settings),
            settings.prefix,
            new,
            tell,
        )

    async def run(self) -> None:
        """Grow the topics. Raises `TopicError` if it is not safe, and `MissingAcl`."""
        if (why := await why_unreachable(self._kafka)) is not None:
            raise TopicError(why)
        admin = factory.admin(self._kafka)
        try:
            await admin.start()
            await self._check_stopped(admin)
            growth = await self._growth(await self._counts(admin))
            if growth is None:
                self._tell(f"every topic has {self._new} partitions already")
                return
            if not growth.has_moved:
                await self._fence(growth.old)
                await self._check_stopped(admin)
                states = await self._states(growth.old)
                await self._add_partitions(admin, [t.name for t in TOPICS if t.name != LAST])
                await self._move(states)
            await self._add_partitions(admin, [LAST])
        except KafkaError as error:
            raise TopicError(f"Kafka at {self._kafka.servers} refused: {error!r}") from error
        finally:
            await admin.close()
        self._tell(f"done: set VPCFLOW_SLOTS={self._new} for every process, and start them")

    async def _check_stopped(self, admin: AIOKafkaAdminClient) -> None:
        # One group in each request: aiokafka 0.14 cannot read the answer for several.
        answers = [
            answer
            for name in GROUPS
            for answer in await admin.describe_consumer_groups([self._prefix + name])
        ]
        running = {g[1]: len(g[5]) for answer in answers for g in answer.groups if g[5]}
        if running:
            named = ", ".join(f"{name} ({count})" for name, count in sorted(running.items()))
            raise TopicError(
                f"processes of VPCFLOW_PREFIX={self._prefix} run; consumer groups with members: {named}."
                " Stop every process, wait until its session is over (10 s after a kill), and try again"
            )

    async def _counts(self, admin: AIOKafkaAdminClient) -> dict[str, int]:
        """Return the number of partitions by topic without prefix. Raises `TopicError` if one is missing."""
        there = set(await admin.list_topics())
        if missing := [topic.name for topic in TOPICS if self._prefix + topic.name not in there]:
            raise TopicError(
                f"topic {self._prefix}{missing[0]} does not exist: check VPCFLOW_PREFIX. New topics get their"
                f" partitions from VPCFLOW_SLOTS when a process starts"
            )
        described = await admin.describe_topics([self._prefix + topic.name for topic in TOPICS])
        return {one["topic"].removeprefix(self._prefix): len(one["partitions"]) for one in described}

    async def _growth(self, counts: dict[str, int]) -> Growth | None:
        """Return the growth, also one that was interrupted; None if there is nothing to do."""
        old, new = counts[LAST], self._new
        if set(counts.values()) == {new}:
            return None
        if wrong := next((name for name, count in counts.items() if count not in {old, new}), ""):
            raise TopicError(
                f"topic {self._prefix}{wrong} has {counts[wrong]} partitions, others {old}: a growth was"
                f" interrupted; run it again with --slots {counts[wrong]}"
            )
        if not (old < new <= SLOTS_MAX and new % old == 0):
            raise TopicError(
                f"the topics have {old} partitions: choose a multiple of {old} up to {SLOTS_MAX}, not {new}"
            )
        found = await asyncio.gather(*(self._read(topic, 0) for topic in OWNERS))
        known = {orjson.loads(one[CONTRACT_KEY])[SLOTS_SETTING] for one in found if CONTRACT_KEY in one}
        return Growth(old, new, known == {new})

    async def _read(self, topic: str, partition: int) -> dict[bytes, bytes]:
        return await read_compacted(self._kafka, self._prefix + topic, partition)

    async def _fence(self, old: int) -> None:
        """Initialise the transactional id of every slot, so that no earlier owner can commit."""
        self._tell("fencing the owners of all slots")
        for hop in OWNERS.values():
            for slot in range(old):
                producer = factory.producer(self._kafka, transactional_id=f"{self._prefix}{hop}-{slot}")
                await producer.start()
                await producer.stop()

    async def _states(self, old: int) -> dict[str, State]:
        found: dict[str, State] = {}
        for topic in (*OWNERS, "alerts"):
            values = await asyncio.gather(*(self._read(topic, partition) for partition in range(old)))
            found[topic] = dict(enumerate(values))
        return found

    async def _add_partitions(self, admin: AIOKafkaAdminClient, names: Iterable[str]) -> None:
        """Add partitions to the topics that have fewer, and wait until they have leaders."""
        counts = await self._counts(admin)
        few = {self._prefix + name: NewPartitions(self._new) for name in names if counts[name] < self._new}
        self._tell(f"growing {len(few)} topics to {self._new} partitions")
        if not few:
            return
        answer = await admin.create_partitions(few)
        for name, code, why, *_ in answer.topic_errors:
            if code:
                raise TopicError(f"Kafka refused to add partitions to {name}: {why or code}")
        deadline = time.monotonic() + SEEN_S
        while await self._unseen(admin, few):
            if time.monotonic() > deadline:
                raise TopicError(
                    f"partitions of {', '.join(few)} have no leader after {SEEN_S:.0f} s: run again"
                )
            await asyncio.sleep(0.1)

    async def _unseen(self, admin: AIOKafkaAdminClient, names: Iterable[str]) -> bool:
        """Return True if a topic has too few partitions with a leader."""
        led = [
            sum(one["leader"] >= 0 and not one["error_code"] for one in topic["partitions"])
            for topic in await admin.describe_topics(list(names))
        ]
        return bool(min(led) < self._new)

    async def _move(self, states: dict[str, State]) -> None:
        """Write the new state of every topic in one transaction."""
        until = moves.first_new_window(states["sum-state"])
        found = [*self._messages(states, until)]
        self._tell(
            f"moving {len(found)} entries of state; windows from {until} on have {self._new} partitions"
        )
        async with self._transaction() as send:
            await send(found)

    def _messages(self, states: dict[str, State], until: int) -> Iterable[Message]:
        names = {name: self._prefix + name for name in states}
        for topic in OWNERS:
            yield from moves.contracts(names[topic], states[topic], self._new)
        yield from moves.positions(names["positions"], states["positions"], self._new)
        yield from moves.sums(names["sum-state"], states["sum-state"], self._new, until)
        yield from moves.detects(names["detect-state"], states["detect-state"], self._new)
        yield from moves.alerts(names["alerts"], states["alerts"], self._new)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Callable[[list[Message]], Awaitable[None]]]:
        producer = factory.producer(
            self._kafka,
            transactional_id=f"{self._prefix}grow",
            acks="all",
            transaction_timeout_ms=TRANSACTION_MS,
            max_request_size=REQUEST_MAX_BYTES,
        )

        async def send(messages: list[Message]) -> None:
            for begin in range(0, len(messages), SEND_ROWS):
                futures = [
                    await producer.send(
                        m.topic, m.value, m.key, m.partition, headers=[*m.headers, FORMAT_HEADER]
                    )
                    for m in messages[begin : begin + SEND_ROWS]
                ]
                await asyncio.gather(*futures)

        await producer.start()
        try:
            async with producer.transaction():
                yield send
        finally:
            await producer.stop()
