"""Blocks: cut at line ends, joined below the maximum, and placed by their headers alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.blocks import (
    BLOCK_MAX_BYTES,
    LINES_KEY,
    NUMBER_KEY,
    BlockWriter,
    ProgressReport,
    Provenance,
    Sent,
    join,
    split,
)
from connectors.kafka.dead import VALUE_MAX_BYTES, dead_message
from connectors.progress import PROGRESS_KEY, SlotProgress, decode_progress
from tests.build import block, line

MAX = 10
some_text = st.text("ab\n", max_size=60).map(str.encode)


@given(some_text, st.integers(1, 20))
def test_pieces_of_a_text_put_together_are_the_text(text: bytes, max_bytes: int) -> None:
    pieces = [piece for piece, _ in split(text, max_bytes)]
    assert b"\n".join(pieces) in {text, text.removesuffix(b"\n")}


@given(some_text, st.integers(1, 20))
def test_no_piece_is_longer_than_the_maximum_but_a_refused_line(text: bytes, max_bytes: int) -> None:
    for piece, fits in split(text, max_bytes):
        assert fits == (len(piece) <= max_bytes)
        assert fits or b"\n" not in piece


@given(st.lists(st.text("ab", max_size=14).map(str.encode), max_size=20))
def test_every_line_comes_out_whole(found: list[bytes]) -> None:
    pieces = list(split(block(*found), MAX))
    lines = [one for piece, fits in pieces if fits for one in piece.split(b"\n") if one]
    refused = [piece for piece, fits in pieces if not fits]
    assert lines == [one for one in found if one and len(one) <= MAX]
    assert refused == [one for one in found if len(one) > MAX]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (b"", []),
        (b"a", [(b"a", True)]),
        (b"a" * MAX, [(b"a" * MAX, True)]),
        (b"a" * (MAX + 1), [(b"a" * (MAX + 1), False)]),
        (b"a" * MAX + b"\n", [(b"a" * MAX, True)]),
        (b"aaaa\nbbbbb\nc", [(b"aaaa\nbbbbb", True), (b"c", True)]),
        (b"aaaa\nbbbbbb\nc", [(b"aaaa", True), (b"bbbbbb\nc", True)]),
        (b"a\n" + b"b" * 30 + b"\nc", [(b"a", True), (b"b" * 30, False), (b"c", True)]),
    ],
)
def test_text_is_cut_at_the_last_line_end_that_fits(text: bytes, pieces: list[tuple[bytes, bool]]) -> None:
    assert list(split(text, MAX)) == pieces


def test_a_mebibyte_without_newline_fits_and_a_byte_more_does_not() -> None:
    assert [fits for _, fits in split(b"x" * BLOCK_MAX_BYTES)] == [True]
    assert [fits for _, fits in split(b"x" * (BLOCK_MAX_BYTES + 1))] == [False]


def test_a_large_text_needs_few_pieces() -> None:
    text = block(*[line()] * 40_000)
    pieces = [piece for piece, _ in split(text)]
    assert b"\n".join(pieces) == text
    assert len(pieces) == -(-len(text) // BLOCK_MAX_BYTES)


@given(st.lists(st.integers(0, MAX), max_size=30))
def test_each_piece_is_in_exactly_one_group_and_in_order(sizes: list[int]) -> None:
    texts = [b"x" * size for size in sizes]
    groups = list(join(texts, MAX))
    assert [index for group in groups for index in group] == list(range(len(texts)))
    for group in groups:
        assert group
        assert len(b"\n".join(texts[i] for i in group)) <= MAX


@given(st.lists(st.integers(0, MAX), max_size=30))
def test_neighbouring_groups_would_not_fit_together(sizes: list[int]) -> None:
    texts = [b"x" * size for size in sizes]
    groups = list(join(texts, MAX))
    for group, following in pairwise(groups):
        assert sum(sizes[i] + 1 for i in group) + sizes[following[0]] + 1 > MAX


WHERE = Provenance(
    "kinesis:s/shard-1", "default", "1234", "eu-west-1", "49", "50", 1_700_000_000_123, 1_700_000_000_456
)


def test_headers_say_where_a_block_is_from_and_what_it_counts() -> None:
    writer = BlockWriter("vpcflow.", 3, Sent(6, 100))
    writer.add([b"a", b"b\nc"], WHERE)
    (message,) = writer.messages
    assert (message.topic, message.partition, message.value) == ("vpcflow.blocks", 3, b"a\nb\nc")
    assert message.headers == (
        ("number", b"7"),
        ("counted_before", b"100"),
        ("count", b"3"),
        ("source", b"kinesis:s/shard-1"),
        ("format", b"default"),
        ("account", b"1234"),
        ("region", b"eu-west-1"),
        ("first", b"49"),
        ("last", b"50"),
        ("arrival_ms", b"1700000000123"),
        ("newest_arrival_ms", b"1700000000456"),
    )
    assert writer.state == {NUMBER_KEY: b"7", LINES_KEY: b"103"}
    assert Sent.of({NUMBER_KEY: b"7", LINES_KEY: b"103"}) == writer.sent == Sent(7, 103)


def test_progress_goes_with_the_last_block() -> None:
    writer = BlockWriter("vpcflow.", 3, Sent())
    writer.add([b"a"], WHERE)
    writer.add([b"b"], WHERE)
    writer.report(ProgressReport(SlotProgress(newest=60, reported_ms=9), 50, True))
    first, last = (dict(m.headers) for m in writer.messages)
    assert "watermark" not in first
    assert (last["watermark"], last["caught_up"]) == (b"50", b"1")
    kept = writer.state[PROGRESS_KEY]
    assert decode_progress(kept or b"") == SlotProgress(newest=60, reported_ms=9)


def test_progress_without_lines_is_a_block_of_its_own() -> None:
    writer = BlockWriter("vpcflow.", 3, Sent(6, 100))
    writer.report(ProgressReport(SlotProgress()))
    (message,) = writer.messages
    assert (message.value, dict(message.headers)) == (
        b"",
        {"number": b"7", "counted_before": b"100", "count": b"0", "watermark": b"-1", "caught_up": b"0"},
    )


def test_what_is_too_long_for_dead_is_cut_and_its_length_told() -> None:
    refused = b"x" * (VALUE_MAX_BYTES + 1)
    message = dead_message("vpcflow.", 3, "line too long", refused, 1, "kinesis:s/1@2")
    assert (message.topic, message.partition, message.key) == ("vpcflow.dead", 3, None)
    assert message.value is not None
    assert len(message.value) == VALUE_MAX_BYTES
    assert dict(message.headers) == {
        "why": b"line too long",
        "count": b"1",
        "from": b"kinesis:s/1@2",
        "size": b"%d" % (VALUE_MAX_BYTES + 1),
    }
