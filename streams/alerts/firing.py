"""The alerts that fire now, from the transitions on the `alerts` topic up to now."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.alerts.alert_state import FIRING
from streams.records import Alert


@dataclass(slots=True)
class FiringNow:
    """The newest transition of each alert of one partition whose first `end` offsets are history.

    A sink that is new begins with the alerts that fire now. It has no use for what was resolved before it was
    there, and must not miss what began before.
    """

    end: int
    _newest: dict[bytes, Alert] = field(default_factory=dict)

    def take(self, key: bytes, alert: Alert | None) -> None:
        """Take the next message of the topic; without an alert (a tombstone) the key is forgotten."""
        self._newest.pop(key, None)
        if alert is not None and alert.status == FIRING:
            self._newest[key] = alert

    def alerts(self) -> list[Alert]:
        """Return the alerts that fire now, in the order in which they began to."""
        return list(self._newest.values())
