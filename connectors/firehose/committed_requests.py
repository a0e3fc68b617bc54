"""The committed requests of a slot: a mark of 16 bytes each in its state, and an index to look them up. Pure.

A mark is a digest of the request id. The transaction of the lines writes it, so a repeated request is
recognised, also after a crash or a change of owner. A key of the state holds a pack of 256 marks. A pack is
deleted when Firehose can no longer repeat its requests. With 128 bits of BLAKE2b, no two ids share a mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice, takewhile

KEEP_MS = 30 * 3_600_000
"""How long a request may come again: 7,200 s of pauses, AWS's longest retry duration, in which some 67
attempts may each wait 180 s for an answer (`DurationInSeconds` does not count those); and 24 h, for which a
delivery stream keeps data when neither its endpoint nor its backup takes it. That is 29.4 h."""

PACK_MARKS = 256
PRUNED_MAX = 100  # packs deleted in one transaction: 0.2 s
KEY_PREFIX = b"requests|"
_MARK_BYTES, _TIME_BYTES = 16, 8


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state changes of a transaction, and the marks that it adds and drops."""

    state: dict[bytes, bytes | None]
    added: list[bytes]
    dropped: list[bytes]


class CommittedRequests:
    """The marks in a slot's state: keys are numbered packs, values a time (epoch ms) and the marks.

    `state` is the committed state of the slot. `seen` is the index of marks, empty before `load`.
    """

    def __init__(self, state: Mapping[bytes, bytes], seen: MutableMapping[bytes, bytes]) -> None:
        self._state, self._seen = state, seen
        numbers = sorted(int(key.removeprefix(KEY_PREFIX)) for key in state if key.startswith(KEY_PREFIX))
        self._oldest, self._newest = (numbers[0], numbers[-1]) if numbers else (0, 0)

    def load(self) -> Iterator[None]:
        """Load the index from the state, a pack per step of 2 ms; other tasks can run between steps."""
        for number in range(self._oldest, self._newest + 1):
            self._seen.update(dict.fromkeys(_split(self._pack(number)), b""))
            yield

    def __contains__(self, request_id: str) -> bool:
        return _mark(request_id) in self._seen

    def change(self, request_ids: Sequence[str], now_ms: int, *, prunes: bool = False) -> StateChange:
        """Return the change that adds these requests; with `prunes`, it also deletes expired packs."""
        added = [_mark(one) for one in request_ids]
        # The newest pack is extended, if there are marks to add.
        expired = self._expired(now_ms, self._newest + (not added)) if prunes else []
        dropped = [mark for number in expired for mark in _split(self._pack(number))]
        return StateChange(
            {**dict.fromkeys(map(_key, expired)), **self._packed(added, now_ms)}, added, dropped
        )

    def committed(self, change: StateChange) -> None:
        """Update the index after the transaction of a change."""
        for mark in change.dropped:
            del self._seen[mark]
        self._seen.update(dict.fromkeys(change.added, b""))
        while _key(self._newest + 1) in self._state:
            self._newest += 1
        while self._oldest < self._newest and _key(self._oldest) not in self._state:
            self._oldest += 1

    def _packed(self, added: Sequence[bytes], now_ms: int) -> dict[bytes, bytes]:
        if not added:
            return {}
        marks = self._pack(self._newest) + b"".join(added)
        time = now_ms.to_bytes(_TIME_BYTES)
        most = PACK_MARKS * _MARK_BYTES
        return {
            _key(self._newest + nth): time + marks[begins : begins + most]
            for nth, begins in enumerate(range(0, len(marks), most))
        }

    def _expired(self, now_ms: int, end: int) -> list[int]:
        """Return the numbers of the expired packs before `end`, the oldest first."""
        times = (
            (n, self._state[_key(n)][:_TIME_BYTES])
            for n in range(self._oldest, end)
            if _key(n) in self._state
        )
        old = takewhile(lambda one: now_ms - int.from_bytes(one[1]) >= KEEP_MS, times)
        return [number for number, _ in islice(old, PRUNED_MAX)]

    def _pack(self, number: int) -> bytes:
        return self._state.get(_key(number), b"")[_TIME_BYTES:]


def known(state: Mapping[bytes, bytes]) -> int:
    """Return the number of committed requests in a slot's state."""
    packs = (value for key, value in state.items() if key.startswith(KEY_PREFIX))
    return sum((len(value) - _TIME_BYTES) // _MARK_BYTES for value in packs)


def _key(number: int) -> bytes:
    return KEY_PREFIX + b"%d" % number


def _mark(request_id: str) -> bytes:
    return blake2b(request_id.encode(), digest_size=_MARK_BYTES).digest()


def _split(pack: bytes) -> list[bytes]:
    return [pack[at : at + _MARK_BYTES] for at in range(0, len(pack), _MARK_BYTES)]
