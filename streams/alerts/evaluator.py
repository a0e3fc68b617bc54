"""The alert evaluation of one partition: the baselines of its interfaces and the states of its alerts. Pure.

A window is first compared with the baseline from earlier windows. It is added to the baseline only if it is
final, breaches no rule, and no alert of its interface is pending or firing. An attack therefore never becomes
part of the baseline, and no window is compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from streams.alerts.alert_states import AlertStates
from streams.alerts.baseline import INTERFACES_MAX, Baselines
from streams.alerts.detectors import DEFAULTS, Thresholds, find, traffic_of
from streams.records import Alert


class Evaluator:
    """Evaluates the windows of one partition in the order in which they arrive."""

    def __init__(self, thresholds: Thresholds = DEFAULTS, interfaces_max: int = INTERFACES_MAX) -> None:
        self._thresholds = thresholds
        self._states = AlertStates(thresholds)
        self._baselines = Baselines(interfaces_max)

    @classmethod
    def load(
        cls,
        state: Mapping[bytes, bytes],
        thresholds: Thresholds = DEFAULTS,
        interfaces_max: int = INTERFACES_MAX,
    ) -> Evaluator:
        """Load the messages that `take_changes` returned; other keys are ignored. Raises `UnknownFormat`."""
        evaluator = cls(thresholds)
        evaluator._states = AlertStates.load(state, thresholds)
        evaluator._baselines = Baselines.load(state, interfaces_max)
        return evaluator

    def take_changes(self) -> dict[bytes, bytes | None]:
        """Return the state messages to write since the last call, by key; None deletes the key."""
        return {**self._states.take_changes(), **self._baselines.take_changes()}

    def evaluate(self, finals: pl.DataFrame, watermark: int) -> list[Alert]:
        """Evaluate the windows of a frame (`aggregate_encoding.FINALS`); return the transitions to publish.

        `watermark` is event time, epoch seconds: it resolves alerts of interfaces without traffic.
        """
        alerts: list[Alert] = []
        for traffic in traffic_of(finals):
            eni, baseline = traffic.eni, self._baselines.of(traffic.eni)
            is_notable = traffic.is_notable(self._thresholds)
            if is_notable or self._states.has_state(eni):
                alerts += self._states.observe(traffic, baseline)
            if not traffic.is_final or self._states.is_active(eni):
                continue
            if not (is_notable and find(traffic, baseline, self._thresholds)):
                self._baselines.learn(eni, traffic.window_start, traffic.accepted, traffic.rejected)
        return alerts + self._states.advance(watermark)
