"""A histogram of durations on a fixed geometric scale, cheap to feed and small to keep.

Eight buckets an octave, from 1 ms to 70 minutes: a quantile read from it is within 9 % of the truth. Every
eighth bound is a power of two milliseconds, which is the coarse scale that `/metrics` shows.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

_STEPS = 8  # buckets an octave
_OCTAVES = 22  # 1 ms x 2^22 = 70 minutes
BOUNDS_MS = tuple(2 ** (step / _STEPS) for step in range(_STEPS * _OCTAVES + 1))


class Latencies:
    """How long things took, in milliseconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self.count = 0
        self.sum_ms = 0.0

    def add(self, ms: float) -> None:
        """Count one duration; a negative one (two clocks that disagree) counts as none."""
        ms = max(ms, 0.0)
        self._counts[bisect_left(BOUNDS_MS, ms)] += 1
        self.count += 1
        self.sum_ms += ms

    def quantile_ms(self, q: float) -> float | None:
        """Return the `q`-quantile, interpolated inside its bucket; None before the first duration."""
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
        """Return (upper bound in seconds, how many were at most that), one for each octave."""
        running = list(accumulate(self._counts))
        return [(BOUNDS_MS[i] / 1000, running[i]) for i in range(0, len(BOUNDS_MS), _STEPS)]
