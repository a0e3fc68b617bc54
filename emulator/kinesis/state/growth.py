"""How an on-demand stream grows by itself: to twice the write throughput it has ever seen in a second.

The Developer Guide says that such a stream takes up to double its peak write throughput of the last 30 days,
and 4 MB/s at least. Here the peak is that since creation, observed once a second, and a stream never shrinks.
AWS also splits shards that a few keys make hot; that is not played. It happens only with limits on, since
without them every shard takes whatever comes.
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
    """What was written to a stream until a time, and its peaks for a second."""

    at_ms: int = 0
    bytes: int = 0
    records: int = 0
    peak_bytes_per_s: float = 0.0
    peak_records_per_s: float = 0.0

    def observe(self, shards: Iterable[Shard], now_ms: int) -> Writes:
        """Return the state after another look, no less than a second later."""
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
        """Return how many shards take twice the peaks."""
        for_bytes = -(-HEADROOM * self.peak_bytes_per_s // SHARD_BYTES_PER_S)
        for_records = -(-HEADROOM * self.peak_records_per_s // SHARD_RECORDS_PER_S)
        return max(LEAST_SHARDS, int(for_bytes), int(for_records))
