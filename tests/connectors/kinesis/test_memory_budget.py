"""The bound on what is under way: reserved before a call, taken after it, given back in the end."""

from __future__ import annotations

import asyncio

from connectors.kinesis.memory_budget import Room


async def test_who_finds_no_room_waits_until_there_is() -> None:
    room, order = Room(100), list[str]()
    room.take(80)

    async def reserve(name: str, size: int) -> None:
        async with room.reserved(size):
            order.append(name)

    waiting = asyncio.ensure_future(reserve("large", 50))
    await reserve("small", 20)
    assert order == ["small"]
    await room.give(80)
    await waiting
    assert (order, room.held) == (["small", "large"], 0)


async def test_one_that_is_larger_than_all_goes_alone() -> None:
    room = Room(100)
    async with room.reserved(1_000):
        assert room.held == 1_000
    assert room.held == 0


async def test_a_reservation_ends_with_its_task() -> None:
    room = Room(100)

    async def hold() -> None:
        async with room.reserved(60):
            await asyncio.sleep(60)

    holding = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert room.held == 60
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    assert room.held == 0
