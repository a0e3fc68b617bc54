"""The newest windows of every ENI, as ring buffers of integers. Pure.

An aggregate is an upsert of absolute totals for (eni, action, window_start), and the newest revision wins, so
the order of arrival is irrelevant. The history keeps `keep` windows; a new window replaces the oldest.

The structure saves memory. A window has one *lane* for each action in it: an `array('q')` with four integers
(flows, packets, bytes, revision) for each ENI, at an index assigned to the ENI when it first appears. A cell
takes 32 bytes: 2,000 ENIs x 180 windows x 2 actions take 23 MB, a tenth of one object for each cell. The
index of an ENI that is in no kept window is reused, so a changing set of ENIs does not grow the lanes.

A window far ahead of the others must not replace them: the one-hour view would show a single point. Windows
form a run while no gap between them exceeds `AHEAD_S`. Windows after the longest run are *ahead*, and hidden,
if their own run has fewer than `RUN_WINDOWS` windows and does not contain the present. They are shown when
event time reaches them. At most `AHEAD_KEEP` of them are kept.

Invariants: the `totals` of a window are always the sums of its lanes, and a foreign message changes nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from connectors.progress import NONE
from streams.records import LOG_ACTIONS, TRAFFIC_ACTIONS

KEEP_WINDOWS = 180  # three hours of one-minute windows
FLOWS, BYTES = 0, 2  # columns of a cell; 1 is packets
_REVISION = 3  # 2 x revision, plus 1 if the row is final: the final row of a revision is newer
_WIDTH = 4  # integers in a cell
AHEAD_S = 3600
AHEAD_KEEP = 16
RUN_WINDOWS = 3
PRESENT_S = 600  # a window that ends at most this long after now, or in the hour before, is in the present
GROWN_STEP_S = 30
GROWN_STEPS = 21  # up to 600 s, the longest capture interval and the default lateness
_GROW_ENIS = 64  # a lane grows by this many cells at once

ACTIONS = (*TRAFFIC_ACTIONS, "-", *LOG_ACTIONS)
ACCEPT, REJECT, UNKNOWN = 0, 1, 2  # the lanes with traffic; the other lanes are NODATA and SKIPDATA
TRAFFIC_LANES = 3
_LANE = {action: lane for lane, action in enumerate(ACTIONS)}

Matrix = npt.NDArray[np.int64]


class ForeignMessage(ValueError):
    """The message has an unknown format."""


@dataclass(slots=True, eq=False)
class Window:
    """One tumbling window: its lanes, their totals, and the version at which it last changed."""

    start: int
    window_s: int
    version: int = 0
    rows: int = 0
    final_rows: int = 0
    grown: list[int] = field(default_factory=lambda: [0] * GROWN_STEPS)
    """Flows added, by `GROWN_STEP_S` of event time that the watermark was past the end (`settling.py`)."""

    lanes: list[array[int] | None] = field(default_factory=lambda: [None] * len(ACTIONS))
    totals: list[list[int]] = field(default_factory=lambda: [[0, 0, 0] for _ in ACTIONS])

    @property
    def end(self) -> int:
        """The first second after the window."""
        return self.start + self.window_s

    @property
    def is_final(self) -> bool:
        """True if every row of the window is final."""
        return 0 < self.rows == self.final_rows


class History:
    """The newest `keep` windows, built from aggregates in any order."""

    def __init__(self, keep: int = KEEP_WINDOWS) -> None:
        self._keep = keep
        self._windows: dict[int, Window] = {}
        self._shown: list[Window] = []
        self._index: dict[str, int] = {}
        self._newest_of = array("q")  # by index: the start of the newest window of the ENI
        self._free: list[int] = []
        self.names: list[str] = []
        self.version = 0  # increases with every change
        self.shown_version = 0  # the version at which a known window was last hidden, or shown again
        self._hidden: set[int] = set()
        self.superseded = 0  # upserts with an older revision
        self.aged = 0  # upserts of a window older than every kept one
        self.ahead = 0  # hidden windows, far ahead of the others
        self.ahead_dropped = 0  # windows ahead that were dropped because of `AHEAD_KEEP`

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def enis(self) -> int:
        """The number of ENIs in the kept windows."""
        return len(self._index)

    def read(self, value: bytes, now: float = 0.0, complete_to: int = NONE) -> int:
        """Apply one aggregate message; return its `oldest_arrival_ms`. Raises `ForeignMessage`.

        `now` is epoch seconds. `complete_to` is the watermark of the connectors if the aggregate is new, else
        `NONE`. The function builds no `Aggregate`, which halves its time: a replay sends 50,000 per second.
        """
        try:
            row = orjson.loads(value)
            revision = 2 * row["revision"] + (row["final"] is True)
            cell = array("q", (row["flows"], row["packets"], row["bytes"], revision))
            return self._upsert(row, cell, now, complete_to)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ForeignMessage(f"not an aggregate: {error!r}") from error

    def windows(self, range_s: int | None = None) -> list[Window]:
        """Return the visible windows, oldest first; with `range_s`, those within it before the newest end."""
        if range_s is None or not self._shown:
            return self._shown
        since = self._shown[-1].end - range_s
        return [window for window in self._shown if window.start >= since]

    def by_eni(self, windows: list[Window]) -> Matrix:
        """Return the sums of windows: a row for each of `names`; columns flows, packets, bytes, rejects."""
        sums = np.zeros((len(self.names), 4), np.int64)
        for window in windows:
            for number, lane in enumerate(window.lanes[:TRAFFIC_LANES]):
                if lane:
                    cells = np.frombuffer(lane, np.int64).reshape(-1, _WIDTH)[: len(sums)]
                    sums[: len(cells), :3] += cells[:, :3]
                    if number == REJECT:
                        sums[: len(cells), 3] += cells[:, FLOWS]
        return sums

    def _upsert(self, row: dict[str, Any], cell: array[int], now: float, complete_to: int) -> int:
        eni, start, window_s, lane_number = (
            row["eni"], row["window_start"], row["window_s"], _LANE[row["action"]],
        )  # fmt: skip
        if type(eni) is not str or type(start) is not int or type(window_s) is not int or window_s <= 0:
            raise TypeError("eni, window_start or window_s has a foreign type")
        arrival_ms = int(row["oldest_arrival_ms"])
        # No statement below raises, so a foreign message changes nothing.
        window = self._windows.get(start) or self._open(start, window_s, now)
        if window is None:
            return arrival_ms
        index = self._index.get(eni)
        if index is None:
            index = self._enter(eni)
        lane = window.lanes[lane_number]
        at = index * _WIDTH
        if lane is None or at >= len(lane):
            lane = _grown(window, lane_number, at)
        old = lane[at : at + _WIDTH]
        if cell[_REVISION] < old[_REVISION]:
            self.superseded += 1
            return arrival_ms
        lane[at : at + _WIDTH] = cell
        totals = window.totals[lane_number]
        totals[0] += cell[0] - old[0]
        totals[1] += cell[1] - old[1]
        totals[2] += cell[2] - old[2]
        window.rows += not old[_REVISION]
        window.final_rows += (cell[_REVISION] & 1) - (old[_REVISION] & 1)
        if complete_to != NONE and lane_number < TRAFFIC_LANES:
            step = min(max(-(-(complete_to - window.end) // GROWN_STEP_S), 0), GROWN_STEPS - 1)
            window.grown[step] += cell[0] - old[0]
        self._newest_of[index] = max(self._newest_of[index], start)
        self.version = window.version = self.version + 1
        return arrival_ms

    def _open(self, start: int, window_s: int, now: float) -> Window | None:
        """Open a window and drop another if there are too many; return None if the new one is dropped."""
        if len(self._windows) >= self._keep and not self.ahead and start < self._shown[0].start:
            self.aged += 1  # the common case, which needs no sort
            return None
        window = self._windows[start] = Window(start, window_s)
        ordered = self._sort(now, opened=start)
        if len(ordered) <= self._keep:
            return window
        is_dropped_ahead = self.ahead > AHEAD_KEEP
        gone = ordered[-1 if is_dropped_ahead else 0]
        del self._windows[gone.start]
        self._sort(now)
        if is_dropped_ahead:
            self.ahead_dropped += 1
            newest = ordered[-2].start
            self._newest_of = array("q", (min(seen, newest) for seen in self._newest_of))
        elif gone is window:
            self.aged += 1
        else:
            self._release(ordered[1].start)
        return None if gone is window else window

    def _sort(self, now: float, opened: int | None = None) -> list[Window]:
        """Update the visible windows; return all windows in order. `opened` is the start of a new window."""
        ordered = sorted(self._windows.values(), key=attrgetter("start"))
        shown = count_shown([(window.start, window.end) for window in ordered], now)
        self._shown, self.ahead = ordered[:shown], len(ordered) - shown
        hidden = {window.start for window in ordered[shown:]}
        if any(start in self._windows and start != opened for start in hidden ^ self._hidden):
            self.version = self.shown_version = self.version + 1
        self._hidden = hidden
        return ordered

    def _enter(self, eni: str) -> int:
        if self._free:
            index = self._free.pop()
            self.names[index] = eni
        else:
            index = len(self.names)
            self.names.append(eni)
            self._newest_of.append(0)
        self._index[eni] = index
        return index

    def _release(self, oldest: int) -> None:
        """Free the index of every ENI whose newest window is before the oldest kept window."""
        gone = [(eni, index) for eni, index in self._index.items() if self._newest_of[index] < oldest]
        for eni, index in gone:
            del self._index[eni]
            self._newest_of[index] = 0
            self._free.append(index)


def _grown(window: Window, lane_number: int, at: int) -> array[int]:
    lane = window.lanes[lane_number]
    if lane is None:
        lane = window.lanes[lane_number] = array("q")
    missing = at + _GROW_ENIS * _WIDTH - len(lane)
    lane.frombytes(bytes(missing * lane.itemsize))
    return lane


def count_shown(spans: Sequence[tuple[int, int]], now: float) -> int:
    """Return the number of visible windows of `spans`, (start, end) in order; the others are ahead."""
    runs: list[int] = []  # the index at which each run begins
    for index, (start, _) in enumerate(spans):
        if not index or start - spans[index - 1][1] > AHEAD_S:
            runs.append(index)
    ends = [*runs[1:], len(spans)]
    sizes = [end - begin for begin, end in zip(runs, ends, strict=True)]
    longest = max(sizes, default=0)
    if longest < RUN_WINDOWS:
        return len(spans)
    while sizes[-1] < RUN_WINDOWS and not _has_present(spans[ends[-1] - sizes[-1] : ends[-1]], now):
        ends.pop()
        sizes.pop()
    return ends[-1]


def _has_present(run: Sequence[tuple[int, int]], now: float) -> bool:
    """Return True if a window of the run is in the present."""
    return any(-AHEAD_S <= end - now <= PRESENT_S for _, end in run)
