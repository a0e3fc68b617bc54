"""The data of the page: windows, alerts, refused data, delays, data health, and the link to Kafka.

The feed writes the board, and the routes read it. The board reads no clock. The numbers of windows
(`history.py`), resolved alerts, data health messages and distinct reasons in `dead` are bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.inventory.directory import Directory
from connectors.kafka.health_messages import DELAY, LOSSES, HealthRecord, decode_health
from connectors.progress import NONE
from streams.records import Alert, decode_alert, has_fired
from streams.web.state.conversations import MEMORY_MB, Conversations
from streams.web.state.history import KEEP_WINDOWS, ForeignMessage, History
from streams.web.state.latencies import Latencies
from streams.web.state.progress import SlotsProgress

KEEP_RESOLVED = 200  # resolved alerts; active alerts are bounded by the number of interfaces
_KEEP_REASONS = 32  # reasons are metric labels, which must be bounded
KEEP_DATA_HEALTH = 500  # pairs of kind and source, the newest message of each
_RANK = {"firing": 0, "pending": 1, "resolved": 2}


@dataclass(frozen=True, slots=True)
class KafkaLink:
    """The link to Kafka: `connecting`, `waiting` (for the topics), `live` or `reconnecting`."""

    state: str
    detail: str = ""


class Board:
    """The state of the page after the last message."""

    def __init__(self, keep_windows: int = KEEP_WINDOWS, conversations_mb: int = MEMORY_MB) -> None:
        self.history = History(keep_windows)
        self.conversations = Conversations(conversations_mb)
        self.has_conversations = False
        """True after the first answer of Kafka to a read of the conversations."""
        self.directory = Directory()
        self.progress = SlotsProgress()
        self._complete_to = NONE
        self.latencies = Latencies()  # from the arrival at the source to the page
        self.dead: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.foreign: Counter[str] = Counter()
        self.link = KafkaLink("connecting")
        self.is_caught_up = False
        self.is_reading_history = False
        self.behind_messages = 0
        self.lag_s: float | None = None
        self.last_message_at: float | None = None
        self.alerts_version = 0
        self._alerts: dict[str, Alert] = {}
        self.data_health_version = 0
        self.found: Counter[str] = Counter()
        self._data_health: dict[tuple[str, str], HealthRecord] = {}

    @property
    def late(self) -> int:
        """The number of flows that arrived after the retention of their window."""
        return self.dead["late"]

    def take_aggregate(
        self, value: bytes, now: float, written_at: float | None = None, *, is_fresh: bool = True
    ) -> None:
        """Apply one aggregate. Raises `ForeignMessage`.

        `now` is the time of the read, `written_at` the time of the message if it differs (epoch seconds).
        `is_fresh` is True if the message was written after the feed started: the delay of an older message,
        which is read again after a restart, is not measured.
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
        """Apply one transition; None is a tombstone, which deletes the alert. Raises `ForeignMessage`."""
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
        """Count refused rows or records by reason. Raises `ForeignMessage`."""
        found = dict(headers)
        try:
            why, count = found["why"].decode(), int(found.get("count", b"1"))
        except (KeyError, ValueError, AttributeError) as error:
            raise ForeignMessage(f"not a refusal: {error!r}") from error
        self.messages["dead"] += 1
        self.dead[why if why in self.dead or len(self.dead) < _KEEP_REASONS else "other"] += count

    def take_data_health(self, value: bytes) -> None:
        """Keep a data health message if it is the newest of its kind and source. Raises `ForeignMessage`."""
        try:
            one = decode_health(value)
            _ = one.at_ms + one.from_ms + one.to_ms
        except (ValueError, TypeError) as error:
            raise ForeignMessage(f"not a data health message: {error!r}") from error
        self.messages["health"] += 1
        self.data_health_version += 1
        kind = one.kind if one.kind in self.found or len(self.found) < _KEEP_REASONS else "other"
        self.found[kind] += 1
        self._data_health.pop((one.kind, one.source), None)
        self._data_health[one.kind, one.source] = one  # insertion order, so the first is the oldest
        if len(self._data_health) > KEEP_DATA_HEALTH:
            del self._data_health[next(iter(self._data_health))]

    def data_health(self) -> list[HealthRecord]:
        """Return the data health messages: losses first, delays last, the newest first in each group."""

        def rank(one: HealthRecord) -> tuple[int, int]:
            return (0 if one.kind in LOSSES else 2 if one.kind == DELAY else 1), -one.at_ms

        return sorted(self._data_health.values(), key=rank)

    def alerts(self) -> list[Alert]:
        """Return the alerts: firing first, then pending, then resolved; the newest first in each group."""
        return sorted(self._alerts.values(), key=lambda a: (_RANK[a.status], -a.starts_at, a.fingerprint))

    def _drop_old_alerts(self) -> None:
        resolved = [alert for alert in self._alerts.values() if alert.status == "resolved"]
        if len(resolved) > KEEP_RESOLVED:
            del self._alerts[min(resolved, key=lambda a: a.ends_at).fingerprint]
