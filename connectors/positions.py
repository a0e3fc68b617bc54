"""Where we are in each shard, what may be read next, and which slot a shard belongs to.

A shard starts when every parent that the stream still lists has ended, so that a key's records stay in
order through splits and merges. Sequence numbers are compared as integers: they differ in length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

import orjson

TRIM_HORIZON = "TRIM_HORIZON"
NUMBER_KEY = b"number"
"""State key of a slot: the number of its last block."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as `ListShards` shows it."""

    shard_id: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next record is: after `sequence_number`, or at `at_ms` (epoch ms), or at the horizon."""

    sequence_number: str = ""
    at_ms: int = 0
    is_ended: bool = False

    def encode(self) -> bytes:
        """Return the value kept on the `positions` topic."""
        return orjson.dumps(self)


def decode_position(value: bytes) -> Position:
    """Read a position back."""
    return Position(**orjson.loads(value))


def shard_key(stream: str, shard_id: str) -> bytes:
    """Return the key of a shard's position."""
    return f"shard|{stream}|{shard_id}".encode()


def slot_of(name: str, slots: int) -> int:
    """Return the slot that a shard, an object or a request belongs to (design.md 4)."""
    return crc32(name.encode()) % slots


def startable(
    shards: Iterable[Shard], positions: Mapping[bytes, bytes], stream: str, mine: frozenset[int], slots: int
) -> list[Shard]:
    """Return the shards of my slots that may be read now: not ended, and every listed parent ended."""
    listed = {shard.shard_id: shard for shard in shards}
    ended = {
        shard_id
        for shard_id in listed
        if (value := positions.get(shard_key(stream, shard_id))) and decode_position(value).is_ended
    }
    return [
        shard
        for shard_id, shard in listed.items()
        if slot_of(shard_id, slots) in mine
        and shard_id not in ended
        and all(parent in ended or parent not in listed for parent in shard.parents)
    ]
