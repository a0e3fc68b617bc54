"""The growth of an on-demand stream, to twice its peak write throughput per second.

The Developer Guide: such a stream accepts up to double its peak write throughput of the last 30 days, and at
least 4 MB/s. Here the peak is that since creation, measured once a second, and a stream never shrinks. AWS
also splits hot shards; that is not supported. Streams grow only if limits are enabled, because without them
shards accept any throughput.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.kinesis.state.shards import Shard

SHARD_BYTES_PER_S = 1 << 20
SHARD_RECORDS_PER_S = 1000
LEAST_SHARDS = 4  # Developer Guide, "On-demand mode": a new stream handles 4 MB/s, that is four shards
HEADROOM = 2


@dataclass(frozen=True, slots=True)
class Writes:
    """The amount written to a stream until `at_ms`, and its peaks per second."""

    at_ms: int = 0
    bytes: int = 0
    records: int = 0
    peak_bytes_per_s: float = 0.0
    peak_records_per_s: float = 0.0

    def observe(self, shards: Iterable[Shard], now_ms: int) -> Writes:
        """Return the state after a new measurement, at least a second later."""
        elapsed_s = max(1.0, (now_ms - self.at_ms) / 1000)
        written, records = 0, 0
        for shard in shards:
            written += shard.written_bytes
            records += shard.next_index - 1
        return Writes(
            now_ms,
            written,
            records,
            max(self.peak_bytes_per_s, (written - self.bytes) / elapsed_s),
            max(self.peak_records_per_s, (records - self.records) / elapsed_s),
        )

    def shards_wanted(self) -> int:
        """Return the number of shards for twice the peaks."""
        for_bytes = -(-HEADROOM * self.peak_bytes_per_s // SHARD_BYTES_PER_S)
        for_records = -(-HEADROOM * self.peak_records_per_s // SHARD_RECORDS_PER_S)
        return max(LEAST_SHARDS, int(for_bytes), int(for_records))
