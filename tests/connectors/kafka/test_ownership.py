"""One prefix takes from one source: two would share out one set of slots, each reading only its part."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced
from structlog.testing import capture_logs

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


class Failing(Idle):
    """A slot whose work fails with an error, or has not failed yet."""

    def __init__(self, slot: Slot, error: Exception | None) -> None:
        super().__init__(slot)
        self._task = asyncio.ensure_future(self._work(error))

    async def _work(self, error: Exception | None) -> None:
        if error is not None:
            raise error
        await asyncio.Event().wait()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return [self._task]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await super().close()


async def test_slots_are_opened_again_after_an_error_that_passes_and_no_other(
    kafka: str, prefix: str
) -> None:
    """The process owns the same slots again, and has read all positions; tasks beside go on."""
    settings = Common(kafka=kafka, prefix=prefix, slots=2)
    await ensure_topics(KafkaConnection(settings.kafka), settings.prefix, settings.slots)
    errors: list[Exception] = [KafkaConnectionError("the broker went away")]
    stop, beside = asyncio.Event(), asyncio.ensure_future(asyncio.Event().wait())
    ownership: Ownership[Failing] = Ownership(
        settings,
        "kinesis flow-logs",
        lambda slot: Failing(slot, errors.pop() if errors else None),
        lambda _: None,
    )
    with capture_logs() as logs:
        running = asyncio.ensure_future(ownership.run(stop, [beside]))  # type: ignore[list-item]
        async with asyncio.timeout(DEADLINE_S):
            while sum(log["event"] == "slots assigned" for log in logs) < 2 or not ownership.has_caught_up:
                assert not running.done(), running.result()
                await asyncio.sleep(0.05)
    (again,) = [log for log in logs if log["event"] == "slots are opened again"]
    assert "the broker went away" in again["error"]
    assert set(ownership.owned) == {0, 1}
    assert not beside.done()
    stop.set()
    await running
    assert beside.cancelled()

    errors.append(ProducerFenced())
    with pytest.raises(ProducerFenced):
        async with asyncio.timeout(DEADLINE_S):
            await ownership.run(asyncio.Event())
