"""Answer to transaction: every line in one block or in `dead`, contiguous numbers, the last position."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from connectors.commit import content
from connectors.commit.content import Commit, Refusal
from connectors.formats.by_log_group import Formats
from connectors.formats.envelope import control_message, wrap_subscription
from connectors.kafka.blocks import BLOCK_MAX_BYTES, LINES_KEY, NUMBER_KEY, Sent
from connectors.kafka.health_messages import HealthRecord, decode_health
from connectors.kafka.messages import Message
from connectors.kinesis.answers import GetRecordsResponse, KinesisRecord
from connectors.kinesis.positions import Position, decode_position, shard_key
from connectors.kinesis.transaction import (
    Naming,
    ParseContext,
    ShardBatch,
    content_of,
    joined,
    parse_records,
)
from connectors.progress import NONE
from tests.build import aggregate, block, line

PREFIX = "vpcflow."
STREAM = "flow-logs@1"
NAMING = Naming("flow-logs", "123456789012", "eu-west-1")
CONTEXT = ParseContext(NAMING, STREAM, Formats("default"))
START = Position("100")
NOW_MS = 9_000
KEY = shard_key(STREAM, "a")


def answer(*data: bytes, first: int = 101, is_last: bool = False) -> GetRecordsResponse:
    records = [KinesisRecord(str(first + i), 1_000 + i, text) for i, text in enumerate(data)]
    return GetRecordsResponse(records, "" if is_last else "iterator", 0)


def read(*data: bytes, shard: str = "a", first: int = 101, is_last: bool = False) -> ShardBatch:
    return understood(answer(*data, first=first, is_last=is_last), START, shard)


def understood(found: GetRecordsResponse, position: Position, shard: str = "a") -> ShardBatch:
    return joined(list(parse_records(CONTEXT, shard, found, position, NOW_MS)))


def place_of(found: ShardBatch) -> Position:
    """Return where a read leaves its shard, without what is for people."""
    return replace(found.position, arrival_ms=0, behind_ms=0, read_ms=0, newest=NONE)


def transaction(batches: Sequence[ShardBatch], slot: int, sent: Sent, prefix: str) -> Commit:
    return content.transaction(content_of(batches), slot, sent, prefix)


def position_of(refusal: Refusal) -> str:
    return refusal.origin.partition("@")[2]


def blocks_of(commit: Commit) -> list[Message]:
    return [message for message in commit.messages if message.topic == "vpcflow.blocks"]


def dead_of(commit: Commit) -> list[Message]:
    return [message for message in commit.messages if message.topic == "vpcflow.dead"]


def header(message: Message, name: str) -> str:
    return dict(message.headers)[name].decode()


def test_a_record_is_a_piece_with_its_place() -> None:
    found = read(line(), gzip.compress(line(action="REJECT")))
    assert [(p.text, p.first, p.arrival_ms) for p in found.chunks] == [
        (line(), "101", 1_000),
        (line(action="REJECT"), "102", 1_001),
    ]
    assert (found.records, found.control, found.refusals) == (2, 0, ())
    assert found.size == len(line()) + len(line(action="REJECT"))


def test_the_position_is_after_the_last_record() -> None:
    assert place_of(read(line(), line())) == Position("102")


def test_the_last_record_counts_even_if_it_is_refused_or_shorter() -> None:
    """Sequence numbers differ in length: what comes last is last, however it sorts as text."""
    records = [KinesisRecord("999", 1, line()), KinesisRecord("1000", 2, b"")]
    found = understood(GetRecordsResponse(records, "iterator", 0), START)
    assert place_of(found) == Position("1000")
    assert [position_of(refusal) for refusal in found.refusals] == ["1000"]


def test_an_empty_answer_keeps_the_position() -> None:
    assert place_of(read()) == START
    at_time = Position(at_ms=1_700_000_000_000)
    assert place_of(understood(answer(), at_time)) == at_time


def test_a_first_record_replaces_the_time_that_reading_began_at() -> None:
    at_time = Position(at_ms=1_700_000_000_000)
    assert place_of(understood(answer(line()), at_time)) == Position("101")


@pytest.mark.parametrize("data", [(), (line(),)])
def test_a_null_iterator_ends_the_shard_also_when_records_come_with_it(data: Sequence[bytes]) -> None:
    found = read(*data, is_last=True)
    assert found.position.is_ended
    assert len(found.chunks) == len(data)
    assert found.position.sequence_number == ("101" if data else "100")


def test_control_messages_are_counted_and_are_no_lines() -> None:
    found = read(control_message(), line(), control_message())
    assert (found.control, len(found.chunks), found.refusals) == (2, 1, ())


def test_one_poison_record_refuses_nothing_but_itself() -> None:
    poison = gzip.compress(line())[:-8]
    found = read(line(), poison, b'{"x": 1}', line())
    assert [(r.why, r.data, position_of(r)) for r in found.refusals] == [
        ("truncated gzip", poison, "102"),
        ("JSON object that is not a flow log", b'{"x": 1}', "103"),
    ]
    assert [chunk.first for chunk in found.chunks] == ["101", "104"]


def test_a_line_longer_than_a_block_is_refused_and_its_neighbours_are_not() -> None:
    long = b"x" * (BLOCK_MAX_BYTES + 1)
    found = read(block(line(), long, line(action="REJECT")))
    assert [(r.why, r.data) for r in found.refusals] == [("line too long", long)]
    assert [chunk.text for chunk in found.chunks] == [line(), line(action="REJECT")]


def test_numbers_go_on_by_one_from_the_last() -> None:
    long = block(*[line()] * 4000)
    commit = transaction([read(*[long] * 5)], 3, Sent(41), PREFIX)
    numbers = [int(header(message, "number")) for message in blocks_of(commit)]
    assert numbers == list(range(42, 42 + len(numbers)))
    assert len(numbers) > 1
    assert commit.sent.number == numbers[-1]
    assert commit.state[NUMBER_KEY] == b"%d" % numbers[-1]


def test_everything_goes_to_the_partition_of_the_slot() -> None:
    commit = transaction([read(line(), b"")], 3, Sent(), PREFIX)
    assert {(m.topic, m.partition, m.key) for m in commit.messages} == {
        ("vpcflow.blocks", 3, None),
        ("vpcflow.dead", 3, None),
    }


def test_a_block_says_where_it_is_from() -> None:
    (message,) = blocks_of(transaction([read(line(), line(), line())], 3, Sent(), PREFIX))
    assert {name: value.decode() for name, value in message.headers} == {
        "number": "0",
        "counted_before": "0",
        "count": "3",
        "source": "kinesis:flow-logs/a",
        "format": "default",
        "account": "123456789012",
        "region": "eu-west-1",
        "first": "101",
        "last": "103",
        "arrival_ms": "1000",
        "newest_arrival_ms": "1002",
    }


def test_a_refused_record_says_why_and_from_where() -> None:
    (message,) = dead_of(transaction([read(line(), b'{"x": 1}')], 3, Sent(), PREFIX))
    assert message.value == b'{"x": 1}'
    assert {name: value.decode() for name, value in message.headers} == {
        "why": "JSON object that is not a flow log",
        "count": "1",
        "from": "kinesis:flow-logs/a@102",
        "size": "8",
    }


def test_the_last_position_of_a_shard_wins_and_its_end_is_kept() -> None:
    reads = [read(line()), read(line(), shard="b"), read(line(), first=102), read(first=103, is_last=True)]
    commit = transaction(reads, 0, Sent(), PREFIX)
    kept = {
        key: decode_position(value)
        for key, value in commit.state.items()
        if key not in (NUMBER_KEY, LINES_KEY) and value
    }
    places = {key: (position.place, position.is_ended) for key, position in kept.items()}
    assert places == {KEY: ("100", True), shard_key(STREAM, "b"): ("101", False)}


def test_answers_of_one_shard_share_blocks_and_shards_do_not() -> None:
    reads = [read(line()), read(line(), shard="b"), read(line(), first=102)]
    found = blocks_of(transaction(reads, 0, Sent(), PREFIX))
    assert [(header(m, "source"), header(m, "first"), header(m, "last")) for m in found] == [
        ("kinesis:flow-logs/a", "101", "102"),
        ("kinesis:flow-logs/b", "101", "101"),
    ]


def test_an_end_without_records_is_a_transaction_without_blocks() -> None:
    commit = transaction([read(is_last=True)], 0, Sent(7), PREFIX)
    assert commit.messages == []
    assert commit.sent.number == 7
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
        reads.append(read(*(data for data, _ in made), shard=shard, first=1000 * at + 200))
    commit = transaction(reads, 0, Sent(number), PREFIX)
    found: dict[str, list[bytes]] = {shard: [] for shard in expected}
    for message in blocks_of(commit):
        found[header(message, "source")[-1]] += (message.value or b"").split(b"\n")
    assert found == expected
    assert len(dead_of(commit)) == refused
    numbers = [int(header(message, "number")) for message in blocks_of(commit)]
    assert numbers == list(range(number + 1, commit.sent.number + 1))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 99)), max_size=12), st.booleans(), st.data())
def test_understood_in_parts_an_answer_comes_to_the_same(
    kinds: list[tuple[int, int]], is_last: bool, data: st.DataObject
) -> None:
    found = answer(*(data_of(kind, f"eni-{nth}")[0] for kind, nth in kinds), is_last=is_last)
    start = Position(str(100 + data.draw(st.integers(0, len(kinds)))))
    whole = understood(found, start)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.kinesis.transaction.PART_BYTES", data.draw(st.integers(1, 500)))
        assert understood(found, start) == whole


@given(st.integers(1, 500), st.integers(0, 300))
def test_cut_in_any_part_the_rest_is_asked_for_from_there(part_bytes: int, max_bytes: int) -> None:
    """No line is lost or doubled when what was left is understood from the place of what was cut."""
    found = answer(*[line(account_id=str(nth)) for nth in range(9)], is_last=True)
    texts: list[bytes] = []
    place = START
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.kinesis.transaction.PART_BYTES", part_bytes)
        patch.setattr("connectors.kinesis.transaction.TEXT_MAX_BYTES", max_bytes)
        while not place.is_ended:
            read = understood(found, place)
            assert read.is_cut == (not read.position.is_ended)
            texts += [chunk.text for chunk in read.chunks]
            place = read.position
    assert texts == [record.data for record in found.records]


def test_bombs_of_an_answer_count_together_whatever_parts_they_are_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.kinesis.transaction.PART_BYTES", 1)
    bomb = igzip.compress(bytes(40 << 20), 1)
    found = understood(answer(*[bomb] * 5, line()), START)
    assert (len(found.refusals), found.is_cut, place_of(found)) == (3, True, Position("103"))


def test_a_part_is_as_far_behind_as_its_own_last_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.kinesis.transaction.PART_BYTES", 1)
    records = [
        KinesisRecord("101", 1_000, b"a"),
        KinesisRecord("102", 4_000, b"b"),
        KinesisRecord("103", 9_000, b"c"),
    ]
    parts = list(parse_records(CONTEXT, "a", GetRecordsResponse(records, "", 500), START, NOW_MS))
    assert [(part.position.behind_ms, part.position.is_ended) for part in parts] == [
        (8_500, False),
        (5_500, False),
        (500, True),
    ]


def test_what_is_done_is_passed_over() -> None:
    """An iterator by time begins before our place; numbers are compared as integers."""
    records = [KinesisRecord(number, 1, line()) for number in ("99", "100", "101", "1000")]
    found = understood(GetRecordsResponse(records, "iterator", 0), START)
    assert [chunk.first for chunk in found.chunks] == ["101", "1000"]
    assert found.records == 2
    done = understood(GetRecordsResponse(records[:2], "iterator", 0), START)
    assert (done.records, place_of(done)) == (0, START)


def test_a_place_inside_an_aggregate_goes_on_behind_it() -> None:
    lines = [line(account_id=str(i)) for i in range(4)]
    records = [KinesisRecord("100", 1, aggregate(*lines)), KinesisRecord("101", 2, line())]
    inside = Position("100", sub=1)
    found = understood(GetRecordsResponse(records, "iterator", 0), inside)
    assert [chunk.text for chunk in found.chunks] == [block(*lines[2:]), line()]
    assert place_of(found) == Position("101")


def test_a_bad_user_record_is_refused_by_its_own_place() -> None:
    found = read(aggregate(line(), b"\x1f\x8b", line()))
    assert [(one.why, position_of(one)) for one in found.refusals] == [("truncated gzip", "101:1")]
    assert [chunk.text for chunk in found.chunks] == [block(line(), line())]


def test_what_is_to_be_said_goes_with_the_transaction() -> None:
    said = HealthRecord("trimmed", "kinesis:flow-logs/a", 1, "lost")
    commit = transaction([ShardBatch(NAMING, "a", state={b"k": b"v"}, health=(said,))], 3, Sent(7), PREFIX)
    assert commit.state == {b"k": b"v", NUMBER_KEY: b"7", LINES_KEY: b"0"}
    [message] = commit.messages
    assert (message.topic, message.partition) == ("vpcflow.health", 3)
    assert decode_health(message.value or b"") == said


def test_an_answer_of_too_much_text_is_cut_and_the_rest_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.kinesis.transaction.TEXT_MAX_BYTES", 2 * len(line()) - 1)
    found = read(*[line()] * 5, is_last=True)
    assert (found.is_cut, found.records, found.position.is_ended) == (True, 2, False)
    assert found.position.sequence_number == "102"
    whole = read(*[line()] * 2, is_last=True)
    assert (whole.is_cut, whole.position.is_ended) == (False, True)


def test_what_is_refused_is_held_too() -> None:
    found = read(b"\x1f\x8b" + bytes(500), line())
    assert (found.size, found.held) == (len(line()), len(line()) + 502)
