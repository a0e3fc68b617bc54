"""The bound on what is under way: reserved before a call, taken after it, given back in the end."""

from __future__ import annotations

import asyncio

from connectors.kinesis.memory_budget import MemoryBudget


async def test_who_finds_no_room_waits_until_there_is() -> None:
    budget, order = MemoryBudget(100), list[str]()
    budget.take(80)

    async def reserve(name: str, size: int) -> None:
        async with budget.reserved(size):
            order.append(name)

    waiting = asyncio.ensure_future(reserve("large", 50))
    await reserve("small", 20)
    assert order == ["small"]
    await budget.give(80)
    await waiting
    assert (order, budget.held) == (["small", "large"], 0)


async def test_one_that_is_larger_than_all_goes_alone() -> None:
    budget = MemoryBudget(100)
    async with budget.reserved(1_000):
        assert budget.held == 1_000
    assert budget.held == 0


async def test_a_reservation_ends_with_its_task() -> None:
    budget = MemoryBudget(100)

    async def hold() -> None:
        async with budget.reserved(60):
            await asyncio.Event().wait()

    holding = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert budget.held == 60
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    assert budget.held == 0
