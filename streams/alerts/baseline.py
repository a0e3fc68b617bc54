"""The baseline of each interface: exponentially weighted levels of its traffic, a few numbers for each. Pure.

The number of rejects is stored on the scale 2 √(n + 3/8) (Anscombe 1948): on that scale, counts of
independent events have a standard deviation of 1 at any level, and bursts weigh less than on the plain scale.
The deviation is the mean absolute deviation, times 1.25 for a standard deviation, and at least 1.

Windows are added in event order, each once: a window that is not newer than the last one, such as an amended
one, changes nothing. `evaluator` decides which windows belong to the baseline. At most `INTERFACES_MAX`
baselines are kept; above that, the least recently updated ones are evicted and learned again. The state is
`BUCKETS` JSON values of a compacted topic; only changed ones are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from zlib import crc32

import orjson

from connectors.errors import ConnectError

WARM_UP_WINDOWS = 10  # before `reject_ratio` may fire
WEIGHT_MIN = 1 / 30  # half-life of 20 windows; the first 30 windows have equal weights
INTERFACES_MAX = 20_000  # per partition; about 5 MB
EVICTED_SHARE = 10  # evict a tenth at once, because finding the oldest takes a sort
BUCKETS = 64
FORMAT = 1
KEY_PREFIX = b"usual|"
_TO_STANDARD = 1.25  # √(π/2): from a mean absolute deviation to a standard deviation


class UnknownFormat(ConnectError):
    """`detect-state` has an unknown format; the message names the remedy."""


@dataclass(slots=True)
class Baseline:
    """The baseline of one interface: flows per window by action, and the level of rejects on the scale.

    `newest` is the start of the last window added, epoch seconds; `windows` is the number of windows added.
    """

    windows: int = 0
    newest: int = -1
    accepted: float = 0.0
    rejected: float = 0.0
    level: float = 0.0
    deviation: float = 0.0

    @property
    def is_known(self) -> bool:
        """True after the warm-up."""
        return self.windows >= WARM_UP_WINDOWS

    @property
    def ratio(self) -> float:
        """The rejected share of the flows."""
        flows = self.accepted + self.rejected
        return self.rejected / flows if flows else 0.0

    def learn(self, window_start: int, accepted: int, rejected: int) -> bool:
        """Add a window if it is newer than the last one; return True if it was added."""
        if window_start <= self.newest:
            return False
        self.newest = window_start
        self.windows += 1
        weight = max(1 / self.windows, WEIGHT_MIN)
        value = _scaled(rejected)
        if self.windows > 1:
            self.deviation += max(1 / (self.windows - 1), WEIGHT_MIN) * (
                abs(value - self.level) - self.deviation
            )
        self.level += weight * (value - self.level)
        self.accepted += weight * (accepted - self.accepted)
        self.rejected += weight * (rejected - self.rejected)
        return True


def deviations(baseline: Baseline, rejected: int) -> float:
    """Return the distance of a number of rejects above the baseline, in standard deviations."""
    return (_scaled(rejected) - baseline.level) / max(1.0, _TO_STANDARD * baseline.deviation)


class Baselines:
    """The baselines of the interfaces of one partition."""

    def __init__(self, interfaces_max: int = INTERFACES_MAX) -> None:
        self._max = interfaces_max
        self._by_bucket: list[dict[str, Baseline]] = [{} for _ in range(BUCKETS)]
        self._count = 0
        self._changed: set[int] = set()

    @classmethod
    def load(cls, state: Mapping[bytes, bytes], interfaces_max: int = INTERFACES_MAX) -> Baselines:
        """Load the messages that `take_changes` returned; other keys are ignored. Raises `UnknownFormat`."""
        baselines = cls(interfaces_max)
        for key, value in state.items():
            if not key.startswith(KEY_PREFIX):
                continue
            document = orjson.loads(value)
            if document["format"] != FORMAT:
                raise UnknownFormat(
                    f"{key.decode()} of detect-state has format {document['format']}, but this version reads"
                    f" format {FORMAT}: start the version that wrote it, or a newer one"
                )
            found = {eni: Baseline(*numbers) for eni, numbers in document["interfaces"].items()}
            baselines._by_bucket[int(key[len(KEY_PREFIX) :])] = found
            baselines._count += len(found)
        return baselines

    def of(self, eni: str) -> Baseline | None:
        """Return the baseline of an interface; None if it has none."""
        return self._by_bucket[_bucket(eni)].get(eni)

    def learn(self, eni: str, window_start: int, accepted: int, rejected: int) -> None:
        """Add a window to the baseline of an interface."""
        bucket = _bucket(eni)
        baseline = self._by_bucket[bucket].get(eni)
        if baseline is None:
            baseline = self._by_bucket[bucket][eni] = Baseline()
            self._count += 1
        if baseline.learn(window_start, accepted, rejected):
            self._changed.add(bucket)
        if self._count > self._max:
            self._evict()

    def take_changes(self) -> dict[bytes, bytes]:
        """Return the state messages to write since the last call, by key."""
        found = {}
        for bucket in sorted(self._changed):
            interfaces = {
                eni: [u.windows, u.newest, u.accepted, u.rejected, u.level, u.deviation]
                for eni, u in self._by_bucket[bucket].items()
            }
            found[b"%s%d" % (KEY_PREFIX, bucket)] = orjson.dumps({"format": FORMAT, "interfaces": interfaces})
        self._changed.clear()
        return found

    def _evict(self) -> None:
        # The order depends on the state only, so a restarted worker evicts the same interfaces.
        seen = sorted((u.newest, eni) for found in self._by_bucket for eni, u in found.items())
        for _, eni in seen[: len(seen) // EVICTED_SHARE + 1]:
            bucket = _bucket(eni)
            del self._by_bucket[bucket][eni]
            self._changed.add(bucket)
            self._count -= 1


def _scaled(rejected: int) -> float:
    return 2 * sqrt(rejected + 0.375)


def _bucket(eni: str) -> int:
    # The low bits choose the partition (`partials.split`), so they are equal within one partition.
    return crc32(eni.encode()) >> 16 & BUCKETS - 1
