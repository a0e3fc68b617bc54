"""The alerts of one partition: what is usual of its interfaces, and the lives of its alerts.

A window is first judged by what was usual before it, and learned only if it is final, breaks no rule and no
alert of its interface is pending or firing. So an attack does not become usual, and no window is part of what
it is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from streams.alerts.alert_states import Lives
from streams.alerts.baseline import INTERFACES_MAX, Usuals
from streams.alerts.detectors import DEFAULTS, Thresholds, find, traffic_of
from streams.records import Alert


class Watch:
    """Judges the windows of one partition in the order in which they come."""

    def __init__(self, thresholds: Thresholds = DEFAULTS, interfaces_max: int = INTERFACES_MAX) -> None:
        self._thresholds = thresholds
        self._lives = Lives(thresholds)
        self._usuals = Usuals(interfaces_max)

    @classmethod
    def load(
        cls,
        state: Mapping[bytes, bytes],
        thresholds: Thresholds = DEFAULTS,
        interfaces_max: int = INTERFACES_MAX,
    ) -> Watch:
        """Build from the values that `changed` gave; other keys are ignored. Raises `UnknownFormat`."""
        watch = cls(thresholds)
        watch._lives = Lives.load(state, thresholds)
        watch._usuals = Usuals.load(state, interfaces_max)
        return watch

    def changed(self) -> dict[bytes, bytes | None]:
        """Return what must be written since the last call, by key; None deletes."""
        return {**self._lives.changed(), **self._usuals.changed()}

    def take(self, finals: pl.DataFrame, watermark: int) -> list[Alert]:
        """Judge the windows of a frame (`texts.FINALS`); return the transitions to publish, in order."""
        alerts: list[Alert] = []
        for traffic in traffic_of(finals):
            eni, usual = traffic.eni, self._usuals.of(traffic.eni)
            matters = traffic.may_matter(self._thresholds)
            if matters or self._lives.is_kept(eni):
                alerts += self._lives.observe(traffic, usual)
            if not traffic.is_final or self._lives.is_live(eni):
                continue
            if not (matters and find(traffic, usual, self._thresholds)):
                self._usuals.learn(eni, traffic.window_start, traffic.accepted, traffic.rejected)
        return alerts + self._lives.advance(watermark)
