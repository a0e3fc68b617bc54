"""The published records, aggregate and alert, and their JSON encodings. Pure.

Readers of the topics `aggregates` and `alerts` import these; `docs/topics.md` shows an example of each.
Totals are absolute: reading a message twice, or a newer one after an older one, gives the same result.
"""

from __future__ import annotations

import builtins
from dataclasses import asdict, dataclass
from typing import Any

import orjson

TRAFFIC_ACTIONS = ("ACCEPT", "REJECT")
LOG_ACTIONS = ("NODATA", "SKIPDATA")  # rows about the log, not about traffic (VPC guide, "Flow log records")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The totals of one ENI, one action and one tumbling window.

    `action` is `ACCEPT`, `REJECT`, `-` (a format without the field), or `NODATA` / `SKIPDATA` for log-status
    lines, whose `flows` counts lines. Times are epoch seconds. `oldest_arrival_ms` is the oldest arrival of
    the records that this revision added, in epoch milliseconds, or 0 if it added none. `protocols` maps the
    IANA number, as text, to `[flows, packets, bytes]`. `distinct_ports` and `distinct_sources` are
    linear-counting estimates for `REJECT`, of destination ports and sources. Their error is below 20 % from
    50 to 2,000 (3 % typically). Above 4,000 they are too low, and their maximum is 7,098. For other actions,
    `distinct_sources` is 0, and `distinct_ports` is the HyperLogLog estimate of service ports.
    `distinct_peers` is that of peers for every action. Both are 0 until the window is final.
    """

    eni: str
    action: str
    window_start: int
    window_s: int
    flows: int
    packets: int
    bytes: int
    first: int
    last: int
    protocols: dict[str, list[int]]
    distinct_ports: int
    distinct_sources: int
    revision: int
    final: bool
    oldest_arrival_ms: int
    distinct_peers: int = 0

    @property
    def key(self) -> builtins.bytes:
        """The Kafka key: `eni|action|window_start`."""
        return f"{self.eni}|{self.action}|{self.window_start}".encode()

    def encode(self) -> builtins.bytes:
        """Return the JSON of this aggregate."""
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Final:
    """The detector input for one aggregate, with fields of `Aggregate`.

    `merge` sends it when the window becomes final, when a final window is amended, and, with `final` false,
    while the window is open and a rule whose value only grows may fire.
    """

    eni: str
    action: str
    window_start: int
    window_s: int
    flows: int
    packets: int
    bytes: int
    distinct_ports: int
    distinct_sources: int
    revision: int
    final: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """One transition of an alert to `pending`, `firing` or `resolved`.

    `summary`, `value`, `threshold` and the window describe the window that caused the transition; for a
    resolved alert, the window of its peak. A pending alert that never fires is deleted by a tombstone on the
    topic. Times are epoch seconds; `ends_at` is 0 until the alert resolves. `fingerprint` is a hash of the
    rule and the labels, equal for every transition of one alert.
    """

    fingerprint: str
    rule: str
    severity: str
    status: str
    labels: dict[str, str]
    summary: str
    value: float
    threshold: float
    window_start: int
    window_end: int
    starts_at: int
    ends_at: int
    url: str

    def encode(self) -> bytes:
        """Return the JSON of this alert."""
        return orjson.dumps(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary."""
        return asdict(self)


def decode_alert(value: bytes) -> Alert:
    """Return the alert of a JSON message. Raises `ValueError` or `TypeError` on foreign JSON."""
    return Alert(**orjson.loads(value))


def has_fired(alert: Alert) -> bool:
    """Return True if the alert has fired; only such alerts are listed as resolved and delivered.

    The previous version published a pending alert that never fired as resolved, with `ends_at` equal to
    `starts_at`. Such messages may still be on the topic.
    """
    return alert.status == "firing" or (alert.status == "resolved" and alert.ends_at > alert.starts_at)
