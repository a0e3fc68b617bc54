"""The faults of Kinesis: one test each, named after the fault.

Each was found in a real system. Kafka is real, the emulator misbehaves on demand. What concerns Firehose, S3
and the producer has its tests beside them; `tests/acceptance/chaos.py` does all of it at once.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from dataclasses import replace
from typing import Any

import pytest

from connectors import metrics
from connectors.kafka import health_messages
from connectors.kafka.blocks import BLOCK_MAX_BYTES
from connectors.kafka.slots import ContractError
from connectors.kinesis.positions import Position, slot_of_shard
from connectors.kinesis.slot import ShardSlot
from tests.build import aggregate
from tests.connectors.arrived import DEADLINE_S
from tests.connectors.kinesis.scene import HALF, Scene, connecting, lines

pytestmark = pytest.mark.kafka

DAY_MS = 86_400_000
FOREVER_MS = 3 * DAY_MS


async def test_null_next_iterator_with_records_in_the_same_answer(scene: Scene) -> None:
    """The last answer of a closed shard may hold records; they count, and its children follow."""
    scene.create()
    before, after = lines("before", 20), lines("after", 20)
    scene.put(before)
    scene.split(0)
    scene.put(after)
    await scene.faults(
        {"fault": "null_iterator", "operations": ["GetRecords"], "shard": "shardId-000000000000"}
    )
    async with connecting(scene.settings()):
        await scene.until_lines([*before, *after])
        await scene.faults()


async def test_iterator_expired_while_blocked(scene: Scene) -> None:
    scene.create()
    content = lines("a", 500)
    await scene.faults(
        {"fault": "expired_iterator", "operations": ["GetRecords"], "probability": 0.5, "count": 10}
    )
    async with connecting(scene.settings()):
        for first in range(0, 500, 50):
            await asyncio.to_thread(scene.put, content[first : first + 50])
        await scene.until_lines(content)
    await scene.faults()


async def test_empty_answers_while_behind(scene: Scene) -> None:
    scene.create()
    content = lines("a", 20)
    scene.put(content)
    await scene.faults({"fault": "empty_while_behind", "operations": ["GetRecords"], "count": 8})
    async with connecting(scene.settings()):
        await scene.until_lines(content)
    await scene.faults()


async def test_merge_whose_parents_are_in_different_processes(scene: Scene) -> None:
    """The child waits for both, though each of two connectors sees one of them end by itself only."""
    scene.create(2)
    key = scene.described().key
    slots = {slot_of_shard(key, f"shardId-{n:012d}", scene.slots) for n in (0, 1)}
    if len(slots) == 1:
        scene.split(1)  # then the parents are 0 and 2, or 2 and 3: some pair is in two slots
    first, second, child = lines("first", 30), lines("second", 30), lines("child", 30)
    async with connecting(scene.settings()) as one, connecting(scene.settings()) as other:
        await _shared_out(scene, one, other)
        scene.put(first)
        scene.put(second, at=HALF)
        scene.merge(0, 1) if len(slots) == 2 else scene.merge(0, 2)
        scene.put(child)
        seen = await scene.until_lines([*first, *second, *child])
    assert {block["source"].rpartition("/")[2] for block in seen.blocks} >= {
        "shardId-000000000000",
        "shardId-000000000001" if len(slots) == 2 else "shardId-000000000002",
    }


async def _shared_out(scene: Scene, *connectors: Any) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while any(len(one._ownership.owned) != scene.slots // len(connectors) for one in connectors):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)


async def test_three_generations_of_resharding_while_down(scene: Scene) -> None:
    """They come in order, too: one slot's blocks are numbered."""
    scene = replace(scene, slots=1)
    scene.create()
    parts = [lines(name, 40) for name in ("root", "split", "again", "merged")]
    scene.put(parts[0])
    scene.split(0)  # into 1 and 2
    scene.put(parts[1])
    scene.split(1)  # into 3 and 4
    scene.put(parts[2])
    scene.merge(3, 4)  # into 5
    scene.put(parts[3])
    async with connecting(scene.settings()):
        seen = await scene.until_lines([line for part in parts for line in part])
    assert [line.split()[2] for line in seen.lines] == [line.split()[2] for part in parts for line in part]


async def test_closed_shard_with_data_at_first_start(scene: Scene) -> None:
    scene.create(2)
    closed, other = lines("closed", 30), lines("other", 30)
    scene.put(closed)
    scene.put(other, at=HALF)
    scene.split(0)
    async with connecting(scene.settings()):
        await scene.until_lines([*closed, *other])
        positions = await scene.until_positions(lambda found: any(p.is_ended for p in found.values()))
    assert positions["shardId-000000000000"].is_ended


async def test_more_than_a_thousand_shards(scene: Scene) -> None:
    scene.create(1_050)
    at = [n * (1 << 128) // 1_050 + 1 for n in (0, 500, 999, 1_000, 1_049)]
    parts = [lines(f"s{n}", 3) for n in range(len(at))]
    for part, where in zip(parts, at, strict=True):
        scene.put(part, at=where)
    async with connecting(scene.settings()):
        await scene.until_lines([line for part in parts for line in part])


async def test_crash_between_a_parents_end_and_its_childs_start(scene: Scene) -> None:
    """The parent's end is committed and nobody has begun the child: whoever starts next does."""
    scene.create()
    parent, child = lines("parent", 10), lines("child", 10)
    scene.put(parent)
    async with connecting(scene.settings()):
        await scene.until_lines(parent)
        found = await scene.until_positions(lambda p: "shardId-000000000000" in p)
    scene.split(0)
    scene.put(child)
    place = found["shardId-000000000000"].sequence_number
    await scene.set_position(0, Position(place, is_ended=True))
    async with connecting(scene.settings()):
        await scene.until_lines([*parent, *child])


async def test_restart_at_a_closed_shards_last_number(scene: Scene) -> None:
    """Some answer `InvalidArgument` there; the time of the last record leads to the same place."""
    scene.create()
    parent, child = lines("parent", 10), lines("child", 10)
    scene.put(parent)
    async with connecting(scene.settings()):
        await scene.until_lines(parent)
    scene.split(0)
    scene.put(child)
    async with connecting(scene.settings()) as connector:
        call = connector._caller.call

        async def refusing(operation: str, function: Any, *args: Any, **more: Any) -> Any:
            if operation == "GetShardIterator" and args[1].sequence_number:
                raise _client_error("InvalidArgumentException", operation)
            return await call(operation, function, *args, **more)

        connector._caller.call = refusing  # type: ignore[method-assign]
        await scene.until_lines([*parent, *child])


def _client_error(code: str, operation: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {}}, operation)  # type: ignore[typeddict-item]


async def test_retention_passed(scene: Scene) -> None:
    """Records expired while nobody read: what is left is read, and the loss is loud."""
    read, lost, left = lines("read", 5), lines("lost", 5), lines("left", 5)
    scene.clock.ahead_ms = -FOREVER_MS
    try:
        scene.create()
        scene.put(read)
        async with connecting(scene.settings()):
            await scene.until_lines(read)
            found = await scene.until_positions(lambda p: "shardId-000000000000" in p)
        scene.put(lost)
    finally:
        scene.clock.ahead_ms = 0
    long_ago_ms = scene.clock.now_ms() - FOREVER_MS
    place = replace(found["shardId-000000000000"], read_ms=long_ago_ms)
    await scene.set_position(0, place)
    scene.put(left)
    async with connecting(scene.settings()):
        await scene.until_lines([*read, *left])
        said = await scene.until_health(health_messages.TRIMMED)
    assert said.source == f"kinesis:{scene.stream}/shardId-000000000000"
    assert said.to_ms > said.from_ms == long_ago_ms
    more = lines("more", 1)
    async with connecting(scene.settings()):
        scene.put(more)
        await scene.until_lines([*read, *left, *more])
    assert [one.kind for one in await scene.health()].count(health_messages.TRIMMED) == 1


async def test_retention_passed_while_reading(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader so slow that the horizon overtakes it: it never stopped, and its iterators are young."""
    monkeypatch.setattr("connectors.kinesis.shard_reader.now_ms", scene.clock.now_ms)
    monkeypatch.setattr("connectors.kinesis.polling.Polling.limit", 5)
    monkeypatch.setattr("connectors.kinesis.polling.Polling.pause", lambda *_: 8.0)
    read, lost, left = lines("read", 5), lines("lost", 5), lines("left", 5)
    scene.clock.ahead_ms = -DAY_MS
    try:
        scene.create()
        scene.put([*read, *lost])
        scene.clock.ahead_ms = -60_000
        async with connecting(scene.settings()):
            await scene.until_lines(read)
            scene.clock.ahead_ms = 60_000
            scene.put(left)
            await scene.until_lines([*read, *left])
            said = await scene.until_health(health_messages.TRIMMED)
    finally:
        scene.clock.ahead_ms = 0
    assert said.source == f"kinesis:{scene.stream}/shardId-000000000000"
    assert [one.kind for one in await scene.health()].count(health_messages.TRIMMED) == 1


async def test_what_is_older_than_the_retention_and_still_there_is_read_at_full_pace(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether something expired is looked at once a minute, not at every call."""
    monkeypatch.setattr(
        "connectors.kinesis.shard_reader.expires", lambda at, _: 0 if at.sequence_number else 1 << 62
    )
    monkeypatch.setattr("connectors.kinesis.polling.Polling.limit", 1)
    before = metrics.CALLS.labels("GetShardIterator", "ok")._value.get()
    content = lines("a", 20)
    scene.create()
    scene.put(content)
    async with connecting(scene.settings()):
        await scene.until_lines(content)
    assert metrics.CALLS.labels("GetShardIterator", "ok")._value.get() - before <= 3
    assert [one for one in await scene.health() if one.kind == health_messages.TRIMMED] == []


async def test_crash_in_the_middle_of_an_aggregate(scene: Scene) -> None:
    """A place inside an aggregate: what is before it is done, what is after it is read."""
    scene.create()
    content = lines("a", 6)
    answer = scene.kinesis.put_record(
        StreamName=scene.stream, Data=aggregate(*(line.encode() for line in content)), PartitionKey="a"
    )
    await scene.set_position(0, Position(answer["SequenceNumber"], sub=2))
    async with connecting(scene.settings()):
        await scene.until_lines(content[3:])


async def test_bad_aggregate_checksum_or_foreign_magic(scene: Scene) -> None:
    scene.create()
    good, plain = aggregate(b"2 x"), lines("plain", 1)
    scene.put_data([good[:-1] + bytes([good[-1] ^ 1]), b"\xf3\x89\x9a\xc1" + good[4:], plain[0].encode()])
    async with connecting(scene.settings()):
        seen = await scene.until(lambda seen: len(seen.dead) >= 1 and plain[0] in seen.lines)
    assert "KPL aggregate with a bad checksum" in {one["why"] for one in seen.dead}


async def test_a_place_that_another_instance_has_written_is_no_lost_shard(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be of a shard that is newer than our listing: found by the chaos test, which lost that shard."""
    monkeypatch.setattr("connectors.kinesis.connector.DISCOVER_S", 0.2)
    scene.create()
    first, child = lines("first", 5), lines("child", 5)
    scene.put(first)
    async with connecting(scene.settings()) as connector:
        await scene.until_lines(first)
        [known] = connector._known.values()
        for shards in ([], known.shards, []):  # listings that lack a known shard, but never twice running
            known.listed(shards, {"shardId-000000000000": Position("1")} if not shards else {})
            await connector._update(known)
        assert [one for one in await scene.health() if one.kind == health_messages.GONE] == []
        scene.split(0)
        scene.put(child)
        await scene.until_lines([*first, *child])


async def test_a_shard_that_expired_before_it_was_read_to_its_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children are read all the same, and the loss is told once."""
    monkeypatch.setattr("connectors.kinesis.connector.DISCOVER_S", 0.2)
    scene.create()
    content = lines("a", 5)
    await scene.set_position(7, Position("1", arrival_ms=5))
    scene.put(content)
    async with connecting(scene.settings()):
        await scene.until_lines(content)
        found = await scene.until_health(health_messages.GONE)
        assert found.source == f"kinesis:{scene.stream}/shardId-000000000007"
    more = lines("b", 5)
    async with connecting(scene.settings()):
        scene.put(more)
        await scene.until_lines([*content, *more])
    assert [one.kind for one in await scene.health()].count(health_messages.GONE) == 1


async def test_numbers_of_different_length(scene: Scene) -> None:
    """Compared as text, a longer number would be before a shorter one, and its records passed over."""
    from connectors.formats.by_log_group import Formats
    from connectors.kinesis.answers import GetRecordsResponse, KinesisRecord
    from connectors.kinesis.transaction import Naming, ParseContext, parse_records

    records = [KinesisRecord(number, 1, b"2 a") for number in ("9", "10", "100")]
    context = ParseContext(Naming("s", "", ""), "s@1", Formats("default"))
    (read,) = parse_records(context, "a", GetRecordsResponse(records, "x", 0), Position("9"), 0)
    assert [chunk.first for chunk in read.chunks] == ["10", "100"]


async def test_one_poison_record_one_oversized_record(scene: Scene) -> None:
    scene.create()
    content = lines("a", 2)
    oversized = gzip.compress(b"x" * (BLOCK_MAX_BYTES + 1))
    scene.put_data([content[0].encode(), b"\x1f\x8b broken", oversized, content[1].encode()])
    async with connecting(scene.settings()):
        seen = await scene.until(lambda seen: len(seen.lines) == 2 and len(seen.dead) == 2)
    assert sorted(one["why"] for one in seen.dead) == ["line too long", "truncated gzip"]


async def test_ownership_lost_during_back_pressure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka is slow, the queue is full, and the slot goes to somebody else: nothing is lost or doubled."""
    monkeypatch.setattr("connectors.kinesis.slot.QUEUED_BATCHES", 2)
    scene.create(2)
    content = [lines("a", 400), lines("b", 400)]
    async with connecting(scene.settings()) as one:
        for owned in one._ownership.owned.values():
            _slow_down(owned, 0.3)
        putting = asyncio.ensure_future(asyncio.to_thread(_put_slowly, scene, content))
        await scene.until(lambda seen: bool(seen.lines))
        async with connecting(scene.settings()) as other:
            await _shared_out(scene, one, other)
            await putting
            await scene.until_lines([*content[0], *content[1]])


def _slow_down(owned: ShardSlot, by_s: float) -> None:
    commit = owned.slot.commit

    async def slowly(*args: Any) -> None:
        await asyncio.sleep(by_s)
        await commit(*args)

    owned.slot.commit = slowly  # type: ignore[method-assign]


def _put_slowly(scene: Scene, content: list[list[str]]) -> None:
    for first in range(0, 400, 20):
        for part, at in zip(content, (0, HALF), strict=True):
            scene.put(part[first : first + 20], at=at)
        time.sleep(0.05)


async def test_poison_that_once_ended_the_process(scene: Scene) -> None:
    """Field names that are no format, an end of 5,000 digits, an account of 200 kB: data, and no more."""
    scene.create()
    content = lines("good", 3)
    number = "9" * 5_000
    poison = [
        b"start start\n1 1",
        f"2 123456789012 eni-p 10.0.0.1 10.0.0.2 1 443 6 1 40 1 {number} ACCEPT OK".encode(),
        gzip.compress(
            b'{"messageType":"DATA_MESSAGE","owner":"%s","logGroup":"g","logEvents":[{"message":"2 p"}]}'
            % (b"x" * 200_000)
        ),
    ]
    async with connecting(scene.settings()):
        for one, text in zip(poison, content, strict=True):
            scene.put_data([one])
            await scene.until(lambda seen, text=text: len(seen.blocks) > 0)
            scene.put([text])
            await scene.until(lambda seen, text=text: text in seen.lines)


async def test_room_is_given_back_by_slots_that_are_fenced(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read for a slot that went to somebody else holds nobody up."""
    monkeypatch.setattr("connectors.kinesis.slot.QUEUED_BATCHES", 1)
    scene.create(4)
    content = [lines(f"s{n}", 300) for n in range(4)]
    async with connecting(scene.settings()) as connector:
        owned = dict(connector._ownership.owned)
        for one in owned.values():
            _slow_down(one, 60.0)
        for at, part in enumerate(content):
            scene.put(part, at=at * (HALF // 2))
        async with asyncio.timeout(DEADLINE_S):
            while connector._budget.held < 1_000:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.02)
        monkeypatch.setattr("connectors.kinesis.slot.DRAIN_S", 0.2)
        await asyncio.gather(*(one.close() for one in owned.values()))
        async with asyncio.timeout(DEADLINE_S):
            while connector._budget.held:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.02)


async def test_a_slot_that_cannot_be_opened_ends_the_process(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka only logs what a rebalance callback raises: the slots would be ours, and read by nobody."""
    scene.create()

    async def refuse(_: object) -> None:
        raise ContractError("VPCFLOW_SLOTS is another one")

    monkeypatch.setattr("connectors.kafka.slots.Slot.open", refuse)
    with pytest.raises(ContractError):
        async with connecting(scene.settings()):
            pass


@pytest.mark.parametrize("fault", ["throttle", "internal_failure"])
async def test_throttling_and_internal_errors_on_one_shard_must_not_slow_the_others(
    scene: Scene, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads wait a minute for a shard that was never read; the test is about the time after it."""
    monkeypatch.setattr("connectors.progress.UNREAD_WAIT_MS", 500)
    scene.create(2)
    stuck, free = lines("stuck", 20), lines("free", 200)
    scene.put(stuck)
    shard = "shardId-000000000000"
    await scene.faults({"fault": fault, "operations": ["GetRecords"], "stream": scene.stream, "shard": shard})
    async with connecting(scene.settings()):
        for first in range(0, 200, 20):
            scene.put(free[first : first + 20], at=HALF)
        await scene.until_lines(free)
        await scene.faults()
        await scene.until_lines([*stuck, *free])
