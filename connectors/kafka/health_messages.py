"""The message on `health`: a finding of a connector about its source, such as loss, a gap, or a delay.

Each is one JSON message in the transaction of the data that it is about, so it is published exactly once. A
metric counts each kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from connectors.formats.flowlog import without_prefix
from connectors.kafka.messages import Message

TRIMMED = "trimmed"  # records expired before they were read
GONE = "shard_gone"  # a whole shard did
DELETED = "stream_deleted"
RECREATED = "stream_recreated"
REPEATED = "repeated"  # the source delivered something again; it was counted once
OBJECT_GONE = "object_gone"  # an S3 object was deleted before it was read to its end
OBJECT_REPLACED = "object_replaced"  # an S3 object has another version than its notification or listing
GAP = "gap"  # a source that had delivered was silent, and delivers again
IGNORED = "ignored"  # objects or messages are not flow logs, and are left alone
DELAY = "delay"  # how late lines come: arrival minus the end of the flow

LOSSES = frozenset({TRIMMED, GONE, OBJECT_GONE})
GAP_S = 900  # CloudWatch delivers within ten minutes, flow logs in at most ten; longer is no delay
DELAY_EVERY_S = 60
NUMBER_MOST_DIGITS = 12  # of a time in seconds; a longer one is no time, and may be no number of Python's


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """One finding. `from_ms` to `to_ms` is the time that it is about, epoch ms, 0 if unknown.

    `value` is seconds for `gap` and `delay` (the longest), a count for `repeated`, `ignored` and
    objects, else 0.
    """

    kind: str
    source: str
    at_ms: int
    text: str
    from_ms: int = 0
    to_ms: int = 0
    value: float = 0.0

    def message(self, prefix: str, slot: int) -> Message:
        """Return the message on `health`, with kind and source as its key."""
        key = f"{self.kind}|{self.source}".encode()
        return Message(f"{prefix}health", slot, key, orjson.dumps(self))


def decode_health(value: bytes) -> HealthRecord:
    """Decode a finding. Raises `ValueError` or `TypeError` for foreign JSON."""
    return HealthRecord(**orjson.loads(value))


@dataclass(slots=True)
class Arrivals:
    """The last delivery of one source and its longest delay, from which gaps and delays are found."""

    source: str
    last_ms: int = 0
    told_ms: int = 0
    longest_s: float = 0.0
    lines_from: int = 0

    def came(self, arrival_ms: int, delay_s: float | None, now_ms: int) -> list[HealthRecord]:
        """Add a delivery and return the findings. `delay_s` is the time since the flow ended, or None."""
        found = []
        silent_s = (arrival_ms - self.last_ms) / 1000
        if self.last_ms and silent_s > GAP_S:
            text = f"nothing came for {silent_s:.0f} s"
            found.append(HealthRecord(GAP, self.source, now_ms, text, self.last_ms, arrival_ms, silent_s))
        self.last_ms = max(self.last_ms, arrival_ms)
        if delay_s is not None:
            self.longest_s = max(self.longest_s, delay_s)
            self.lines_from += 1
        self.told_ms = self.told_ms or now_ms
        if self.lines_from and now_ms - self.told_ms >= DELAY_EVERY_S * 1000:
            text = f"lines came up to {self.longest_s:.0f} s after their flow ended"
            found.append(HealthRecord(DELAY, self.source, now_ms, text, self.told_ms, now_ms, self.longest_s))
            self.told_ms, self.longest_s, self.lines_from = now_ms, 0.0, 0
        return found


def delay_s(text: bytes, end_at: int | None, columns: int, arrival_ms: int) -> float | None:
    """Return the time from the end of the last line's flow to its arrival; None if the line has no end.

    `end_at` is the place of the field `end` among the `columns` of the format.
    """
    if end_at is None or not arrival_ms:
        return None
    fields = without_prefix(text[text.rfind(b"\n") + 1 :].split(), columns)
    if len(fields) > end_at and len(fields[end_at]) <= NUMBER_MOST_DIGITS and fields[end_at].isdigit():
        return max(arrival_ms / 1000 - int(fields[end_at]), 0.0)
    return None
