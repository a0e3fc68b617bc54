"""Shard iterators: an opaque token for a place in a shard, good for five minutes.

The place is the index of the next record (see `sequence_numbers`), so that reading needs no search.
`GetShardIterator` turns its five types into such a place once; from then on an iterator is only a place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from emulator.kinesis.errors import Refused, invalid_argument
from emulator.kinesis.tokens.tokens import seal, unseal

LIFETIME_MS = 300_000  # GetShardIterator: "A shard iterator expires 5 minutes after it is returned"
_KIND = "iterator"


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """A place in one shard of one incarnation of a stream."""

    region: str
    stream_name: str
    created_ms: int
    shard: int
    index: int
    turn: int = 0

    def then(self, index: int) -> ShardIterator:
        """Return the next iterator of a reader: never the same as this one, also where nothing was read."""
        return replace(self, index=index, turn=self.turn + 1)


def make(place: ShardIterator, now_ms: int) -> str:
    """Return the token for a place, valid from now."""
    return seal(
        (
            _KIND,
            now_ms,
            place.region,
            place.stream_name,
            place.created_ms,
            place.shard,
            place.index,
            place.turn,
        )
    )


def read(token: str, now_ms: int) -> ShardIterator:
    """Return the place a token stands for; refuse what is not an iterator, and what is too old."""
    match unseal(token):
        case (
            str(kind),
            int(made_ms),
            str(region),
            str(stream_name),
            int(created_ms),
            int(shard),
            int(index),
            int(turn),
        ) if kind == _KIND:
            if now_ms - made_ms > LIFETIME_MS:
                raise expired(made_ms, now_ms)
            return ShardIterator(region, stream_name, created_ms, shard, index, turn)
        case _:
            raise invalid_argument("Invalid ShardIterator.")


def expired(made_ms: int, now_ms: int) -> Refused:
    """Return AWS's sentence about an iterator that was kept too long."""
    return Refused(
        "ExpiredIteratorException",
        f"Iterator expired. The iterator was created at time {_utc(made_ms)} while right now it is "
        f"{_utc(now_ms)} which is further in the future than the tolerated delay of {LIFETIME_MS} "
        "milliseconds.",
    )


def _utc(at_ms: int) -> str:
    """Return a time as AWS's sentence has it: `Thu Jan 22 01:22:02 UTC 2015`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
