"""Partial sums: they travel unchanged, and how they are parted changes no row."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sums import partials
from streams.sums.partials import MAP_BITS, Row, decode, encode, estimate, frame, rows
from tests.build import row

ENTITIES = ["eni-00000000000000001", "eni-00000000000000002", "nat-1", "-"]

any_rows = st.builds(
    row,
    window=st.sampled_from([0, 60, 1_700_000_040]),
    entity=st.sampled_from(ENTITIES),
    action=st.integers(0, 4),
    flows=st.integers(1, 1 << 40),
    protocol=st.sampled_from([0, 6, 255, 256]),
    first=st.integers(0, 1 << 33),
)


@given(st.lists(any_rows, max_size=20))
def test_rows_travel_unchanged(found: list[Row]) -> None:
    assert rows(decode(encode(frame(found)))) == found


@pytest.mark.parametrize("value", [b"", b"nonsense", b"ARROW1\x00\x00", encode(frame([row(0)]))[:40]])
def test_foreign_bytes_raise(value: bytes) -> None:
    with pytest.raises((pl.exceptions.PolarsError, OSError)):
        decode(value)


@pytest.mark.parametrize("things", [0, 1, 2, 5, 20, 50])
def test_the_estimate_is_close(things: int) -> None:
    """Linear counting: a mean over many draws, since one draw may collide."""
    draw, found = Random(1), []
    for _ in range(400):
        found.append(estimate(len({draw.randrange(MAP_BITS) for _ in range(things)})))
    assert sum(found) / len(found) == pytest.approx(things, rel=0.05)


def test_the_estimate_grows_with_bits_and_is_finite_when_all_are_set() -> None:
    found = [estimate(n) for n in range(MAP_BITS + 1)]
    assert found == sorted(found)
    assert found[0] == 0
    assert 4000 < found[-1] < 8000


def test_rows_of_the_layout_before_are_read_with_unknown_counts() -> None:
    """Their 256-bit maps used another hash: merged with today's they would count wrongly."""
    old = pl.Array(pl.UInt64, 4)
    today = frame([row(60, action=1), row(60)])
    before = today.drop("maps", *partials.ORIGIN).with_columns(
        ports=pl.lit([7, 0, 0, 1], dtype=old), sources=pl.lit([1, 0, 0, 0], dtype=old)
    )
    assert rows(decode(encode(before))) == [(*one[:-1], b"") for one in rows(today)]
    assert partials.in_current_layout(today).equals(today)
    state = today.with_columns(revision=pl.lit(3, pl.Int64))
    read = partials.in_current_layout(before.with_columns(revision=pl.lit(3, pl.Int64)))
    assert read.drop("maps").equals(state.select(read.drop("maps").columns))


def test_rows_of_format_2_have_no_origin() -> None:
    today = frame([row(60, action=1), row(60)], "123456789012", "us-east-1")
    assert decode(encode(today)).select(partials.ORIGIN).rows() == [("123456789012", "us-east-1")] * 2
    before = decode(encode(today.drop(partials.ORIGIN)))
    assert before.equals(frame(rows(today)))
