"""The queries of the page: six numbers, a series, a table of the largest ENIs, and the table as CSV. Pure.

The totals of the table equal the totals of the chart, because both are sums over the same windows; the rest
of the ENIs is one row named "Other".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streams.web.state import settling
from streams.web.state.board import Board
from streams.web.state.history import ACCEPT, BYTES, FLOWS, REJECT, TRAFFIC_LANES, UNKNOWN, History, Window

RANGES_S = {"15m": 900, "1h": 3600, "3h": 10_800}
ORDERS = ("bytes", "packets", "flows", "rejects")
_COLUMN = {"flows": 0, "packets": 1, "bytes": 2, "rejects": 3}
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
STALE_S = 90  # age of the last message after which the page is stale
Point = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The six live numbers, and the newest settled window, from which the rates are computed.

    Rates are None until a window has settled. `open_from` is the start of the first window after it.
    """

    behind_s: float | None
    flows_per_s: float | None
    bytes_per_s: float | None
    reject_percent: float | None
    late: int
    lag_s: float | None
    window_start: int | None
    window_end: int | None
    window_is_final: bool
    open_from: int | None


@dataclass(frozen=True, slots=True)
class TopRow:
    """The totals of one ENI over the range; `share` is its share of the total in the chosen order, 0 to 1."""

    eni: str
    flows: int
    packets: int
    bytes: int
    rejects: int
    share: float


@dataclass(frozen=True, slots=True)
class Top:
    """The largest ENIs, the other ENIs as one row, and the total."""

    by: str
    rows: list[TopRow]
    other: TopRow | None
    others: int
    total: TopRow


def numbers(board: Board, now: float) -> Numbers:
    """Return the six numbers at `now`, epoch seconds."""
    windows = board.history.windows()
    index = settling.newest_settled(windows, board.progress.complete_to)
    settled = windows[index] if index is not None else None
    first_open = 0 if index is None else index + 1
    decided = settled.totals[ACCEPT][FLOWS] + settled.totals[REJECT][FLOWS] if settled else 0
    return Numbers(
        behind_s=max(now - settled.end, 0.0) if settled else None,
        flows_per_s=_traffic(settled, FLOWS) / settled.window_s if settled else None,
        bytes_per_s=_traffic(settled, BYTES) / settled.window_s if settled else None,
        reject_percent=100 * settled.totals[REJECT][FLOWS] / decided if settled and decided else None,
        late=board.late,
        lag_s=board.lag_s,
        window_start=settled.start if settled else None,
        window_end=settled.end if settled else None,
        window_is_final=settled is not None and settled.is_final,
        open_from=windows[first_open].start if first_open < len(windows) else None,
    )


def point(window: Window) -> Point:
    """Return a point: start, window_s, (flows, packets, bytes) of ACCEPT, REJECT and -, is_final."""
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


def to_csv(table: Top, names: Mapping[str, str]) -> str:
    """Return the table as CSV (RFC 4180), with the other ENIs and the total. `names` are those of ENIs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(["eni", *ORDERS, "share_percent", "name"])
    for row in (*table.rows, *([table.other] if table.other else []), table.total):
        sums = row.bytes, row.packets, row.flows, row.rejects
        writer.writerow([row.eni, *sums, round(100 * row.share, 3), csv_text(names.get(row.eni, ""))])
    return text.getvalue()


def csv_text(text: str) -> str:
    """Return a text for a cell that no spreadsheet evaluates; names come from tags, which are foreign."""
    return f"'{text}" if text.startswith(_FORMULAS) and text != "-" else text


def _traffic(window: Window, column: int) -> int:
    return sum(totals[column] for totals in window.totals[:TRAFFIC_LANES])


def _row(name: str, sums: list[int], by: str, whole: int) -> TopRow:
    flows, packets, size, rejects = sums
    return TopRow(name, flows, packets, size, rejects, sums[_COLUMN[by]] / whole if whole else 0.0)
