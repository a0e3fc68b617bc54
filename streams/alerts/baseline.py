"""The usual traffic of each interface: exponentially weighted levels, a few numbers for each.

The number of rejects is kept on the scale 2 √(n + 3/8) (Anscombe 1948): there, counts of independent events
have a standard deviation of 1 whatever their level, and bursts weigh less than on the plain scale. The
deviation is the mean absolute one, times 1.25 for a standard deviation, and at least 1.

Windows are learned in event order, each once: a window that is not newer than the last one learned, such as
an amended one, changes nothing. Which windows are usual is decided by `watch`. At most `INTERFACES_MAX` are
kept; beyond that, those that were seen longest ago are forgotten and learned anew. The state is `BUCKETS`
JSON values for a compacted topic, of which only those that changed are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from zlib import crc32

import orjson

from connectors.errors import ConnectError

WARM_UP_WINDOWS = 10  # issue 14
WEIGHT_MIN = 1 / 30  # the half-life is 20 windows; until then all windows count alike
INTERFACES_MAX = 20_000  # of a partition; about 5 MB
EVICTED_SHARE = 10  # a tenth at once, since finding the oldest takes a sort
BUCKETS = 64
FORMAT = 1
KEY_PREFIX = b"usual|"
_TO_STANDARD = 1.25  # √(π/2): from a mean absolute deviation to a standard deviation


class UnknownFormat(ConnectError):
    """detect-state has a format that this version does not know; start the version that wrote it."""


@dataclass(slots=True)
class Usual:
    """What is usual of one interface: flows of a window by action, and the level of rejects on the scale."""

    windows: int = 0
    newest: int = -1
    accepted: float = 0.0
    rejected: float = 0.0
    level: float = 0.0
    deviation: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the warm-up is over."""
        return self.windows >= WARM_UP_WINDOWS

    @property
    def ratio(self) -> float:
        """The rejected share of the flows."""
        flows = self.accepted + self.rejected
        return self.rejected / flows if flows else 0.0

    def learn(self, window_start: int, accepted: int, rejected: int) -> bool:
        """Count a window if it is newer than the last one; return whether it was."""
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


def deviations(usual: Usual, rejected: int) -> float:
    """Return by how many standard deviations a number of rejects is above the usual."""
    return (_scaled(rejected) - usual.level) / max(1.0, _TO_STANDARD * usual.deviation)


class Usuals:
    """The interfaces of one partition."""

    def __init__(self, interfaces_max: int = INTERFACES_MAX) -> None:
        self._max = interfaces_max
        self._by_bucket: list[dict[str, Usual]] = [{} for _ in range(BUCKETS)]
        self._count = 0
        self._dirty: set[int] = set()

    @classmethod
    def load(cls, state: Mapping[bytes, bytes], interfaces_max: int = INTERFACES_MAX) -> Usuals:
        """Build from the values that `changed` gave; other keys are ignored. Raises `UnknownFormat`."""
        usuals = cls(interfaces_max)
        for key, value in state.items():
            if not key.startswith(KEY_PREFIX):
                continue
            document = orjson.loads(value)
            if document["format"] != FORMAT:
                raise UnknownFormat(
                    f"{key.decode()} of detect-state has format {document['format']}, and this version knows"
                    f" {FORMAT}: start the version that wrote it, or a newer one"
                )
            found = {eni: Usual(*numbers) for eni, numbers in document["interfaces"].items()}
            usuals._by_bucket[int(key[len(KEY_PREFIX) :])] = found
            usuals._count += len(found)
        return usuals

    def of(self, eni: str) -> Usual | None:
        """Return what is usual of an interface, None if it was never seen."""
        return self._by_bucket[_bucket(eni)].get(eni)

    def learn(self, eni: str, window_start: int, accepted: int, rejected: int) -> None:
        """Count a window of an interface as usual."""
        bucket = _bucket(eni)
        usual = self._by_bucket[bucket].get(eni)
        if usual is None:
            usual = self._by_bucket[bucket][eni] = Usual()
            self._count += 1
        if usual.learn(window_start, accepted, rejected):
            self._dirty.add(bucket)
        if self._count > self._max:
            self._evict()

    def changed(self) -> dict[bytes, bytes]:
        """Return what must be written since the last call, by key."""
        found = {}
        for bucket in sorted(self._dirty):
            interfaces = {
                eni: [u.windows, u.newest, u.accepted, u.rejected, u.level, u.deviation]
                for eni, u in self._by_bucket[bucket].items()
            }
            found[b"%s%d" % (KEY_PREFIX, bucket)] = orjson.dumps({"format": FORMAT, "interfaces": interfaces})
        self._dirty.clear()
        return found

    def _evict(self) -> None:
        # By what is in the state and by nothing else, so that a restart evicts the same.
        seen = sorted((u.newest, eni) for found in self._by_bucket for eni, u in found.items())
        for _, eni in seen[: len(seen) // EVICTED_SHARE + 1]:
            bucket = _bucket(eni)
            del self._by_bucket[bucket][eni]
            self._dirty.add(bucket)
            self._count -= 1


def _scaled(rejected: int) -> float:
    return 2 * sqrt(rejected + 0.375)


def _bucket(eni: str) -> int:
    # The low bits choose the partition (`partials.split`), so within one they are all alike.
    return crc32(eni.encode()) >> 16 & BUCKETS - 1
