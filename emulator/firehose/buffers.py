"""The buffer of records before delivery, with its size and age limits. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BufferedRecord:
    """One record. `arrival_ms` is its arrival at the source, `entered_ms` its arrival at Firehose."""

    data: bytes
    arrival_ms: int
    entered_ms: int
    data_id: str


@dataclass(frozen=True, slots=True)
class Hints:
    """The buffering hints: the size, age and record count that start a delivery and limit it."""

    size_bytes: int
    interval_ms: int
    most_records: int


@dataclass(slots=True)
class Buffer:
    """The buffered records in their order of arrival, and the sum of their sizes."""

    records: deque[BufferedRecord] = field(default_factory=deque)
    bytes: int = 0

    def add(self, records: Iterable[BufferedRecord]) -> None:
        """Add records."""
        for record in records:
            self.records.append(record)
            self.bytes += len(record.data)

    def is_due(self, hints: Hints, now_ms: int) -> bool:
        """Return True if a delivery should start."""
        if not self.records:
            return False
        is_old = now_ms - self.records[0].entered_ms >= hints.interval_ms
        return is_old or self.bytes >= hints.size_bytes or len(self.records) >= hints.most_records

    def take(self, hints: Hints) -> list[BufferedRecord]:
        """Remove and return the records of one delivery: at least one, unless the buffer is empty."""
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
