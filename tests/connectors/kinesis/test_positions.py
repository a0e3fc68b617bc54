"""Positions: they read back, and a shard starts when every parent that is still listed has ended."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.partitioner import slot_of
from connectors.kinesis.positions import (
    Beginning,
    Position,
    Shard,
    Stream,
    decode_beginning,
    decode_position,
    earlier,
    expires,
    gone,
    is_trimmed,
    shard_key,
    slot_of_shard,
    startable,
    stream_key,
    waiting_parents,
    without_children,
)

SLOTS = 4
ALL_SLOTS = frozenset(range(SLOTS))
STREAM = "flow-logs@1700000000000"
# A split of `a`; then a merge of its halves; and `d`, which has nothing to do with them.
TREE = [Shard("a"), Shard("b", ("a",)), Shard("c", ("a",)), Shard("m", ("b", "c")), Shard("d")]


def positions(*ended: str, reading: Sequence[str] = ()) -> dict[bytes, bytes]:
    kept = {shard_key(STREAM, name): Position("7", is_ended=True).encode() for name in ended}
    kept |= {shard_key(STREAM, name): Position("7").encode() for name in reading}
    return kept


def started(shards: Sequence[Shard], kept: dict[bytes, bytes], mine: frozenset[int] = ALL_SLOTS) -> str:
    return "".join(shard.shard_id for shard in startable(shards, kept, STREAM, mine, SLOTS))


@pytest.mark.parametrize(
    ("kept", "names"),
    [
        (positions(), "ad"),
        (positions(reading="a"), "ad"),
        (positions("a"), "bcd"),
        (positions("a", "b"), "cd"),
        (positions("a", "b", reading="c"), "cd"),
        (positions("a", "b", "c"), "md"),
        (positions("a", "b", "c", "m", "d"), ""),
        (positions("b", "c"), "amd"),
    ],
)
def test_children_wait_for_their_parents(kept: dict[bytes, bytes], names: str) -> None:
    assert sorted(started(TREE, kept)) == sorted(names)


def test_a_parent_that_is_no_longer_listed_holds_nobody() -> None:
    assert started(TREE[1:], positions()) == "bcd"


def test_one_unlisted_parent_does_not_excuse_the_other() -> None:
    assert started([Shard("b"), Shard("m", ("b", "c"))], positions()) == "b"
    assert started([Shard("b"), Shard("m", ("b", "c"))], positions("b")) == "m"


def test_a_parent_in_another_slot_is_waited_for() -> None:
    parent, child = next(
        (f"p{i}", f"c{j}")
        for i in range(50)
        for j in range(50)
        if slot_of_shard(STREAM, f"p{i}", 4) != slot_of_shard(STREAM, f"c{j}", 4)
    )
    shards = [Shard(parent), Shard(child, (parent,))]
    mine = frozenset({slot_of_shard(STREAM, child, SLOTS)})
    assert startable(shards, positions(), STREAM, mine, SLOTS) == []
    assert startable(shards, positions(parent), STREAM, mine, SLOTS) == [shards[1]]


@pytest.mark.parametrize(
    ("kept", "waiting"),
    [
        (positions(), []),
        (positions("a"), ["a"]),
        (positions("a", reading="b"), ["a"]),
        (positions("a", reading="bc"), []),
        (positions("a", "b", reading="c"), ["b"]),
        (positions("a", "b", "c", reading="m"), []),
        (positions("d"), ["d"]),
    ],
)
def test_an_ended_shard_waits_until_each_child_has_begun(
    kept: dict[bytes, bytes], waiting: list[str]
) -> None:
    """`d` has ended, so it was split or merged after this listing."""
    assert waiting_parents(TREE, kept, STREAM, ALL_SLOTS, SLOTS) == waiting


def test_only_an_ended_shard_without_a_listed_child_asks_for_another_listing() -> None:
    """A child that waits for its other parent, perhaps for hours, is listed already."""
    assert without_children(TREE, ["b", "d"]) == ["d"]


def test_another_stream_s_shard_of_the_same_name_is_not_meant() -> None:
    kept = {shard_key("other", "a"): Position("7", is_ended=True).encode()}
    assert started(TREE, kept) == "ad"


@given(st.lists(st.text("xyz-0123456789", min_size=1, max_size=12), unique=True), st.integers(1, 256))
def test_every_shard_belongs_to_exactly_one_slot(names: list[str], slots: int) -> None:
    shards = [Shard(name) for name in names]
    owners = [startable(shards, {}, STREAM, frozenset({slot}), slots) for slot in range(slots)]
    assert sorted(shard.shard_id for owned in owners for shard in owned) == sorted(names)


@given(st.lists(st.sets(st.integers(0, 9), max_size=2), min_size=1, max_size=10), st.data())
def test_any_tree_is_read_whole_and_parents_first(parents: list[set[int]], data: st.DataObject) -> None:
    shards = [Shard(str(i), tuple(str(p) for p in sorted(older) if p < i)) for i, older in enumerate(parents)]
    kept: dict[bytes, bytes] = {}
    read: list[str] = []
    while ready := startable(shards, kept, STREAM, ALL_SLOTS, SLOTS):
        shard = data.draw(st.sampled_from(ready))
        assert set(shard.parents) <= set(read)
        read.append(shard.shard_id)
        kept |= positions(shard.shard_id)
    assert sorted(read) == sorted(shard.shard_id for shard in shards)


@given(
    st.builds(
        Position,
        st.integers(0, 1 << 186).map(str),
        st.integers(0, 1 << 42),
        st.booleans(),
        st.integers(-1, 9),
        st.integers(0, 1 << 42),
    )
)
def test_a_position_reads_back(position: Position) -> None:
    assert decode_position(position.encode()) == position


def test_slots_are_the_same_on_every_machine() -> None:
    """A changed hash would move shards between slots, and leave their positions behind."""
    found = [slot_of(f"shardId-{i:012d}", 8) for i in range(8)]
    assert found == [0, 6, 4, 2, 1, 7, 5, 3]


def test_streams_number_their_shards_alike_and_share_the_slots_out_all_the_same() -> None:
    found = {slot_of_shard(f"stream-{i}@1", "shardId-000000000000", 8) for i in range(50)}
    assert found == set(range(8))


def test_a_stream_made_again_is_another_one() -> None:
    old, new = Stream("a", "arn", 1_000), Stream("a", "arn", 2_000)
    kept = {stream_key(old.key): b"{}", stream_key("ab@5"): b"{}", shard_key(old.key, "s"): b"{}"}
    assert earlier(new, kept) == ["a@1000"]
    assert earlier(old, kept) == []


def test_a_shard_that_is_listed_no_more_and_was_not_read_to_its_end_is_gone() -> None:
    kept = positions("a", reading=["b", "d"]) | {shard_key("other", "x"): Position("7").encode()}
    assert gone([Shard("d"), Shard("e")], kept, STREAM) == {"b": Position("7")}


@pytest.mark.parametrize(
    ("number", "horizon", "is_lost"),
    [
        ("9", "10", True),  # compared as text, 10 would be before 9
        ("10", "9", False),
        ("10", "10", False),  # its own record is still there
    ],
)
def test_records_after_a_place_have_expired(number: str, horizon: str, is_lost: bool) -> None:
    assert is_trimmed(Position(number), horizon) is is_lost


def test_what_was_read_until_lately_expires_later() -> None:
    day_ms = 86_400_000
    assert (
        expires(Position("1", arrival_ms=1, read_ms=day_ms), 24) == 2 * day_ms
    )  # quiet, and read all the same
    assert expires(Position("1", behind_ms=day_ms, read_ms=day_ms), 24) == day_ms
    assert expires(Position(), 24) > 1 << 50


def test_a_beginning_reads_back_and_leaves_later_shards_whole() -> None:
    beginning = Beginning(5_000, ("a", "b"))
    assert decode_beginning(beginning.encode()) == beginning
    assert beginning.of("a") == Position(at_ms=5_000)
    assert beginning.of("c") == Position()


@pytest.mark.parametrize(
    ("position", "place"),
    [
        (Position(), "TRIM_HORIZON"),
        (Position(at_ms=7), "@7"),
        (Position("123"), "123"),
        (Position("123", sub=4), "123:4"),
    ],
)
def test_a_place_as_people_write_it(position: Position, place: str) -> None:
    assert position.place == place
