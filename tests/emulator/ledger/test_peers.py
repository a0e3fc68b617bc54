"""Who talked to whom at which ports, as a ledger tells it: exact sums, the largest first, a bounded list."""

from __future__ import annotations

from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.ledger.peers import LISTED_MAX, Peers, Rows

NAMES = ("eni", "action", "peer", "port", "bytes")
Row = tuple[str, str, str, int, int]
row = st.tuples(
    st.sampled_from(["eni-1", "eni-2", "eni-3"]),
    st.sampled_from(["ACCEPT", "REJECT", "NODATA", "SKIPDATA"]),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "-"]),
    st.sampled_from([0, 22, 443, 5432]),
    st.integers(0, 1 << 40),
)


def frame(rows: list[Row]) -> pl.DataFrame:
    types = (pl.String, pl.String, pl.String, pl.Int64, pl.Int64)
    return pl.DataFrame(rows, schema=dict(zip(NAMES, types, strict=True)), orient="row")


def counted(rows: list[Row], place: int) -> Rows:
    """Count without columns."""
    sums: dict[tuple[str, str | int], list[int]] = defaultdict(lambda: [0, 0])
    for one in rows:
        if one[1] in ("ACCEPT", "REJECT"):
            sums[one[0], one[place]][0] += 1
            sums[one[0], one[place]][1] += one[4]
    rows: Rows = {}
    for (eni, name), (flows, size) in sorted(
        sums.items(), key=lambda one: (one[0][0], -one[1][1], one[0][1])
    ):
        rows.setdefault(eni, []).append([name, flows, size])
    return rows


@given(st.lists(st.lists(row, max_size=12), max_size=5))
def test_sums_are_those_of_a_count_of_the_rows_however_they_are_split(parts: list[list[Row]]) -> None:
    found = Peers()
    for part in parts:
        found.add(frame(part))
    rows = [one for part in parts for one in part]
    assert found.by_peer() == counted(rows, 2)
    assert found.by_port() == counted(rows, 3)


@pytest.mark.bulk
def test_hundreds_of_thousands_of_peers_are_summed_on_the_way_and_stay_right() -> None:
    count, parts = 110_000, 4
    numbers = pl.int_range(count, eager=True)
    many = pl.DataFrame(
        {
            "eni": pl.repeat("eni-1", count, eager=True),
            "action": pl.repeat("ACCEPT", count, eager=True),
            "peer": numbers.cast(pl.String),
            "port": numbers % 3,
            "bytes": numbers,
        }
    )
    found = Peers()
    for _ in range(parts):
        found.add(many)
    largest = [[str(nth), parts, parts * nth] for nth in range(count - 1, count - 1 - LISTED_MAX, -1)]
    assert found.by_peer() == {"eni-1": largest}
    flows = sum(one for _, one, _ in found.by_port()["eni-1"])
    assert flows == parts * count


def test_only_the_largest_are_told() -> None:
    found = Peers()
    found.add(frame([("eni-1", "ACCEPT", f"10.0.{nth >> 8}.{nth & 255}", 1, nth) for nth in range(400)]))
    rows = found.by_peer()["eni-1"]
    assert [size for _, _, size in rows] == list(range(399, 399 - LISTED_MAX, -1))
    assert found.by_port() == {"eni-1": [[1, 400, sum(range(400))]]}


def test_nothing_added_is_nothing_told() -> None:
    assert Peers().by_peer() == Peers().by_port() == {}
