"""How a stream's shards change: split, merge, and scaling to a count.

A change is a plain value that waits in `Stream` until its time; `reshard` then closes parents and adds their
children to the list. Parents stay in the list, by number, so that they can be read to their end.

`UpdateShardCount` was watched by moto's authors, who compared the number of shards made with AWS's: to grow,
every open shard is split in half, and then neighbours are merged until the count is reached; to shrink,
neighbours are merged. So 4 to 5 makes 8 and then 3 shards more. Which neighbours is not known: here it is the
narrowest pairs, which keeps shards as even as can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.kinesis.state.shards import Shard


@dataclass(frozen=True, slots=True)
class Split:
    """One shard becomes two, the second of which begins at a hash key."""

    shard: int
    new_starting_hash_key: int


@dataclass(frozen=True, slots=True)
class Merge:
    """Two neighbours become one."""

    shard: int
    adjacent: int


@dataclass(frozen=True, slots=True)
class Scale:
    """The open shards become so many."""

    count: int


Reshard = Split | Merge | Scale


def reshard(shards: list[Shard], change: Reshard, at_ms: int) -> None:
    """Carry out a change: close shards, and append their children."""
    match change:
        case Split(number, key):
            _split(shards, shards[number], key, at_ms)
        case Merge(number, adjacent):
            _merge(shards, shards[number], shards[adjacent], at_ms)
        case Scale(count):
            _scale(shards, count, at_ms)


def open_shards(shards: Iterable[Shard]) -> list[Shard]:
    """Return the shards that take records, by hash range."""
    return sorted((shard for shard in shards if shard.ended_ms is None), key=lambda s: s.starting_hash_key)


def shards_made(count: int, target: int) -> int:
    """Return how many shards there are at most on the way from one count to another."""
    most = count
    while most < target:
        most *= 2
    return most


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
    # A child's numbers must all be higher than its parents', whose second they begin with.
    created_s = max(at_ms // 1000, *(parent.created_s for parent in parents)) + 1
    numbers = tuple(parent.number for parent in parents)
    shards.append(Shard(len(shards), start, end, at_ms, numbers, created_s=created_s))
