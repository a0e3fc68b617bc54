"""A histogram of durations with fixed geometric buckets. Pure.

It has eight buckets per octave, from 1 ms to 70 minutes, so the error of a quantile is below 9 %. Every
eighth bound is a power of two milliseconds; `/metrics` shows these bounds only.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

_STEPS = 8  # buckets per octave
_OCTAVES = 22  # 1 ms x 2^22 = 70 minutes
BOUNDS_MS = tuple(2 ** (step / _STEPS) for step in range(_STEPS * _OCTAVES + 1))


class Latencies:
    """A histogram of durations in milliseconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self.count = 0
        self.sum_ms = 0.0

    def add(self, ms: float) -> None:
        """Count one duration; a negative one, as of two clocks that differ, counts as 0."""
        ms = max(ms, 0.0)
        self._counts[bisect_left(BOUNDS_MS, ms)] += 1
        self.count += 1
        self.sum_ms += ms

    def quantile_ms(self, q: float) -> float | None:
        """Return the `q`-quantile in milliseconds, interpolated in its bucket; None without durations."""
        if not self.count:
            return None
        rank, below = q * self.count, 0
        for bucket, count in enumerate(self._counts):
            if below + count >= rank and count:
                low = BOUNDS_MS[bucket - 1] if bucket else 0.0
                high = BOUNDS_MS[min(bucket, len(BOUNDS_MS) - 1)]
                return low + (high - low) * (rank - below) / count
            below += count
        return BOUNDS_MS[-1]

    def octaves(self) -> list[tuple[float, int]]:
        """Return pairs of upper bound in seconds and cumulative count, one for each octave."""
        running = list(accumulate(self._counts))
        return [(BOUNDS_MS[i] / 1000, running[i]) for i in range(0, len(BOUNDS_MS), _STEPS)]
