"""The delivery of messages by Faust's consumer, with Faust's own service in place of the consumer."""

from __future__ import annotations

import asyncio
from typing import Any

from streams.worker.delivery import DirectDelivery


class Consumer(DirectDelivery):
    def __post_init__(self) -> None:
        self.suspend_flow = asyncio.Event()


def consumer() -> Any:
    return Consumer()


async def taken(messages: list[str]) -> str:
    messages.append("taken")
    return "taken"


async def held(messages: list[str], place: asyncio.Event) -> str:
    await place.wait()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        messages.append("cancelled")
        raise
    return await taken(messages)


async def test_a_message_that_its_stream_takes_at_once_makes_no_task() -> None:
    faust, messages = consumer(), list[str]()
    before = len(asyncio.all_tasks())
    delivery = taken(messages)
    found = await faust.wait_first(delivery, faust.suspend_flow.wait())
    assert (messages, len(asyncio.all_tasks())) == (["taken"], before)
    assert (found.done, found.results, found.stopped) == ([delivery], ["taken"], False)


async def test_a_message_waits_for_its_stream() -> None:
    faust, messages, place = consumer(), list[str](), asyncio.Event()
    waiting = asyncio.ensure_future(faust.wait_first(held(messages, place), faust.suspend_flow.wait()))
    await asyncio.sleep(0)
    assert not waiting.done()
    place.set()
    assert (await waiting).results == ["taken"]
    assert messages == ["taken"]


async def test_a_rebalance_drops_a_message_that_waits() -> None:
    faust, messages, place = consumer(), list[str](), asyncio.Event()
    waiting = asyncio.ensure_future(faust.wait_first(held(messages, place), faust.suspend_flow.wait()))
    await asyncio.sleep(0)
    faust.suspend_flow.set()
    await waiting
    place.set()
    await asyncio.sleep(0)
    assert messages == []
