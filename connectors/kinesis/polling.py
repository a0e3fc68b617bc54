"""The polling interval of one shard, within AWS's limits: short for a busy shard, long for a quiet one.

A shard serves 5 GetRecords calls and 2 MB per second to all its consumers together (Kinesis guide, "Quotas
and limits"). Other consumers show only as throttling: a throttled call lengthens the minimum interval, and
successful calls shorten it again. A quiet shard is polled once a second. A busy shard keeps its short
interval over a few empty answers, because records arrive in bursts.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_S = 0.2
QUIET_S = 1.0
SHARED_MOST_S = 2.0
BYTES_S = 2_000_000
LIMIT_MOST = 10_000  # the maximum of AWS
LIMIT_FIRST = 50  # records of unknown size: 500 may have 10 MB, which are hours of a small shard
EXPECTED_BYTES = 1 << 20  # of the first answer
ANSWER_BYTES = 2 << 20  # of text, when unwrapped: a CloudWatch envelope inflates up to tenfold
BEHIND_MS = 1_000  # a shard that is further behind is polled at the minimum interval
BUSY_BYTES = 16 << 10  # the size of an answer from which a shard counts as busy: 500 lines of CloudWatch
PATIENCE = 25  # empty answers (about 5 s) after which a shard is no longer busy
_LONGER, _SHORTER = 2.0, 0.7
_THROTTLED, _RECOVERED = 1.5, 0.98


@dataclass(slots=True)
class Polling:
    """The polling state of one shard. Times are seconds of a monotonic clock and are passed in.

    `least_s` 0 and `bytes_s` 0 disable the limits, for an emulator without them. `expected` is the estimated
    number of bytes of the next answer.
    """

    least_s: float = LEAST_S
    quiet_s: float = QUIET_S
    bytes_s: int = BYTES_S
    _pause_s: float = LEAST_S
    _shared_s: float = 0.0
    _patience: int = 0
    _limit: float = LIMIT_FIRST
    expected: int = EXPECTED_BYTES

    @property
    def limit(self) -> int:
        """Return the `Limit` of the next call; its answer should hold about `ANSWER_BYTES` of text."""
        return int(self._limit)

    def saw(self, records: int, text_bytes: int) -> None:
        """Update the estimate with the number of records and text bytes of an answer."""
        self.expected = text_bytes or self.expected // 2
        if records:
            wanted = ANSWER_BYTES * records / max(text_bytes, 1)
            self._limit = min(max(wanted, 1.0), self._limit * 4, LIMIT_MOST)

    def pause(self, records: int, size: int, behind_ms: int, took_s: float) -> float:
        """Return the seconds to wait after an answer of `size` bytes whose call took `took_s`."""
        self._shared_s = max(self.least_s, self._shared_s * _RECOVERED)
        least = max(self._shared_s, size / self.bytes_s if self.bytes_s else 0.0)
        self._patience = PATIENCE if size >= BUSY_BYTES else max(self._patience - 1, 0)
        factor = _SHORTER if records or self._patience else _LONGER
        self._pause_s = min(max(self._pause_s * factor, LEAST_S), self.quiet_s)
        if behind_ms > BEHIND_MS or (records and not self.least_s):
            return max(least - took_s, 0.0)
        return max(least, self._pause_s) - min(took_s, least)

    def throttled(self) -> float:
        """Lengthen the minimum interval after a throttled call; return the seconds to wait."""
        self._shared_s = min(max(self._shared_s, self.least_s, LEAST_S) * _THROTTLED, SHARED_MOST_S)
        return self._shared_s
