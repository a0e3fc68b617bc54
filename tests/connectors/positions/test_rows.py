"""The table of positions, and what a reset writes."""

from __future__ import annotations

import pytest

from connectors.kinesis.positions import Position, decode_position, shard_key
from connectors.positions.rows import BadReset, moves, rows

STREAM = "flow-logs@1700000000000"
NOW_MS = 1_800_000_000_000
READING = Position("123", arrival_ms=5, behind_ms=2_500, read_ms=1_700_000_000_000)
STATE = {
    0: {
        shard_key(STREAM, "s0"): READING.encode(),
        shard_key("other@5", "s0"): Position("9", is_ended=True).encode(),
        b"number": b"7",
        b"stream|flow-logs@1700000000000": b"{}",
    },
    1: {
        shard_key(STREAM, "s1"): Position().encode(),
        b"object|bucket|a|etag": b"{}",
        b"object|bucket|b|etag": b"{}",
        b"requests|0": bytes(8 + 2 * 16),
    },
}


def test_a_row_for_each_shard_and_one_for_what_is_many() -> None:
    found = rows(STATE, {0: "me/1@host"})
    assert [(r.source, r.shard, r.slot, r.position, r.behind_s, r.owner, r.state) for r in found] == [
        ("firehose", "", 1, "2 requests known", -1, "", ""),
        ("kinesis:flow-logs", "s0", 0, "123", 2.5, "me/1@host", "reading"),
        ("kinesis:flow-logs", "s1", 1, "TRIM_HORIZON", -1, "", "waiting for an instance"),
        ("kinesis:other", "s0", 0, "9", 0, "me/1@host", "ended"),
        ("s3:bucket", "", 1, "2 objects known", -1, "", ""),
    ]
    assert found[1].read_at == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("shard", "to", "places"),
    [
        ("", "beginning", {"s0": "TRIM_HORIZON", "s1": "TRIM_HORIZON"}),
        ("", "end", {"s0": f"@{NOW_MS}", "s1": f"@{NOW_MS}"}),
        ("", "2023-11-14T22:13:20Z", {"s0": "@1700000000000", "s1": "@1700000000000"}),
        ("", "2023-11-14 22:13:20", {"s0": "@1700000000000", "s1": "@1700000000000"}),
        ("s1", "beginning", {"s1": "TRIM_HORIZON"}),
        ("s0", "77", {"s0": "77"}),
        ("s0", "77:4", {"s0": "77:4"}),
    ],
)
def test_shards_are_moved(shard: str, to: str, places: dict[str, str]) -> None:
    written = moves(STATE, "kinesis:flow-logs", shard, to, NOW_MS)
    found = {
        key.decode().rpartition("|")[2]: decode_position(value or b"").place
        for values in written.values()
        for key, value in values.items()
    }
    assert found == places


def test_an_ended_shard_has_no_end_to_go_to() -> None:
    written = moves(STATE, "kinesis:other", "", "end", NOW_MS)
    assert written == {0: {shard_key("other@5", "s0"): Position("9", is_ended=True).encode()}}


@pytest.mark.parametrize(("source", "count"), [("s3:bucket", 2), ("firehose", 1)])
def test_what_is_done_is_forgotten(source: str, count: int) -> None:
    written = moves(STATE, source, "", "beginning", NOW_MS)
    assert [value for values in written.values() for value in values.values()] == [None] * count


@pytest.mark.parametrize(
    ("source", "shard", "to", "sentence"),
    [
        ("kinesis:nobody", "", "end", "is known: `vpcflow"),
        ("kinesis:flow-logs", "s9", "end", "is known: `vpcflow"),
        ("kinesis:flow-logs", "", "77", "add --shard"),
        ("kinesis:flow-logs", "s0", "soon", "is not a position"),
        ("kinesis:flow-logs", "s0", "7:x", "is not a position"),
        ("s3:bucket", "", "end", "beginning only"),
        ("other", "", "beginning", "beginning only"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(source: str, shard: str, to: str, sentence: str) -> None:
    with pytest.raises(BadReset, match=sentence):
        moves(STATE, source, shard, to, NOW_MS)
