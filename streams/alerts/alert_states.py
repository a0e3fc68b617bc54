"""The lives of alerts: pending, firing, resolved, by windows of event time and never by a clock.

A life is one rule on one interface. It keeps a mark (breach, between, calm) for each of its last few windows,
and its status follows from the marks. So a window that is amended, or comes a little late, replaces its own
mark and nothing is counted twice. Status only moves forward within an episode: what was published is not
taken back, it resolves. A life also keeps the peak of its episode, so that a resolved alert shows it.

A window that is still open gives a mark only if it breaks a rule that grows. Its final rows replace the mark.

A pending alert that never fires is `CANCELLED`: for readers of the compacted topic that is a tombstone. While
an episode that fired is remembered, the next one is published only when it fires, or a pending alert would
overwrite the resolved one. An episode is remembered for `MEMORY_S`, or a late amendment of its windows would
raise it again. An interface that never broke a rule costs nothing. The state is one small JSON value for each
life, for a compacted topic. The same observations in the same order always give the same transitions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

import orjson

from streams.alerts.alert_state import (
    CANCELLED,
    FIRING,
    HOLD_WINDOWS,
    PENDING,
    RESOLVED,
    SILENT_WINDOWS,
    Life,
    Reading,
)
from streams.alerts.baseline import Usual
from streams.alerts.detectors import DEFAULTS, SEVERITY, Finding, Thresholds, Traffic, find, measure
from streams.alerts.marks import BETWEEN, BREACH, CALM
from streams.records import Alert

MEMORY_S = 6 * 3600  # older windows are not amended any more
KEY_PREFIX = b"life|"


def fingerprint(rule: str, labels: Mapping[str, str]) -> str:
    """Return the identity of an alert: the same for every transition, in every process."""
    return hashlib.sha256(orjson.dumps([rule, sorted(labels.items())])).hexdigest()[:16]


class Lives:
    """All alert lives of one partition, fed with windows."""

    def __init__(self, thresholds: Thresholds = DEFAULTS) -> None:
        self._thresholds = thresholds
        self._lives: dict[tuple[str, str], Life] = {}
        self._dirty: set[tuple[str, str]] = set()

    @classmethod
    def load(cls, state: Mapping[bytes, bytes], thresholds: Thresholds = DEFAULTS) -> Lives:
        """Build from the values that `changed` gave; keys of others in the same state are passed over.

        Raises `ValueError` or `TypeError` on a value that is not ours. Values of the layout without the
        `peak_` fields are read too.
        """
        lives = cls(thresholds)
        for key, value in state.items():
            if key.startswith(KEY_PREFIX):
                fields = orjson.loads(value)
                fields["marks"] = tuple((int(start), str(mark)) for start, mark in fields["marks"])
                life = Life(**fields)
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

    def is_kept(self, eni: str) -> bool:
        """Return whether any life of an interface is kept, so that a calm window matters."""
        return any((rule, eni) in self._lives for rule in HOLD_WINDOWS)

    def is_live(self, eni: str) -> bool:
        """Return whether any alert of an interface is pending or firing."""
        return any((life := self._lives.get((rule, eni))) and life.is_live for rule in HOLD_WINDOWS)

    def observe(self, traffic: Traffic, usual: Usual | None) -> list[Alert]:
        """Take one window; return the transitions to publish, in order.

        Call it again with the whole window when it becomes final, or is amended.
        """
        values = measure(traffic, usual, self._thresholds)
        found = {finding.rule: finding for finding in find(traffic, usual, self._thresholds)}
        alerts: list[Alert] = []
        for rule in sorted(values):
            reading = self._reading(rule, values[rule], found.get(rule), traffic, usual)
            if reading.is_final or reading.mark == BREACH:
                alerts += self._take(rule, traffic.eni, reading)
        return alerts

    def advance(self, watermark: int) -> list[Alert]:
        """Resolve what has fallen silent and forget what is long over.

        `watermark` is event time: all windows that end at or before it have been observed already.
        """
        alerts: list[Alert] = []
        for key, life in sorted(self._lives.items()):
            if life.is_live and life.is_silent_at(watermark):
                alerts += self._silence(key, life)
            elif not life.is_live and life.newest + MEMORY_S <= watermark:
                del self._lives[key]
                self._dirty.add(key)
        return alerts

    def _reading(
        self, rule: str, value: float, finding: Finding | None, traffic: Traffic, usual: Usual | None
    ) -> Reading:
        if finding is not None:
            mark, summary = BREACH, finding.summary
        else:
            mark = CALM if value < self._thresholds.resolve_below(rule, usual) else BETWEEN
            summary = f"{rule} at {value:.4g}"
        threshold = self._thresholds.of(rule, usual)
        where = traffic.window_start, traffic.window_s
        return Reading(*where, mark, value, threshold, summary, traffic.is_final)

    def _take(self, rule: str, eni: str, reading: Reading) -> list[Alert]:
        key = (rule, eni)
        alerts: list[Alert] = []
        life = self._lives.get(key) or Life(rule, eni, reading.window_s)
        # An open window is ahead of the watermark: the windows before it may not be here yet.
        if reading.is_final and life.is_live and life.is_silent_at(reading.window_start):
            alerts += self._silence(key, life)
            life = self._lives[key]
        if not life.is_moved_by(reading):
            return alerts
        life = life.after(reading)
        while (following := life.judged()).status != life.status:
            alerts += self._transition(life, following, reading)
            life = following
        self._keep(key, life)
        return alerts

    def _silence(self, key: tuple[str, str], life: Life) -> list[Alert]:
        over = life.over()
        self._keep(key, over)
        text = f"no traffic for {SILENT_WINDOWS} windows"
        threshold = self._thresholds.of(life.rule, None)
        return self._transition(life, over, Reading(life.newest, life.window_s, CALM, 0.0, threshold, text))

    def _keep(self, key: tuple[str, str], life: Life) -> None:
        if self._lives.get(key) != life:
            self._lives[key] = life
            self._dirty.add(key)

    def _transition(self, before: Life, life: Life, reading: Reading) -> list[Alert]:
        """Return what is published of a change of status: one alert, or none."""
        if life.status == PENDING:
            return [] if life.is_remembered else [_alert(life, PENDING, reading)]
        if life.status == FIRING:
            return [_alert(life, FIRING, reading)]
        if before.status == PENDING:
            return [] if life.is_remembered else [_alert(life, CANCELLED, reading)]
        return [_alert(life, RESOLVED, _peak_of(life, reading))]


def _peak_of(life: Life, reading: Reading) -> Reading:
    if life.peak_start < 0:  # written by a version that did not keep it
        return reading
    peak = life.peak_value, life.peak_threshold, life.peak_summary
    return Reading(life.peak_start, life.window_s, BREACH, *peak)


def _alert(life: Life, status: str, reading: Reading) -> Alert:
    window_end = reading.window_start + reading.window_s
    until = max(window_end, life.ends_at)
    query = urlencode({"v": 1, "eni": life.eni, "from": life.starts_at, "to": until})
    return Alert(
        fingerprint=fingerprint(life.rule, _labels(life.eni)),
        rule=life.rule,
        severity=SEVERITY[life.rule],
        status=status,
        labels=_labels(life.eni),
        summary=reading.summary,
        value=reading.value,
        threshold=reading.threshold,
        window_start=reading.window_start,
        window_end=window_end,
        starts_at=life.starts_at,
        ends_at=life.ends_at,
        url=f"/?{query}",
    )


def _labels(eni: str) -> dict[str, str]:
    return {"eni": eni}
