"""Everything the page knows: windows, alerts, refused data, delays, and how we stand with Kafka.

The feed writes it, the routes read it, and a test may write it without any Kafka. It keeps no clock.
What is bounded: windows (`history.py`), resolved alerts, and the number of distinct reasons in `dead`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.kafka.health_messages import DELAY, LOSSES, HealthRecord, decode_health
from connectors.progress import NONE
from streams.records import Alert, decode_alert, has_fired
from streams.web.state.history import KEEP_WINDOWS, ForeignMessage, History
from streams.web.state.latencies import Latencies
from streams.web.state.progress import Progress

KEEP_RESOLVED = 200  # resolved alerts; the others end by themselves
_KEEP_REASONS = 32  # a reason becomes a metric's label, and labels are bounded
KEEP_HEALTH = 500  # sources of a finding, the newest of each kind
_RANK = {"firing": 0, "pending": 1, "resolved": 2}


@dataclass(frozen=True, slots=True)
class Link:
    """How we stand with Kafka: `connecting`, `waiting` (no topics yet), `live` or `reconnecting`."""

    state: str
    detail: str = ""


class Board:
    """What the page shows, as of the last message."""

    def __init__(self, keep_windows: int = KEEP_WINDOWS) -> None:
        self.history = History(keep_windows)
        self.progress = Progress()
        self._complete_to = NONE
        self.latencies = Latencies()  # arrival in Kinesis -> readable here
        self.dead: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.foreign: Counter[str] = Counter()
        self.link = Link("connecting")
        self.is_caught_up = False
        self.is_reading_history = False
        self.behind_messages = 0
        self.lag_s: float | None = None
        self.last_message_at: float | None = None
        self.alerts_version = 0
        self._alerts: dict[str, Alert] = {}
        self.health_version = 0
        self.found: Counter[str] = Counter()
        self._health: dict[tuple[str, str], HealthRecord] = {}

    @property
    def late(self) -> int:
        """Rows that came after their window's retention."""
        return self.dead["late"]

    def take_aggregate(
        self, value: bytes, now: float, written_at: float | None = None, *, is_fresh: bool = True
    ) -> None:
        """Apply one aggregate; `is_fresh` says that it was written after we began to read.

        Only fresh messages are timed: an old one, read again after a restart, is history and not a delay.
        """
        arrival_ms = self.history.read(value, now, self._complete_to if is_fresh else NONE)
        self.messages["aggregates"] += 1
        self.last_message_at = max(self.last_message_at or 0.0, now if written_at is None else written_at)
        if arrival_ms > 0 and is_fresh:
            lag_ms = now * 1000 - arrival_ms
            self.lag_s = max(lag_ms / 1000, 0.0)
            self.latencies.add(lag_ms)

    def take_progress(self, slot: int, value: bytes) -> None:
        """Apply the progress of one slot. Raises `ForeignMessage`."""
        self.progress.take(slot, value)
        self._complete_to = self.progress.complete_to
        self.messages["positions"] += 1

    def take_alert(self, fingerprint: str, value: bytes | None) -> None:
        """Apply one transition; without a value it is a tombstone, and the alert is forgotten."""
        self.messages["alerts"] += 1
        self.alerts_version += 1
        if value is None:
            self._alerts.pop(fingerprint, None)
            return
        try:
            alert = decode_alert(value)
            _ = alert.starts_at + alert.ends_at, _RANK[alert.status], alert.labels.get("eni")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ForeignMessage(f"not an alert: {error!r}") from error
        if alert.status == "resolved" and not has_fired(alert):
            self._alerts.pop(fingerprint, None)
            return
        self._alerts[alert.fingerprint] = alert
        self._drop_old_alerts()

    def take_dead(self, headers: Iterable[tuple[str, bytes]]) -> None:
        """Count what was refused, by its reason."""
        found = dict(headers)
        try:
            why, count = found["why"].decode(), int(found.get("count", b"1"))
        except (KeyError, ValueError, AttributeError) as error:
            raise ForeignMessage(f"not a refusal: {error!r}") from error
        self.messages["dead"] += 1
        self.dead[why if why in self.dead or len(self.dead) < _KEEP_REASONS else "other"] += count

    def take_health(self, value: bytes) -> None:
        """Apply what a connector says of the data: the newest of each kind and source is kept."""
        try:
            one = decode_health(value)
            _ = one.at_ms + one.from_ms + one.to_ms
        except (ValueError, TypeError) as error:
            raise ForeignMessage(f"nothing about the data's health: {error!r}") from error
        self.messages["health"] += 1
        self.health_version += 1
        kind = one.kind if one.kind in self.found or len(self.found) < _KEEP_REASONS else "other"
        self.found[kind] += 1
        self._health.pop((one.kind, one.source), None)
        self._health[one.kind, one.source] = one  # so the first is the one that was said longest ago
        if len(self._health) > KEEP_HEALTH:
            del self._health[next(iter(self._health))]

    def health(self) -> list[HealthRecord]:
        """Return what was found: losses first, delays last, the newest first in each."""

        def rank(one: HealthRecord) -> tuple[int, int]:
            return (0 if one.kind in LOSSES else 2 if one.kind == DELAY else 1), -one.at_ms

        return sorted(self._health.values(), key=rank)

    def alerts(self) -> list[Alert]:
        """Return the alerts: firing first, then pending, then resolved; the newest first in each."""
        return sorted(self._alerts.values(), key=lambda a: (_RANK[a.status], -a.starts_at, a.fingerprint))

    def _drop_old_alerts(self) -> None:
        resolved = [alert for alert in self._alerts.values() if alert.status == "resolved"]
        if len(resolved) > KEEP_RESOLVED:
            del self._alerts[min(resolved, key=lambda a: a.ends_at).fingerprint]
