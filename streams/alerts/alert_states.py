"""The alert states of one partition: pending, firing and resolved, in event time only. Pure.

A state belongs to one rule on one interface. It keeps a mark (breach, between, calm) for each of its last
windows, and its status follows from the marks. An amended or late window therefore replaces its own mark and
is never counted twice. The status only moves forward within an episode: a published alert is not withdrawn,
it resolves. A state also keeps the peak of its episode, which a resolved alert shows.

An open window gives a mark only if it breaches a rule whose value can only grow. The final rows of the window
replace that mark.

A pending alert that never fires is `CANCELLED`, which is a tombstone on the compacted topic. While an earlier
episode that fired is remembered, the next one is published only when it fires, because a pending alert would
replace the resolved one on the topic. An episode is remembered for `MEMORY_S`; a late amendment of its
windows would otherwise raise it again. An interface that never breached a rule has no state. Each state is
one small JSON value of a compacted topic. The same windows in the same order always give the same
transitions.
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
    AlertState,
    Evaluation,
)
from streams.alerts.baseline import Baseline
from streams.alerts.detectors import DEFAULTS, SEVERITY, Finding, Thresholds, Traffic, find, measure
from streams.alerts.marks import BETWEEN, BREACH, CALM
from streams.records import Alert

MEMORY_S = 6 * 3600  # older windows are not amended any more
KEY_PREFIX = b"life|"  # part of the state format

Key = tuple[str, str]
"""Rule and interface."""


def fingerprint(rule: str, labels: Mapping[str, str]) -> str:
    """Return the identity of an alert: the same for every transition and in every process."""
    return hashlib.sha256(orjson.dumps([rule, sorted(labels.items())])).hexdigest()[:16]


class AlertStates:
    """The alert states of one partition."""

    def __init__(self, thresholds: Thresholds = DEFAULTS) -> None:
        self._thresholds = thresholds
        self._states: dict[Key, AlertState] = {}
        self._changed: set[Key] = set()

    @classmethod
    def load(cls, state: Mapping[bytes, bytes], thresholds: Thresholds = DEFAULTS) -> AlertStates:
        """Load the messages that `take_changes` returned; other keys are ignored.

        Raises `ValueError`, `TypeError` or `KeyError` on a foreign value.
        """
        states = cls(thresholds)
        for key, value in state.items():
            if key.startswith(KEY_PREFIX):
                found = AlertState.decode(value)
                states._states[found.rule, found.eni] = found
        return states

    def take_changes(self) -> dict[bytes, bytes | None]:
        """Return the state messages to write since the last call, by key; None deletes the key."""
        found: dict[bytes, bytes | None] = {}
        for rule, eni in sorted(self._changed):
            state = self._states.get((rule, eni))
            key = KEY_PREFIX + fingerprint(rule, _labels(eni)).encode()
            found[key] = state.encode() if state is not None else None
        self._changed.clear()
        return found

    def has_state(self, eni: str) -> bool:
        """Return True if a state of the interface is kept, so that a calm window matters."""
        return any((rule, eni) in self._states for rule in HOLD_WINDOWS)

    def is_active(self, eni: str) -> bool:
        """Return True if an alert of the interface is pending or firing."""
        return any((state := self._states.get((rule, eni))) and state.is_active for rule in HOLD_WINDOWS)

    def observe(self, traffic: Traffic, baseline: Baseline | None) -> list[Alert]:
        """Apply one window; return the transitions to publish, in order.

        Call it again with the whole window when the window becomes final, or is amended.
        """
        values = measure(traffic, baseline, self._thresholds)
        found = {finding.rule: finding for finding in find(traffic, baseline, self._thresholds)}
        alerts: list[Alert] = []
        for rule in sorted(values):
            evaluation = self._evaluate(rule, values[rule], found.get(rule), traffic, baseline)
            if evaluation.is_final or evaluation.mark == BREACH:
                alerts += self._apply((rule, traffic.eni), evaluation)
        return alerts

    def advance(self, watermark: int) -> list[Alert]:
        """Resolve the alerts without traffic, delete expired states, and return the transitions to publish.

        `watermark` is event time: every window that ends at or before it has been observed.
        """
        alerts: list[Alert] = []
        for key, state in sorted(self._states.items()):
            if state.is_active and state.is_silent_at(watermark):
                alerts += self._resolve_silent(key, state)
            elif not state.is_active and state.newest_window + MEMORY_S <= watermark:
                del self._states[key]
                self._changed.add(key)
        return alerts

    def _evaluate(
        self, rule: str, value: float, finding: Finding | None, traffic: Traffic, baseline: Baseline | None
    ) -> Evaluation:
        if finding is not None:
            mark, summary = BREACH, finding.summary
        else:
            mark = CALM if value < self._thresholds.resolve_below(rule, baseline) else BETWEEN
            summary = f"{rule} at {value:.4g}"
        threshold = self._thresholds.of(rule, baseline)
        window = traffic.window_start, traffic.window_s
        return Evaluation(*window, mark, value, threshold, summary, traffic.is_final)

    def _apply(self, key: Key, evaluation: Evaluation) -> list[Alert]:
        alerts: list[Alert] = []
        state = self._states.get(key) or AlertState(*key, evaluation.window_s)
        # An open window is ahead of the watermark: the windows before it may not have arrived yet.
        if evaluation.is_final and state.is_active and state.is_silent_at(evaluation.window_start):
            alerts += self._resolve_silent(key, state)
            state = self._states[key]
        if not state.accepts(evaluation):
            return alerts
        state = state.with_evaluation(evaluation)
        while (following := state.transition()).status != state.status:
            alerts += _published(state, following, evaluation)
            state = following
        self._store(key, state)
        return alerts

    def _resolve_silent(self, key: Key, state: AlertState) -> list[Alert]:
        resolved = state.resolve()
        self._store(key, resolved)
        summary = f"no traffic for {SILENT_WINDOWS} windows"
        threshold = self._thresholds.of(state.rule, None)
        silence = Evaluation(state.newest_window, state.window_s, CALM, 0.0, threshold, summary)
        return _published(state, resolved, silence)

    def _store(self, key: Key, state: AlertState) -> None:
        if self._states.get(key) != state:
            self._states[key] = state
            self._changed.add(key)


def _published(before: AlertState, state: AlertState, evaluation: Evaluation) -> list[Alert]:
    """Return the alert to publish for a change of status, or nothing."""
    if state.status == PENDING:
        return [] if state.has_fired_before else [_alert(state, PENDING, evaluation)]
    if state.status == FIRING:
        return [_alert(state, FIRING, evaluation)]
    if before.status == PENDING:
        return [] if state.has_fired_before else [_alert(state, CANCELLED, evaluation)]
    return [_alert(state, RESOLVED, _peak_of(state, evaluation))]


def _peak_of(state: AlertState, evaluation: Evaluation) -> Evaluation:
    if state.peak_start < 0:  # written by the previous version, which did not store the peak
        return evaluation
    peak = state.peak_value, state.peak_threshold, state.peak_summary
    return Evaluation(state.peak_start, state.window_s, BREACH, *peak)


def _alert(state: AlertState, status: str, evaluation: Evaluation) -> Alert:
    window_end = evaluation.window_start + evaluation.window_s
    # A late window may belong before the breach that the alert starts with.
    until = max(window_end, state.ends_at, state.starts_at + state.window_s)
    query = urlencode({"v": 1, "eni": state.eni, "from": state.starts_at, "to": until})
    return Alert(
        fingerprint=fingerprint(state.rule, _labels(state.eni)),
        rule=state.rule,
        severity=SEVERITY[state.rule],
        status=status,
        labels=_labels(state.eni),
        summary=evaluation.summary,
        value=evaluation.value,
        threshold=evaluation.threshold,
        window_start=evaluation.window_start,
        window_end=window_end,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        url=f"/?{query}",
    )


def _labels(eni: str) -> dict[str, str]:
    return {"eni": eni}
