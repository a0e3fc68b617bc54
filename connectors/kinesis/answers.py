"""The decoded answer of one GetRecords call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class KinesisRecord(NamedTuple):
    """One Kinesis record. `arrival_ms` is ApproximateArrivalTimestamp, epoch milliseconds.

    A tuple, because a frozen dataclass takes four times as long to create.
    """

    sequence_number: str
    arrival_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class GetRecordsResponse:
    """One GetRecords answer; `next_iterator` is empty if the shard has ended."""

    records: list[KinesisRecord]
    next_iterator: str
    behind_ms: int
