"""Shard iterators: opaque tokens for a position in a shard, valid for five minutes.

The position is the index of the next record (see `sequence_numbers`), so that reading needs no search.
`GetShardIterator` converts each of its five types to such a position.
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
    """A position in a shard. `created_ms` distinguishes streams of the same name."""

    region: str
    stream_name: str
    created_ms: int
    shard: int
    index: int
    turn: int = 0

    def then(self, index: int) -> ShardIterator:
        """Return the next iterator of a reader. It differs from this one even at the same index."""
        return replace(self, index=index, turn=self.turn + 1)


def make(place: ShardIterator, now_ms: int) -> str:
    """Return the token for a position, valid from now."""
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
    """Return the position in a token. Raises `Refused` for invalid and expired tokens."""
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
    """Return AWS's error for an expired iterator."""
    return Refused(
        "ExpiredIteratorException",
        f"Iterator expired. The iterator was created at time {_utc(made_ms)} while right now it is "
        f"{_utc(now_ms)} which is further in the future than the tolerated delay of {LIFETIME_MS} "
        "milliseconds.",
    )


def _utc(at_ms: int) -> str:
    """Return a time in the format of AWS's message: `Thu Jan 22 01:22:02 UTC 2015`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
