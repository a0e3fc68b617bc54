"""A slot that is owned: which of its shards may be read, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.kafka.slots import Slot
from connectors.kinesis.memory_budget import MemoryBudget
from connectors.kinesis.positions import Position, Stream
from connectors.kinesis.slot import ShardSlot, SlotContext
from connectors.kinesis.source import Source
from connectors.kinesis.transaction import Naming, ShardBatch
from connectors.progress import Group
from tests.streams.worker.kept import KeptSlot

STREAM = Stream("flow-logs", "arn", 1_700_000_000_000)
SHARD = "shardId-000000000000"


def source(group: Group, budget: MemoryBudget) -> Source:
    """Return a stream whose shards are never called: the reader is closed before its first turn."""
    unused: Any = None
    naming = Naming(STREAM.name, "", "eu-west-1")
    return Source(STREAM, unused, naming, unused, unused, unused, budget, group, 600)


async def test_a_slot_reads_no_shard_before_it_reports_progress() -> None:
    """Else the first position of a child shard releases its parents while the child's slot holds nothing."""
    group, budget = Group(1), MemoryBudget()
    one = ShardSlot(Slot("127.0.0.1:1", "positions", 0, "connect-0"), SlotContext("vpcflow.", budget, group))
    one.start(source(group, budget), SHARD, Position())
    assert not one.is_reading(STREAM.key, SHARD)
    one.track([])
    one.start(source(group, budget), SHARD, Position())
    assert one.is_reading(STREAM.key, SHARD)
    await one.close()


class GoneShard:
    """A reader of which AWS says that its shard is gone: it hands one read over, and stops."""

    begun = 0

    def __init__(
        self, source: Source, shard_id: str, position: Position, put: Callable[[ShardBatch], Awaitable[None]]
    ):
        self.name, self._put = f"kinesis:{STREAM.name}/{shard_id}", put
        self._read = ShardBatch(source.naming, shard_id, state={b"k": b"v"})

    async def run(self) -> None:
        type(self).begun += 1
        await self._put(self._read)


async def test_a_reader_that_stopped_early_begins_again_after_its_reads_are_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shard that is listed all the same would hold the watermark for ever."""
    monkeypatch.setattr("connectors.kinesis.slot.ShardReader", GoneShard)
    group, budget = Group(1), MemoryBudget()
    slot = KeptSlot({})
    one = ShardSlot(slot, SlotContext("vpcflow.", budget, group, 0.0))
    one.track([])
    one.start(source(group, budget), SHARD, Position())
    await asyncio.sleep(0)  # It has handed over, and nothing is committed.
    one.start(source(group, budget), SHARD, Position())
    assert GoneShard.begun == 1
    async with asyncio.timeout(10):
        while b"k" not in slot.kept:  # noqa: ASYNC110 - the slot has no event
            await asyncio.sleep(0)
        while GoneShard.begun == 1:
            one.start(source(group, budget), SHARD, Position())
            await asyncio.sleep(0)
    await one.close()
