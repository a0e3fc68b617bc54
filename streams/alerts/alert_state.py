"""The state of one alert: the marks of its last windows, the status derived from them, and the peak. Pure.

`alert_states` describes the life cycle; this module has the transitions of a single state.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import orjson

from streams.alerts.detectors import PORT_SCAN, REJECT_RATIO
from streams.alerts.marks import BREACH, CALM, Marks, count_calm_tail, latest_run, open_breach, with_mark

PENDING = "pending"
FIRING = "firing"
RESOLVED = "resolved"
CANCELLED = "cancelled"
"""The end of a pending alert that never fired. It is published as a tombstone, never as an `Alert`."""

# A scan ends within minutes, so it fires at once. A ratio must persist for three windows: each further window
# reduces false alerts by orders of magnitude.
HOLD_WINDOWS = {PORT_SCAN: 1, REJECT_RATIO: 3}
CLEAR_WINDOWS = 2  # calm windows that resolve an alert; a single one may be chance
SILENT_WINDOWS = 5  # windows without traffic that resolve an alert

_STORED_NAMES = {"closed_through": "settled"}
"""Fields whose name in the state topic differs; the stored name is part of the state format."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of one rule for one window: mark, value and summary."""

    window_start: int
    window_s: int
    mark: str
    value: float
    threshold: float
    summary: str
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class AlertState:
    """The state of one rule on one interface.

    `marks` are pairs of window start and mark, oldest first. `closed_through` is the start of the newest
    window of the last episode that fired; amendments up to it change nothing, because its resolution is
    published. The `peak_` fields describe the window with the highest value of the current or last episode.
    """

    rule: str
    eni: str
    window_s: int
    status: str = RESOLVED
    starts_at: int = 0
    ends_at: int = 0
    closed_through: int = -1
    marks: Marks = ()
    peak_start: int = -1
    peak_value: float = 0.0
    peak_threshold: float = 0.0
    peak_summary: str = ""

    @classmethod
    def decode(cls, value: bytes) -> AlertState:
        """Read a state message. Raises `ValueError`, `TypeError` or `KeyError` on foreign JSON.

        State of the previous version, which has no `peak_` fields, is read too.
        """
        found: dict[str, Any] = orjson.loads(value)
        for name, stored in _STORED_NAMES.items():
            found[name] = found.pop(stored)
        found["marks"] = tuple((int(start), str(mark)) for start, mark in found["marks"])
        return cls(**found)

    def encode(self) -> bytes:
        """Return the state message: one small JSON object."""
        return orjson.dumps({_STORED_NAMES.get(f.name, f.name): getattr(self, f.name) for f in fields(self)})

    @property
    def is_active(self) -> bool:
        """True while the alert is pending or firing."""
        return self.status != RESOLVED

    @property
    def newest_window(self) -> int:
        """The start of the newest window that this state has seen."""
        return self.marks[-1][0] if self.marks else self.closed_through

    @property
    def has_fired_before(self) -> bool:
        """True if an earlier episode fired and is published as resolved."""
        return self.closed_through >= 0

    def is_silent_at(self, event_time: int) -> bool:
        """Return True if `SILENT_WINDOWS` have passed at `event_time` since the newest window."""
        return self.newest_window + (1 + SILENT_WINDOWS) * self.window_s <= event_time

    def accepts(self, evaluation: Evaluation) -> bool:
        """Return True if the evaluation can change this state."""
        if evaluation.window_start <= self.closed_through:
            return False
        known = any(start == evaluation.window_start for start, _ in self.marks)
        return self.is_active or known or evaluation.mark == BREACH

    def with_evaluation(self, evaluation: Evaluation) -> AlertState:
        """Return this state with the mark of a window, and with its peak if the window is the peak."""
        state = replace(self, window_s=evaluation.window_s, marks=with_mark(self.marks, evaluation))
        breaches = [start for start, mark in self.marks if mark == BREACH]
        is_first = not any(abs(start - evaluation.window_start) <= evaluation.window_s for start in breaches)
        is_new = is_first and not self.is_active
        if evaluation.mark != BREACH or not (is_new or evaluation.value > self.peak_value):
            return state
        return replace(
            state,
            peak_start=evaluation.window_start,
            peak_value=evaluation.value,
            peak_threshold=evaluation.threshold,
            peak_summary=evaluation.summary,
        )

    def transition(self) -> AlertState:
        """Return this state after the next transition of its status, or unchanged if there is none."""
        if self.status == FIRING:
            return self.resolve() if count_calm_tail(self.marks) >= CLEAR_WINDOWS else self
        run = latest_run(self.marks, self.window_s, HOLD_WINDOWS[self.rule])
        if run is not None:
            return replace(self, status=FIRING, starts_at=run, ends_at=0)
        breach = open_breach(self.marks, self.window_s)
        if breach is None:
            return self.resolve() if self.is_active else self
        return self if self.is_active else replace(self, status=PENDING, starts_at=breach, ends_at=0)

    def resolve(self) -> AlertState:
        """Return this state resolved; the episode ends with its last window that is not calm."""
        if self.status == PENDING:  # The marks remain, because a late window may still complete the run.
            return replace(self, status=RESOLVED, ends_at=self.starts_at)
        last = max([self.starts_at, *(start for start, mark in self.marks if mark != CALM)])
        return replace(
            self,
            status=RESOLVED,
            ends_at=last + self.window_s,
            closed_through=self.newest_window,
            marks=(),
        )
