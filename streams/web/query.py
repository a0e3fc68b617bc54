"""What the page asks of the history: six numbers, a series, a top-N table, and the table as CSV.

Every function takes its moment and its range; none of them reads a clock. The totals of the table add up
to those of the chart, because both are sums over the same windows, and the rest is a row named "Other".
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np

from streams.web.board import Board
from streams.web.history import ACCEPT, BYTES, FLOWS, REJECT, TRAFFIC_LANES, UNKNOWN, History, Window

RANGES_S = {"15m": 900, "1h": 3600, "3h": 10_800}
ORDERS = ("bytes", "packets", "flows", "rejects")
_COLUMN = {"flows": 0, "packets": 1, "bytes": 2, "rejects": 3}
STALE_S = 90  # after this long without a message the page says so
Point = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The six live numbers, and which window they speak of."""

    behind_s: float | None
    behind_is_final: bool
    flows_per_s: float
    bytes_per_s: float
    reject_percent: float | None
    late: int
    lag_s: float | None
    window_start: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One ENI's totals over the range; `share` is its part of the whole, by the chosen order."""

    eni: str
    flows: int
    packets: int
    bytes: int
    rejects: int
    share: float


@dataclass(frozen=True, slots=True)
class Top:
    """The largest ENIs, the rest of them as one row, and the whole."""

    by: str
    rows: list[Row]
    other: Row | None
    others: int
    total: Row


def numbers(board: Board, now: float) -> Numbers:
    """Return the six numbers at `now`."""
    windows = board.history.windows()
    final = next((window for window in reversed(windows) if window.is_final), None)
    reference = final or (windows[-1] if windows else None)
    rated = _rated(windows, final)
    flows = _traffic(rated, FLOWS) if rated else 0
    decided = rated.totals[ACCEPT][FLOWS] + rated.totals[REJECT][FLOWS] if rated else 0
    return Numbers(
        behind_s=max(now - reference.end, 0.0) if reference else None,
        behind_is_final=final is not None,
        flows_per_s=flows / rated.window_s if rated else 0.0,
        bytes_per_s=_traffic(rated, BYTES) / rated.window_s if rated else 0.0,
        reject_percent=100 * rated.totals[REJECT][FLOWS] / decided if rated and decided else None,
        late=board.late,
        lag_s=board.lag_s,
        window_start=rated.start if rated else None,
    )


def point(window: Window) -> Point:
    """Return a window for the chart: start, seconds, (flows, packets, bytes) x ACCEPT, REJECT, -, final."""
    totals = window.totals
    return (
        window.start, window.window_s, *totals[ACCEPT], *totals[REJECT], *totals[UNKNOWN],
        int(window.is_final),
    )  # fmt: skip


def series(history: History, range_s: int) -> list[Point]:
    """Return the points of the range, oldest first."""
    return [point(window) for window in history.windows(range_s)]


def top(history: History, by: str, range_s: int, n: int = 10) -> Top:
    """Return the `n` largest ENIs of the range by `bytes`, `packets`, `flows` or `rejects`."""
    sums = history.by_eni(history.windows(range_s))
    column = sums[:, _COLUMN[by]]
    busy = np.flatnonzero(sums.any(axis=1))
    order = sorted(busy.tolist(), key=lambda i: (-int(column[i]), history.names[i]))
    named = [index for index in order[:n] if column[index] > 0]
    whole = int(column.sum())
    rest = sums.sum(axis=0) - sums[named].sum(axis=0)
    others = len(order) - len(named)
    return Top(
        by=by,
        rows=[_row(history.names[index], sums[index].tolist(), by, whole) for index in named],
        other=_row("Other", rest.tolist(), by, whole) if others else None,
        others=others,
        total=_row("Total", sums.sum(axis=0).tolist(), by, whole),
    )


def to_csv(table: Top) -> str:
    """Return the table as it stands on the page, with its rest and its whole."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(["eni", *ORDERS, "share_percent"])
    for row in (*table.rows, *([table.other] if table.other else []), table.total):
        writer.writerow([row.eni, row.bytes, row.packets, row.flows, row.rejects, round(100 * row.share, 3)])
    return text.getvalue()


def _rated(windows: list[Window], final: Window | None) -> Window | None:
    """Choose the window whose rates we show.

    The newest one still fills, so its rates are too low; a final one may be ten minutes old. We take the
    one before the newest, unless a final one is as new or newer.
    """
    if not windows:
        return None
    before = windows[-2] if len(windows) > 1 else windows[-1]
    return final if final is not None and final.start >= before.start else before


def _traffic(window: Window, column: int) -> int:
    return sum(totals[column] for totals in window.totals[:TRAFFIC_LANES])


def _row(name: str, sums: list[int], by: str, whole: int) -> Row:
    flows, packets, size, rejects = sums
    return Row(name, flows, packets, size, rejects, sums[_COLUMN[by]] / whole if whole else 0.0)
