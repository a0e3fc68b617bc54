"""Records that wait for delivery, until there are enough or the oldest has waited long enough. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BufferedRecord:
    """One record. `arrival_ms` is when AWS got it, `entered_ms` when Firehose did."""

    data: bytes
    arrival_ms: int
    entered_ms: int
    data_id: str


@dataclass(frozen=True, slots=True)
class Hints:
    """When to deliver, and how much at once."""

    size_bytes: int
    interval_ms: int
    most_records: int


@dataclass(slots=True)
class Buffer:
    """Records in the order they came."""

    records: deque[BufferedRecord] = field(default_factory=deque)
    bytes: int = 0

    def add(self, records: Iterable[BufferedRecord]) -> None:
        """Add records."""
        for record in records:
            self.records.append(record)
            self.bytes += len(record.data)

    def is_due(self, hints: Hints, now_ms: int) -> bool:
        """Say whether a delivery should start."""
        if not self.records:
            return False
        is_old = now_ms - self.records[0].entered_ms >= hints.interval_ms
        return is_old or self.bytes >= hints.size_bytes or len(self.records) >= hints.most_records

    def take(self, hints: Hints) -> list[BufferedRecord]:
        """Remove and return what makes one delivery: at least one record, if there is any."""
        taken: list[BufferedRecord] = []
        taken_bytes = 0
        while self.records and len(taken) < hints.most_records:
            size = len(self.records[0].data)
            if taken and taken_bytes + size > hints.size_bytes:
                break
            taken.append(self.records.popleft())
            taken_bytes += size
        self.bytes -= taken_bytes
        return taken
