"""Which requests of a slot were committed: 16 bytes each in its state, and as many to look them up by.

A mark is a digest of the request's id, written in the transaction of its lines, so the same request is known
when it comes again, after a crash or a change of owner too. Marks are packed, 256 to a key, and a pack is
deleted when none of its requests can come again. At 128 bits of BLAKE2b two ids never share a mark. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import islice, takewhile

import numpy as np
import numpy.typing as npt

KEEP_MS = 30 * 3_600_000
"""How long a request may come again: 7,200 s of pauses, AWS's longest retry duration, in which some 67
attempts may each wait 180 s for an answer (`DurationInSeconds` does not count those); and 24 h, for which a
delivery stream keeps data when neither its endpoint nor its backup takes it. That is 29.4 h."""

PACK_MARKS = 256
PRUNED_MAX = 1_000  # packs deleted in one transaction
KEY_PREFIX = b"requests|"
_MARK_BYTES, _TIME_BYTES = 16, 8
_RECENT_MAX = 4_096
_Marks = npt.NDArray[np.bytes_]


class DoneMarks:
    """The marks in a slot's state: keys are numbered packs, values a time (epoch ms) and the marks.

    `state` is the slot's, as it is committed; what is written comes from `packed`, and `took` is told after.
    """

    def __init__(self, state: Mapping[bytes, bytes]) -> None:
        self._state = state
        numbers = [int(key.removeprefix(KEY_PREFIX)) for key in state if key.startswith(KEY_PREFIX)]
        self._oldest, self._newest = min(numbers, default=0), max(numbers, default=0)
        self._sorted = self._all()
        self._recent: set[bytes] = set()
        self._gone = 0

    def __contains__(self, request_id: str) -> bool:
        mark = _mark(request_id)
        if mark in self._recent:
            return True
        wanted = _marks(mark)
        at = np.searchsorted(self._sorted, wanted)[0]
        return bool((self._sorted[at : at + 1] == wanted).any())

    def packed(self, request_ids: Sequence[str], now_ms: int) -> dict[bytes, bytes | None]:
        """Return what a transaction writes so that these requests are known."""
        if not request_ids:
            return {}
        marks = self._pack(self._newest) + b"".join(map(_mark, request_ids))
        time = now_ms.to_bytes(_TIME_BYTES)
        most = PACK_MARKS * _MARK_BYTES
        return {
            _key(self._newest + nth): time + marks[begins : begins + most]
            for nth, begins in enumerate(range(0, len(marks), most))
        }

    def took(self, request_ids: Iterable[str], deleted: Sequence[bytes] = ()) -> None:
        """Note what was committed: the requests of `packed`, and the packs of `expired`."""
        while _key(self._newest + 1) in self._state:
            self._newest += 1
        # Not by counting: a pack may be deleted and written again in one transaction.
        while self._oldest < self._newest and _key(self._oldest) not in self._state:
            self._oldest += 1
        self._gone += len(deleted) * PACK_MARKS
        self._recent.update(map(_mark, request_ids))
        # A mark that is kept too long does no harm: nobody asks for it.
        if self._gone * 8 > len(self._sorted) + len(self._recent):
            self._sorted, self._gone = self._all(), 0
            self._recent.clear()
        elif len(self._recent) > _RECENT_MAX:
            more = np.sort(_marks(b"".join(self._recent)))
            self._sorted = np.insert(self._sorted, np.searchsorted(self._sorted, more), more)
            self._recent.clear()

    def expired(self, now_ms: int) -> list[bytes]:
        """Return the keys of packs that are of no more use, the oldest first."""
        keys = (_key(number) for number in range(self._oldest, self._newest + 1))
        times = ((key, self._state[key][:_TIME_BYTES]) for key in keys if key in self._state)
        old = takewhile(lambda one: now_ms - int.from_bytes(one[1]) >= KEEP_MS, times)
        return [key for key, _ in islice(old, PRUNED_MAX)]

    def _pack(self, number: int) -> bytes:
        return self._state.get(_key(number), b"")[_TIME_BYTES:]

    def _all(self) -> _Marks:
        return np.sort(_marks(b"".join(self._pack(n) for n in range(self._oldest, self._newest + 1))))


def known(state: Mapping[bytes, bytes]) -> int:
    """Return how many requests a slot's state knows."""
    packs = (value for key, value in state.items() if key.startswith(KEY_PREFIX))
    return sum((len(value) - _TIME_BYTES) // _MARK_BYTES for value in packs)


def _key(number: int) -> bytes:
    return KEY_PREFIX + b"%d" % number


def _mark(request_id: str) -> bytes:
    return blake2b(request_id.encode(), digest_size=_MARK_BYTES).digest()


def _marks(joined: bytes) -> _Marks:
    return np.frombuffer(joined, f"S{_MARK_BYTES}")
