"""One life of an alert: the marks of its last windows, the status that follows, and the peak. Pure values.

`lives` explains how lives behave; this module has the transitions of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO
from streams.alerts.marks import BREACH, CALM, calm_tail, latest_run, open_breach, with_mark

PENDING = "pending"
FIRING = "firing"
RESOLVED = "resolved"
CANCELLED = "cancelled"
"""The end of a pending alert that never fired. It is published as a tombstone, never as an `Alert`."""

# A scan is over within minutes, so it fires at once. A ratio must be seen in three windows: each further
# window cuts false alerts by orders of magnitude.
HOLD_WINDOWS = {PORT_SCAN: 1, REJECT_RATIO: 3}
CLEAR_WINDOWS = 2  # calm windows that resolve an alert; one alone may be chance
SILENT_WINDOWS = 5  # windows without traffic that resolve an alert


@dataclass(frozen=True, slots=True)
class Reading:
    """The mark, value and sentence of one window for one rule."""

    window_start: int
    window_s: int
    mark: str
    value: float
    threshold: float
    summary: str
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class Life:
    """One rule on one interface. `marks` are (window start, mark), oldest first; `settled` is the newest
    window of the last episode that fired: it and all before it are published, whatever amendments say. The
    `peak_` fields are of the window with the highest value of the present or last episode."""

    rule: str
    eni: str
    window_s: int
    status: str = RESOLVED
    starts_at: int = 0
    ends_at: int = 0
    settled: int = -1
    marks: tuple[tuple[int, str], ...] = ()
    peak_start: int = -1
    peak_value: float = 0.0
    peak_threshold: float = 0.0
    peak_summary: str = ""

    @property
    def is_live(self) -> bool:
        return self.status != RESOLVED

    @property
    def newest(self) -> int:
        """The start of the newest window of this life."""
        return self.marks[-1][0] if self.marks else self.settled

    @property
    def is_remembered(self) -> bool:
        """Whether an episode that fired is remembered."""
        return self.settled >= 0

    def is_silent_at(self, event_time: int) -> bool:
        return self.newest + (1 + SILENT_WINDOWS) * self.window_s <= event_time

    def is_moved_by(self, reading: Reading) -> bool:
        if reading.window_start <= self.settled:
            return False
        known = any(start == reading.window_start for start, _ in self.marks)
        return self.is_live or known or reading.mark == BREACH

    def after(self, reading: Reading) -> Life:
        """Return this life with the mark of a window, and its peak if it is one."""
        life = replace(self, window_s=reading.window_s, marks=with_mark(self.marks, reading))
        near = [start for start, mark in self.marks if mark == BREACH]
        is_first = not any(abs(start - reading.window_start) <= reading.window_s for start in near)
        is_new = is_first and not self.is_live
        if reading.mark != BREACH or not (is_new or reading.value > self.peak_value):
            return life
        return replace(
            life,
            peak_start=reading.window_start,
            peak_value=reading.value,
            peak_threshold=reading.threshold,
            peak_summary=reading.summary,
        )

    def judged(self) -> Life:
        """Return this life one transition further, or as it is."""
        if self.status == FIRING:
            return self.over() if calm_tail(self.marks) >= CLEAR_WINDOWS else self
        run = latest_run(self.marks, self.window_s, HOLD_WINDOWS[self.rule])
        if run is not None:
            return replace(self, status=FIRING, starts_at=run, ends_at=0)
        opened = open_breach(self.marks, self.window_s)
        if opened is None:
            return self.over() if self.is_live else self
        return self if self.is_live else replace(self, status=PENDING, starts_at=opened, ends_at=0)

    def over(self) -> Life:
        """Return this life with its episode ended where it was last seen, in event time."""
        if self.status == PENDING:  # It keeps its marks: a window that was late may still complete the run.
            return replace(self, status=RESOLVED, ends_at=self.starts_at)
        stirred = [start for start, mark in self.marks if mark != CALM]
        last = max([self.starts_at, *stirred])
        return replace(self, status=RESOLVED, ends_at=last + self.window_s, settled=self.newest, marks=())
