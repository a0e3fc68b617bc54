"""Answer to transaction: every line in one block or in `dead`, contiguous numbers, the last position."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.answers import Answer, Record
from connectors.blocks import BLOCK_MAX_BYTES
from connectors.envelope import control_message, wrap_subscription
from connectors.messages import Message
from connectors.positions import NUMBER_KEY, Position, decode_position, shard_key
from connectors.reads import Commit, Naming, Read, transaction, understand
from tests.build import block, line

NAMING = Naming("vpcflow.", "flow-logs", "default", "123456789012", "eu-west-1")
START = Position("100")
KEY = shard_key("flow-logs", "a")


def answer(*data: bytes, first: int = 101, is_last: bool = False) -> Answer:
    records = [Record(str(first + i), 1_000 + i, text) for i, text in enumerate(data)]
    return Answer(records, "" if is_last else "iterator", 0)


def read(*data: bytes, shard: str = "a", first: int = 101, is_last: bool = False) -> Read:
    key = shard_key("flow-logs", shard)
    return understand(shard, key, answer(*data, first=first, is_last=is_last), START)


def blocks_of(commit: Commit) -> list[Message]:
    return [message for message in commit.messages if message.topic == "vpcflow.blocks"]


def dead_of(commit: Commit) -> list[Message]:
    return [message for message in commit.messages if message.topic == "vpcflow.dead"]


def header(message: Message, name: str) -> str:
    return dict(message.headers)[name].decode()


def test_a_record_is_a_piece_with_its_place() -> None:
    found = read(line(), gzip.compress(line(action="REJECT")))
    assert [(p.text, p.sequence_number, p.arrival_ms) for p in found.pieces] == [
        (line(), "101", 1_000),
        (line(action="REJECT"), "102", 1_001),
    ]
    assert (found.records, found.control, found.refusals) == (2, 0, ())
    assert found.size == len(line()) + len(line(action="REJECT"))


def test_the_position_is_after_the_last_record() -> None:
    assert read(line(), line()).position == Position("102")


def test_the_last_record_counts_even_if_it_is_refused_or_shorter() -> None:
    """Sequence numbers differ in length: what comes last is last, however it sorts as text."""
    records = [Record("999", 1, line()), Record("1000", 2, b"")]
    found = understand("a", KEY, Answer(records, "iterator", 0), START)
    assert found.position == Position("1000")
    assert [refusal.sequence_number for refusal in found.refusals] == ["1000"]


def test_an_empty_answer_keeps_the_position() -> None:
    assert read().position == START
    at_time = Position(at_ms=1_700_000_000_000)
    assert understand("a", KEY, answer(), at_time).position == at_time


def test_a_first_record_replaces_the_time_that_reading_began_at() -> None:
    found = understand("a", KEY, answer(line()), Position(at_ms=1_700_000_000_000))
    assert found.position == Position("101")


@pytest.mark.parametrize("data", [(), (line(),)])
def test_a_null_iterator_ends_the_shard_also_when_records_come_with_it(data: Sequence[bytes]) -> None:
    found = read(*data, is_last=True)
    assert found.position.is_ended
    assert len(found.pieces) == len(data)
    assert found.position.sequence_number == ("101" if data else "100")


def test_control_messages_are_counted_and_are_no_lines() -> None:
    found = read(control_message(), line(), control_message())
    assert (found.control, len(found.pieces), found.refusals) == (2, 1, ())


def test_one_poison_record_refuses_nothing_but_itself() -> None:
    poison = gzip.compress(line())[:-8]
    found = read(line(), poison, b'{"x": 1}', line())
    assert [(r.why, r.data, r.sequence_number) for r in found.refusals] == [
        ("truncated gzip", poison, "102"),
        ("JSON, but no envelope", b'{"x": 1}', "103"),
    ]
    assert [piece.sequence_number for piece in found.pieces] == ["101", "104"]


def test_a_line_longer_than_a_block_is_refused_and_its_neighbours_are_not() -> None:
    long = b"x" * (BLOCK_MAX_BYTES + 1)
    found = read(block(line(), long, line(action="REJECT")))
    assert [(r.why, r.data) for r in found.refusals] == [("line too long", long)]
    assert [piece.text for piece in found.pieces] == [line(), line(action="REJECT")]


def test_numbers_go_on_by_one_from_the_last() -> None:
    long = block(*[line()] * 4000)
    commit = transaction([read(*[long] * 5)], 3, 41, NAMING)
    numbers = [int(header(message, "number")) for message in blocks_of(commit)]
    assert numbers == list(range(42, 42 + len(numbers)))
    assert len(numbers) > 1
    assert commit.number == numbers[-1]
    assert commit.state[NUMBER_KEY] == b"%d" % numbers[-1]


def test_everything_goes_to_the_partition_of_the_slot() -> None:
    commit = transaction([read(line(), b"")], 3, -1, NAMING)
    assert {(m.topic, m.partition, m.key) for m in commit.messages} == {
        ("vpcflow.blocks", 3, None),
        ("vpcflow.dead", 3, None),
    }


def test_a_block_says_where_it_is_from() -> None:
    (message,) = blocks_of(transaction([read(line(), line(), line())], 3, -1, NAMING))
    assert {name: value.decode() for name, value in message.headers} == {
        "number": "0",
        "source": "kinesis:flow-logs/a",
        "format": "default",
        "account": "123456789012",
        "region": "eu-west-1",
        "first": "101",
        "last": "103",
        "arrival_ms": "1000",
    }


def test_a_refused_record_says_why_and_from_where() -> None:
    (message,) = dead_of(transaction([read(line(), b'{"x": 1}')], 3, -1, NAMING))
    assert message.value == b'{"x": 1}'
    assert {name: value.decode() for name, value in message.headers} == {
        "why": "JSON, but no envelope",
        "count": "1",
        "from": "kinesis:flow-logs/a@102",
        "size": "8",
    }


def test_the_last_position_of_a_shard_wins_and_its_end_is_kept() -> None:
    reads = [read(line()), read(line(), shard="b"), read(line(), first=102), read(first=103, is_last=True)]
    last = replace(reads[-1], position=Position("102", is_ended=True))
    commit = transaction([*reads[:-1], last], 0, -1, NAMING)
    kept = {key: decode_position(value) for key, value in commit.state.items() if key != NUMBER_KEY and value}
    assert kept == {KEY: Position("102", is_ended=True), shard_key("flow-logs", "b"): Position("101")}


def test_answers_of_one_shard_share_blocks_and_shards_do_not() -> None:
    reads = [read(line()), read(line(), shard="b"), read(line(), first=102)]
    found = blocks_of(transaction(reads, 0, -1, NAMING))
    assert [(header(m, "source"), header(m, "first"), header(m, "last")) for m in found] == [
        ("kinesis:flow-logs/a", "101", "102"),
        ("kinesis:flow-logs/b", "101", "101"),
    ]


def test_an_end_without_records_is_a_transaction_without_blocks() -> None:
    commit = transaction([read(is_last=True)], 0, 7, NAMING)
    assert commit.messages == []
    assert commit.number == 7
    assert decode_position(commit.state[KEY] or b"").is_ended


def data_of(kind: int, name: str) -> tuple[bytes, list[bytes]]:
    """Return a record and the lines that must come out of it; none, where it is refused."""
    lines = [line(account_id=f"{name}-{i}") for i in range(kind)]
    match kind:
        case 0:
            return b"\x1f\x8b" + name.encode(), []
        case 1:
            return lines[0] + b"\n", lines
        case 2:
            events = [(str(i), i, text.decode()) for i, text in enumerate(lines)]
            return wrap_subscription("eni-all", events), lines
        case _:
            return gzip.compress(block(*lines)), lines


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 4), max_size=5)), max_size=6),
    st.integers(-1, 100),
)
def test_every_line_is_in_one_block_of_its_shard_in_order(
    answers: list[tuple[str, list[int]]], number: int
) -> None:
    expected: dict[str, list[bytes]] = {}
    reads, refused = [], 0
    for at, (shard, kinds) in enumerate(answers):
        made = [data_of(kind, f"{at}-{i}") for i, kind in enumerate(kinds)]
        expected.setdefault(shard, []).extend(one for _, lines in made for one in lines)
        refused += kinds.count(0)
        reads.append(read(*(data for data, _ in made), shard=shard, first=1000 * at))
    commit = transaction(reads, 0, number, NAMING)
    found: dict[str, list[bytes]] = {shard: [] for shard in expected}
    for message in blocks_of(commit):
        found[header(message, "source")[-1]] += (message.value or b"").split(b"\n")
    assert found == expected
    assert len(dead_of(commit)) == refused
    numbers = [int(header(message, "number")) for message in blocks_of(commit)]
    assert numbers == list(range(number + 1, commit.number + 1))
