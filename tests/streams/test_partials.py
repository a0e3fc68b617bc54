"""Partial sums: they travel unchanged, and how they are parted or compacted changes no total."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from zlib import crc32

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import partials
from streams.partials import MAP_BITS, Row, compact, decode, encode, estimate, frame, rows, split
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


def totals(found: Iterable[Row]) -> dict[tuple[int, str, int, int], tuple[int, ...]]:
    """Sum rows by key in the plainest way."""
    sums: dict[tuple[int, str, int, int], tuple[int, ...]] = {}
    for window, entity, action, protocol, flows, packets, size, first, last, ports, sources in found:
        key = window, entity, action, protocol
        a = sums.get(key, (0, 0, 0, 1 << 62, 0, 0, 0))
        maps = int.from_bytes(ports, "little"), int.from_bytes(sources, "little")
        sums[key] = (
            a[0] + flows,
            a[1] + packets,
            a[2] + size,
            min(a[3], first),
            max(a[4], last),
            a[5] | maps[0],
            a[6] | maps[1],
        )
    return sums


@settings(max_examples=30, deadline=None)
@given(st.lists(any_rows, max_size=20))
def test_rows_travel_unchanged(found: list[Row]) -> None:
    assert list(rows(decode(encode(frame(found))))) == found


@settings(max_examples=30, deadline=None)
@given(st.lists(any_rows, min_size=1, max_size=20), st.integers(1, 256))
def test_every_row_goes_to_the_partition_of_its_entity(found: list[Row], partitions: int) -> None:
    parts = split(frame(found), partitions)
    assert sorted(r for part in parts.values() for r in rows(part)) == sorted(found)
    for partition, part in parts.items():
        assert part.columns == list(partials.SCHEMA)
        assert {crc32(entity.encode()) % partitions for entity in part["entity"]} == {partition}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(any_rows, min_size=1, max_size=8), min_size=1, max_size=4))
def test_compacting_changes_no_total(parts: list[list[Row]]) -> None:
    compacted = list(compact([frame(part) for part in parts]))
    assert totals(compacted) == totals(r for part in parts for r in part)


def test_compacting_sums_equal_keys() -> None:
    parts = [frame([row(60, flows=n), row(60, action=1)]) for n in (1, 2, 3)]
    found = list(compact(parts))
    assert [r for r in found if r[2] == 0] == [row(60, flows=6)]


@pytest.mark.parametrize("value", [b"", b"nonsense", b"ARROW1\x00\x00", encode(frame([row(0)]))[:40]])
def test_foreign_bytes_raise(value: bytes) -> None:
    with pytest.raises((pl.exceptions.PolarsError, OSError)):
        decode(value)


@pytest.mark.parametrize("things", [0, 1, 2, 5, 20, 50])
def test_the_estimate_is_close(things: int) -> None:
    """Linear counting of 256 bits: a mean over many draws, since one draw may collide."""
    draw, found = Random(1), []
    for _ in range(400):
        bits = 0
        for _ in range(things):
            bits |= 1 << draw.randrange(MAP_BITS)
        found.append(estimate(bits))
    assert sum(found) / len(found) == pytest.approx(things, rel=0.05)


def test_the_estimate_grows_with_bits_and_is_finite_when_all_are_set() -> None:
    found = [estimate((1 << n) - 1) for n in range(MAP_BITS + 1)]
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] < 2000
