"""One prefix takes from one source: two would share out one set of slots, each reading only its part."""

from __future__ import annotations

import asyncio

import pytest

from connectors.errors import ConnectError
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.ownership import Ownership
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.settings import Common

pytestmark = pytest.mark.kafka

DEADLINE_S = 30.0


class Idle:
    """A slot for which nothing works."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return []

    async def close(self) -> None:
        await self._slot.close()


async def owning(settings: Common, source: str) -> None:
    """Own slots for a source until some were assigned. Raises what refuses it."""
    stop = asyncio.Event()
    ownership = Ownership(settings, source, Idle, lambda _: stop.set() if ownership.is_ready else None)
    async with asyncio.timeout(DEADLINE_S):
        await ownership.run(stop)


async def test_who_is_alone_may_choose_other_streams(kafka: str, prefix: str) -> None:
    settings = Common(kafka=kafka, prefix=prefix, slots=2)
    await ensure_topics(KafkaConnection(settings.kafka), settings.prefix, settings.slots)
    await owning(settings, "kinesis flow-logs")
    await owning(settings, "kinesis flow-logs,more")
    stop = asyncio.Event()
    first = Ownership(settings, "kinesis flow-logs,more", Idle, lambda _: None)
    running = asyncio.ensure_future(first.run(stop))
    async with asyncio.timeout(DEADLINE_S):
        while len(first.owned) != 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)
    with pytest.raises(ConnectError, match="take from kinesis flow-logs,more"):
        await owning(settings, "kinesis flow-logs")
    stop.set()
    await running


async def test_another_source_is_refused_and_the_same_one_is_not(kafka: str, prefix: str) -> None:
    settings = Common(kafka=kafka, prefix=prefix, slots=2)
    await ensure_topics(KafkaConnection(settings.kafka), settings.prefix, settings.slots)
    await owning(settings, "kinesis flow-logs")
    await owning(settings, "kinesis flow-logs")
    with pytest.raises(ConnectError, match=r"take from kinesis flow-logs: give firehose a prefix of its own"):
        await owning(settings, "firehose")
