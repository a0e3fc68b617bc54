"""Tables of totals: merging changes no total, in any order and any parts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.sums.partials import Row, frame
from streams.windows import window_table
from streams.windows.fold import Rows
from streams.windows.maps import Maps
from streams.windows.names import Names
from tests.build import bits_of, row

ENTITIES = ["eni-00000000000000001", "eni-00000000000000002", "nat-1", "-"]

any_rows = st.builds(
    row,
    window=st.sampled_from([0, 60, 1_700_000_040, 99_999_999_960]),
    entity=st.sampled_from(ENTITIES),
    action=st.integers(0, 4),
    flows=st.integers(1, 1 << 40),
    protocol=st.sampled_from([0, 6, 255, 256]),
    first=st.integers(0, 1 << 33),
)
some_parts = st.lists(st.lists(any_rows, min_size=1, max_size=8), min_size=1, max_size=4)

Key = tuple[int, str, int, int]


def totals(found: Iterable[Row]) -> dict[Key, tuple[int, ...]]:
    """Sum rows by key in the plainest way."""
    sums: dict[Key, tuple[int, ...]] = {}
    for window, entity, action, protocol, flows, packets, size, first, last, maps in found:
        ports, sources = bits_of(maps)
        a = sums.get((window, entity, action, protocol), (0, 0, 0, 1 << 62, 0, 0, 0))
        sums[window, entity, action, protocol] = (
            a[0] + flows,
            a[1] + packets,
            a[2] + size,
            min(a[3], first),
            max(a[4], last),
            a[5] | ports,
            a[6] | sources,
        )
    return sums


def table(parts: list[list[Row]], names: Names, maps: Maps) -> Rows:
    return window_table.merged([window_table.of_frame(frame(part), names, maps) for part in parts], maps)


def told(rows: Rows, names: Names, maps: Maps) -> list[Row]:
    """Return the rows of a table as those of partials."""
    return window_table.to_frame(rows, names, maps).drop("revision", "account", "region").rows()


@given(some_parts)
def test_merging_changes_no_total_and_leaves_each_key_once(parts: list[list[Row]]) -> None:
    names, maps = Names(), Maps()
    rows = told(table(parts, names, maps), names, maps)
    assert totals(rows) == totals(r for part in parts for r in part)
    assert len({r[:4] for r in rows}) == len(rows)


@given(some_parts, st.data())
def test_the_order_of_parts_does_not_matter(parts: list[list[Row]], data: st.DataObject) -> None:
    names = Names()
    names.codes(ENTITIES)
    shuffled = data.draw(st.permutations(parts))
    maps, others = Maps(), Maps()
    rows, again = table(parts, names, maps), table(shuffled, names, others)
    assert told(rows, names, maps) == told(again, names, others)


@given(some_parts)
def test_cells_hold_the_rows_of_all_protocols(parts: list[list[Row]]) -> None:
    names, maps = Names(), Maps()
    rows = table(parts, names, maps)
    cut = window_table.Cells.of(rows, maps)
    found = cut.totals
    assert cut.lengths.sum() == len(rows)
    assert found["flows"].sum() == rows["flows"].sum()
    keys = zip(
        found["window"].tolist(),
        names.of(window_table.entity_of(found)),
        window_table.action_of(found).tolist(),
        strict=True,
    )
    assert set(keys) == {r[:3] for part in parts for r in part}


@given(some_parts)
def test_windows_are_cut_apart_and_keep_their_rows(parts: list[list[Row]]) -> None:
    rows = table(parts, Names(), Maps())
    tables = window_table.by_window(rows)
    assert [len(set(t["window"].tolist())) for t in tables] == [1] * len(tables)
    assert np.array_equal(np.concatenate(tables), rows)


@given(some_parts, st.data())
def test_a_mark_spreads_to_the_whole_window_of_its_entity_and_no_further(
    parts: list[list[Row]], data: st.DataObject
) -> None:
    maps = Maps()
    found = window_table.Cells.of(table(parts, Names(), maps), maps).totals
    marked = np.array(data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found))))
    owners = list(zip(found["window"].tolist(), window_table.entity_of(found).tolist(), strict=True))
    spread = {owner for owner, mark in zip(owners, marked.tolist(), strict=True) if mark}
    assert window_table.any_of_entity(found, marked).tolist() == [owner in spread for owner in owners]
