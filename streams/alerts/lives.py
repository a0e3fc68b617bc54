"""The lives of alerts: pending, firing, resolved, told by windows of event time and never by a clock.

A life is one rule on one ENI. It keeps a mark (breach, between, calm) for each of its last few windows, and
its status is judged from the marks. So a window that is amended, or comes a little late, replaces its own
mark and nothing is counted twice. Status only moves forward within an episode: what was published is not
taken back, it resolves.

An episode that is over is remembered for `MEMORY_S`, or a late amendment of its windows would raise it
again; an ENI that never broke a rule costs nothing. The state is one small JSON value for each life, for a
compacted topic. The same observations in the same order always give the same transitions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import orjson

from streams.alerts.detectors import (
    DEFAULTS,
    PORT_SCAN,
    REJECT_RATIO,
    SEVERITY,
    Finding,
    Thresholds,
    find,
    measure,
)
from streams.records import Alert, Final

PENDING = "pending"
FIRING = "firing"
RESOLVED = "resolved"

# A scan is over within minutes, so it fires at once; a ratio may be one burst, so it must be seen twice
# (peers-and-detectors.md 7.1: a second window cuts false alerts by two orders of magnitude).
HOLD_WINDOWS = {PORT_SCAN: 1, REJECT_RATIO: 2}
CLEAR_WINDOWS = 2  # dashboard.md 6: below 80 % for two windows
SILENT_WINDOWS = 5  # dashboard.md 6, `volume_drop`: five windows without data is silence
MARKS_MAX = 8  # twice what hold and clear look at together: room for windows that come out of order
MEMORY_S = 6 * 3600  # partials are kept six hours (design.md 3): older windows are not amended any more
KEY_PREFIX = b"life|"

_BREACH, _BETWEEN, _CALM = "b", "h", "c"


def fingerprint(rule: str, labels: Mapping[str, str]) -> str:
    """Return the identity of an alert: the same for every transition, in every process."""
    return hashlib.sha256(orjson.dumps([rule, sorted(labels.items())])).hexdigest()[:16]


def has_fired(alert: Alert) -> bool:
    """Say whether this transition is about an alert that fired: then people are told of it.

    A pending alert that came to nothing is published as resolved too, or readers of the compacted topic
    would see it pending for ever; it ends in the second in which it started.
    """
    return alert.status == FIRING or (alert.status == RESOLVED and alert.ends_at > alert.starts_at)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one window says to one rule."""

    window_start: int
    window_s: int
    mark: str
    value: float
    summary: str


@dataclass(frozen=True, slots=True)
class _Life:
    """One rule on one ENI. `marks` are (window start, mark), oldest first; `settled` is the newest window of
    the last episode that fired: it and all before it have been told, whatever amendments say."""

    rule: str
    eni: str
    window_s: int
    status: str = RESOLVED
    starts_at: int = 0
    ends_at: int = 0
    settled: int = -1
    marks: tuple[tuple[int, str], ...] = ()

    @property
    def is_live(self) -> bool:
        return self.status != RESOLVED

    @property
    def newest(self) -> int:
        """The start of the newest window that this life knows of."""
        return self.marks[-1][0] if self.marks else self.settled

    def is_silent_at(self, event_time: int) -> bool:
        return self.newest + (1 + SILENT_WINDOWS) * self.window_s <= event_time

    def is_moved_by(self, reading: _Reading) -> bool:
        if reading.window_start <= self.settled:
            return False
        known = any(start == reading.window_start for start, _ in self.marks)
        return self.is_live or known or reading.mark == _BREACH

    def with_mark(self, reading: _Reading) -> _Life:
        marks = dict(self.marks) | {reading.window_start: reading.mark}
        return replace(self, window_s=reading.window_s, marks=tuple(sorted(marks.items())[-MARKS_MAX:]))

    def judged(self) -> _Life:
        """Return this life one transition further, or as it is."""
        if self.status == FIRING:
            return self.over() if _calm_tail(self.marks) >= CLEAR_WINDOWS else self
        run = _latest_run(self.marks, self.window_s, HOLD_WINDOWS[self.rule])
        if run is not None:
            return replace(self, status=FIRING, starts_at=run, ends_at=0)
        open_breach = _open_breach(self.marks, self.window_s)
        if open_breach is None:
            return self.over() if self.is_live else self
        return self if self.is_live else replace(self, status=PENDING, starts_at=open_breach, ends_at=0)

    def over(self) -> _Life:
        """Return this life with its episode ended where it was last seen, in event time."""
        if self.status == PENDING:  # It keeps its marks: a window that was late may still complete the run.
            return replace(self, status=RESOLVED, ends_at=self.starts_at)
        stirred = [start for start, mark in self.marks if mark != _CALM]
        last = max([self.starts_at, *stirred])
        return replace(self, status=RESOLVED, ends_at=last + self.window_s, settled=self.newest, marks=())


class Lives:
    """All alert lives of one partition, fed with final windows."""

    def __init__(self, thresholds: Thresholds = DEFAULTS) -> None:
        self._thresholds = thresholds
        self._lives: dict[tuple[str, str], _Life] = {}
        self._dirty: set[tuple[str, str]] = set()

    @classmethod
    def load(cls, state: Mapping[bytes, bytes], thresholds: Thresholds = DEFAULTS) -> Lives:
        """Build from the values that `changed` gave; keys of others in the same state are passed over.

        Raises `ValueError` or `TypeError` on a value that is not ours.
        """
        lives = cls(thresholds)
        for key, value in state.items():
            if key.startswith(KEY_PREFIX):
                fields = orjson.loads(value)
                fields["marks"] = tuple((int(start), str(mark)) for start, mark in fields["marks"])
                life = _Life(**fields)
                lives._lives[life.rule, life.eni] = life
        return lives

    def changed(self) -> dict[bytes, bytes | None]:
        """Return what must be written since the last call, by key; None deletes."""
        found: dict[bytes, bytes | None] = {}
        for rule, eni in sorted(self._dirty):
            life = self._lives.get((rule, eni))
            key = KEY_PREFIX + fingerprint(rule, _labels(eni)).encode()
            found[key] = orjson.dumps(life) if life is not None else None
        self._dirty.clear()
        return found

    def watched(self) -> set[str]:
        """Return the ENIs of which a life is kept, so that a calm window matters."""
        return {eni for _, eni in self._lives}

    def observe(self, eni: str, window_start: int, window_s: int, rows: Sequence[Final]) -> list[Alert]:
        """Take all rows known of one final window; return the transitions to publish, in order.

        Call it again with all rows when one of them is amended or joins late.
        """
        values = measure(rows, self._thresholds)
        found = {finding.rule: finding for finding in find(rows, self._thresholds)}
        alerts: list[Alert] = []
        for rule in sorted(values):
            mark, summary = self._mark(rule, values[rule], found.get(rule))
            reading = _Reading(window_start, window_s, mark, values[rule], summary)
            alerts += self._take(rule, eni, reading)
        return alerts

    def advance(self, watermark: int) -> list[Alert]:
        """Resolve what has fallen silent and forget what is long over.

        `watermark` is event time: all windows that end at or before it have been observed already.
        """
        alerts: list[Alert] = []
        for key, life in sorted(self._lives.items()):
            if life.is_live and life.is_silent_at(watermark):
                alerts.append(self._silence(key, life))
            elif not life.is_live and life.newest + MEMORY_S <= watermark:
                del self._lives[key]
                self._dirty.add(key)
        return alerts

    def _mark(self, rule: str, value: float, finding: Finding | None) -> tuple[str, str]:
        if finding is not None:
            return _BREACH, finding.summary
        calm = self._thresholds.resolve_below(rule)
        if value < calm:
            return _CALM, f"{rule} at {value:.4g}, below {calm:.4g}"
        return _BETWEEN, f"{rule} at {value:.4g}, not below {calm:.4g} yet"

    def _take(self, rule: str, eni: str, reading: _Reading) -> list[Alert]:
        key = (rule, eni)
        alerts: list[Alert] = []
        life = self._lives.get(key) or _Life(rule, eni, reading.window_s)
        if life.is_live and life.is_silent_at(reading.window_start):
            alerts.append(self._silence(key, life))
            life = self._lives[key]
        if not life.is_moved_by(reading):
            return alerts
        life = life.with_mark(reading)
        while (following := life.judged()).status != life.status:
            life = following
            alerts.append(self._alert(life, reading))
        self._keep(key, life)
        return alerts

    def _silence(self, key: tuple[str, str], life: _Life) -> Alert:
        over = life.over()
        self._keep(key, over)
        text = f"no news of {life.eni} for {SILENT_WINDOWS} windows"
        return self._alert(over, _Reading(life.newest, life.window_s, _CALM, 0.0, text))

    def _keep(self, key: tuple[str, str], life: _Life) -> None:
        if self._lives.get(key) != life:
            self._lives[key] = life
            self._dirty.add(key)

    def _alert(self, life: _Life, reading: _Reading) -> Alert:
        window_end = reading.window_start + reading.window_s
        until = max(window_end, life.ends_at)
        query = urlencode({"v": 1, "eni": life.eni, "from": life.starts_at, "to": until})
        return Alert(
            fingerprint=fingerprint(life.rule, _labels(life.eni)),
            rule=life.rule,
            severity=SEVERITY[life.rule],
            status=life.status,
            labels=_labels(life.eni),
            summary=reading.summary,
            value=reading.value,
            threshold=self._thresholds.of(life.rule),
            window_start=reading.window_start,
            window_end=window_end,
            starts_at=life.starts_at,
            ends_at=life.ends_at,
            url=f"/?{query}",
        )


def _labels(eni: str) -> dict[str, str]:
    return {"eni": eni}


def _calm_tail(marks: Sequence[tuple[int, str]]) -> int:
    """Count the calm windows after the last one that was not."""
    count = 0
    for _, mark in reversed(marks):
        if mark != _CALM:
            break
        count += 1
    return count


def _latest_run(marks: Sequence[tuple[int, str]], window_s: int, hold: int) -> int | None:
    """Return the start of the latest run of at least `hold` adjacent breaches."""
    breaches = [start for start, mark in marks if mark == _BREACH]
    found: int | None = None
    first = previous = -1
    for start in breaches:
        if previous < 0 or start - previous != window_s:
            first = start
        previous = start
        if start - first >= (hold - 1) * window_s:
            found = first
    return found


def _open_breach(marks: Sequence[tuple[int, str]], window_s: int) -> int | None:
    """Return the latest breach that may still become a run.

    It may not once the window after it is judged, or two later ones are: then that window had no traffic.
    """
    breaches = [start for start, mark in marks if mark == _BREACH]
    if not breaches:
        return None
    later = [start for start, _ in marks if start > breaches[-1]]
    return None if len(later) >= 2 or breaches[-1] + window_s in later else breaches[-1]
