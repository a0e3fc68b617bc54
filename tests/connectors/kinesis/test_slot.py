"""A slot that is owned: which of its shards may be read, and when."""

from __future__ import annotations

from typing import Any

from connectors.kafka.slots import Slot
from connectors.kinesis.memory_budget import Room
from connectors.kinesis.positions import Position, Stream
from connectors.kinesis.shard_reader import Source
from connectors.kinesis.slot import OwnedSlot, Way
from connectors.kinesis.transaction import Naming
from connectors.progress import Group

STREAM = Stream("flow-logs", "arn", 1_700_000_000_000)
SHARD = "shardId-000000000000"


def source(group: Group, room: Room) -> Source:
    """Return a stream whose shards are never called: the reader is closed before its first turn."""
    unused: Any = None
    naming = Naming(STREAM.name, "", "eu-west-1")
    return Source(STREAM, unused, naming, unused, unused, unused, room, group, 600)


async def test_a_slot_reads_no_shard_before_it_reports_progress() -> None:
    """Else the first position of a child shard releases its parents while the child's slot holds nothing."""
    group, room = Group(1), Room()
    one = OwnedSlot(Slot("127.0.0.1:1", "positions", 0, "connect-0"), Way("vpcflow.", room, group))
    one.start(source(group, room), SHARD, Position())
    assert not one.is_reading(STREAM.key, SHARD)
    one.track([])
    one.start(source(group, room), SHARD, Position())
    assert one.is_reading(STREAM.key, SHARD)
    await one.close()
