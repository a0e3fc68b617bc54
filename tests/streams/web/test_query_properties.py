"""The queries of the page equal plain sums over aggregates, for any traffic, range and order."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.progress import SlotProgress
from streams.records import Aggregate
from streams.web import query
from streams.web.state import settling
from tests.streams.web.boards import ACTIONS, BEGIN, ENIS, W, board_of, rejects, traffic, within

VALUES: dict[str, Callable[[Aggregate], int]] = {
    "bytes": lambda one: one.bytes,
    "packets": lambda one: one.packets,
    "flows": lambda one: one.flows,
    "rejects": rejects,
}
ranges = st.sampled_from(sorted(query.RANGES_S.values()))
orders = st.sampled_from(query.ORDERS)


def by_eni(found: Sequence[Aggregate], value: Callable[[Aggregate], int]) -> dict[str, int]:
    """Return the sums of a value by ENI; rows about the log are no traffic."""
    sums: dict[str, int] = defaultdict(int)
    for one in found:
        if one.action in ACTIONS[:3]:
            sums[one.eni] += value(one)
    return sums


@given(traffic, ranges)
def test_the_chart_has_the_totals_of_each_window_by_action(found: list[Aggregate], range_s: int) -> None:
    seen = within(found, range_s)
    expected = []
    for start in sorted({one.window_start for one in seen}):
        own = [one for one in seen if one.window_start == start]
        sums = [
            sum(VALUES[name](one) for one in own if one.action == action)
            for action in ACTIONS[:3]
            for name in ("flows", "packets", "bytes")
        ]
        expected.append((start, W, *sums, int(all(one.final for one in own))))
    assert query.series(board_of(found).history, range_s) == expected


@given(traffic, ranges, orders, st.integers(1, 6))
def test_the_table_has_the_largest_enis_in_order_and_the_sum_of_the_others(
    found: list[Aggregate], range_s: int, by: str, n: int
) -> None:
    seen = within(found, range_s)
    sums = by_eni(seen, VALUES[by])
    busy = {one.eni for one in seen if one.action in ACTIONS[:3] and (one.flows + one.packets + one.bytes)}
    named = sorted((eni for eni in busy if sums[eni]), key=lambda eni: (-sums[eni], eni))[:n]
    table = query.top(board_of(found).history, by, range_s, n)
    assert [row.eni for row in table.rows] == named
    for name, value in VALUES.items():
        expected = by_eni(seen, value)
        assert [getattr(row, name) for row in table.rows] == [expected[eni] for eni in named]
        assert getattr(table.total, name) == sum(expected.values())
        rest = sum(expected.values()) - sum(expected[eni] for eni in named)
        assert (getattr(table.other, name) if table.other else 0) == rest
    assert table.others == len(busy) - len(named)
    whole = sum(sums.values())
    assert [row.share for row in table.rows] == [sums[eni] / whole for eni in named]


@given(traffic, orders)
def test_csv_reads_back_as_the_table(found: list[Aggregate], by: str) -> None:
    table = query.top(board_of(found).history, by, 3600, 3)
    read = list(
        csv.DictReader(
            io.StringIO(query.to_csv(table, {eni: f"={eni}" for eni in (*ENIS, "eni-z")}), newline="")
        )
    )
    rows = [*table.rows, *([table.other] if table.other else []), table.total]
    assert [one["eni"] for one in read] == [row.eni for row in rows]
    assert [one["name"] for one in read[: len(table.rows)]] == [f"'={row.eni}" for row in table.rows]
    for one, row in zip(read, rows, strict=True):
        assert [int(one[name]) for name in query.ORDERS] == [getattr(row, name) for name in query.ORDERS]
        assert float(one["share_percent"]) == pytest.approx(100 * row.share, abs=0.001)


@given(traffic, st.integers(-600, 13_000), st.integers(0, 20_000))
def test_the_numbers_are_those_of_the_newest_settled_window(
    found: list[Aggregate], complete_s: int, now_s: int
) -> None:
    board, now = board_of(found), float(BEGIN + now_s)
    board.progress.count = 1
    complete_to = BEGIN + complete_s
    board.take_progress(0, SlotProgress((), 1, complete_to, complete_to, 0).encode())
    windows = board.history.windows()
    until = min(complete_to, windows[-1].end - 1) - settling.FIRST_S if windows else 0
    settled = [window for window in windows if window.is_final or window.end <= until]
    numbers = query.numbers(board, now)
    if not settled:
        assert (numbers.window_start, numbers.flows_per_s, numbers.reject_percent) == (None, None, None)
        assert numbers.open_from == (windows[0].start if windows else None)
        return
    newest = settled[-1]
    own = [one for one in found if one.window_start == newest.start]
    flows = {action: sum(one.flows for one in own if one.action == action) for action in ACTIONS}
    decided = flows["ACCEPT"] + flows["REJECT"]
    assert (numbers.window_start, numbers.window_end) == (newest.start, newest.end)
    assert numbers.flows_per_s == (decided + flows["-"]) / W
    assert numbers.reject_percent == (100 * flows["REJECT"] / decided if decided else None)
    assert numbers.behind_s == max(now - newest.end, 0.0)
    after = [window.start for window in windows if window.start > newest.start]
    assert numbers.open_from == (after[0] if after else None)
