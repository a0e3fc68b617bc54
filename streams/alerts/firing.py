"""The alerts that fire now, derived from the transitions on the topic `alerts`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.alerts.alert_state import FIRING
from streams.records import Alert


@dataclass(slots=True)
class FiringNow:
    """The firing alerts of one partition at offset `end`.

    A new sink starts with the alerts that fire now: it does not need alerts that resolved earlier, and must
    not miss alerts that began earlier.
    """

    end: int
    _newest: dict[bytes, Alert] = field(default_factory=dict)

    def take(self, key: bytes, alert: Alert | None) -> None:
        """Apply the next message of the topic; None is a tombstone."""
        self._newest.pop(key, None)
        if alert is not None and alert.status == FIRING:
            self._newest[key] = alert

    def alerts(self) -> list[Alert]:
        """Return the firing alerts, in the order in which they began to fire."""
        return list(self._newest.values())
