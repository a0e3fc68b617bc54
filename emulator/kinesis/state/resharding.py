"""The resharding of a stream: split, merge, and scaling to a shard count.

A change is a plain value that is stored in `Stream` until its time; `reshard` then closes parents and appends
their children. Parents stay in the list, so that they can be read to their end.

`UpdateShardCount` follows the observations of moto's authors, who compared the number of created shards with
AWS's. To scale up, AWS splits every open shard in half and then merges adjacent shards down to the count; to
scale down, it merges adjacent shards. Scaling 4 shards to 5 thus creates 8 and then 3 more. AWS's choice of
pairs is not known; here the narrowest pairs are merged, which keeps the shards even.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.kinesis.state.shards import Shard


@dataclass(frozen=True, slots=True)
class Split:
    """A split of one shard. The second child begins at `new_starting_hash_key`."""

    shard: int
    new_starting_hash_key: int


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of two adjacent shards."""

    shard: int
    adjacent: int


@dataclass(frozen=True, slots=True)
class Scale:
    """A scaling of the open shards to a count."""

    count: int


Reshard = Split | Merge | Scale


def reshard(shards: list[Shard], change: Reshard, at_ms: int) -> None:
    """Apply a change: close shards, and append their children."""
    match change:
        case Split(number, key):
            _split(shards, shards[number], key, at_ms)
        case Merge(number, adjacent):
            _merge(shards, shards[number], shards[adjacent], at_ms)
        case Scale(count):
            _scale(shards, count, at_ms)


def open_shards(shards: Iterable[Shard]) -> list[Shard]:
    """Return the open shards, sorted by hash range."""
    return sorted((shard for shard in shards if shard.ended_ms is None), key=lambda s: s.starting_hash_key)


def _scale(shards: list[Shard], count: int, at_ms: int) -> None:
    current = open_shards(shards)
    while len(current) < count:
        for shard in current:
            middle = (shard.starting_hash_key + shard.ending_hash_key + 1) // 2
            _split(shards, shard, middle, at_ms)
        current = open_shards(shards)
    while len(current) > count:
        pairs = sorted(zip(current[::2], current[1::2], strict=False), key=_width)
        for left, right in pairs[: len(current) - count]:
            _merge(shards, left, right, at_ms)
        current = open_shards(shards)


def _width(pair: tuple[Shard, Shard]) -> int:
    return pair[1].ending_hash_key - pair[0].starting_hash_key


def _split(shards: list[Shard], shard: Shard, key: int, at_ms: int) -> None:
    _close([shard], at_ms)
    _open(shards, shard.starting_hash_key, key - 1, [shard], at_ms)
    _open(shards, key, shard.ending_hash_key, [shard], at_ms)


def _merge(shards: list[Shard], shard: Shard, adjacent: Shard, at_ms: int) -> None:
    _close([shard, adjacent], at_ms)
    left, right = sorted((shard, adjacent), key=lambda s: s.starting_hash_key)
    _open(shards, left.starting_hash_key, right.ending_hash_key, [shard, adjacent], at_ms)


def _close(parents: list[Shard], at_ms: int) -> None:
    for parent in parents:
        parent.close(at_ms)


def _open(shards: list[Shard], start: int, end: int, parents: list[Shard], at_ms: int) -> None:
    # All sequence numbers of a child must be higher than its parents'. They begin with the creation second.
    created_s = max(at_ms // 1000, *(parent.created_s for parent in parents)) + 1
    numbers = tuple(parent.number for parent in parents)
    shards.append(Shard(len(shards), start, end, at_ms, numbers, created_s=created_s))
