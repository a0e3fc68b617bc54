"""The codec of sequence numbers, in AWS's format.

A number of 56 decimal digits contains, from high to low bits (found by kinesalite, version 2):

    4 bits  2, always           64 bits  index of the record in its shard
    36 bits creation second     8 bits   0
    4 bits  shard, lowest hex   36 bits  arrival second     32 bits shard    4 bits version, 2

Within a shard, numbers increase with the index. A number identifies its shard and, by the creation second,
its stream. Index 0 is the shard's starting sequence number; its first record has index 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = 2
_VERSION_BITS, _SHARD_BITS, _SECOND_BITS, _INDEX_BITS = 4, 32, 36, 64
_SHARD_AT = _VERSION_BITS
_SECOND_AT = _SHARD_AT + _SHARD_BITS
_INDEX_AT = _SECOND_AT + _SECOND_BITS + 8
_NIBBLE_AT = _INDEX_AT + _INDEX_BITS
_CREATED_AT = _NIBBLE_AT + 4
_LEAD_AT = _CREATED_AT + _SECOND_BITS
_SHARD_ID = re.compile(r"(?:[^-]*-)?(\d+)")
_MAX_SHARD = 2**31 - 1
MAX_INDEX = 2**63 - 1  # For AWS, a number with a higher index is invalid.

INDEX_STEP = 1 << _INDEX_AT
"""The difference between the numbers of two consecutive records of the same second."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The fields of a sequence number."""

    created_s: int
    shard: int
    index: int
    arrival_s: int


def make(created_s: int, shard: int, index: int, arrival_s: int) -> int:
    """Return the sequence number of a record."""
    return (
        (2 << _LEAD_AT)
        | (created_s << _CREATED_AT)
        | ((shard & 15) << _NIBBLE_AT)
        | (index << _INDEX_AT)
        | (arrival_s << _SECOND_AT)
        | (shard << _SHARD_AT)
        | _VERSION
    )


def parse(text: str) -> Parsed | None:
    """Return the fields of a sequence number, or None if it is invalid."""
    number = int(text)
    if number >> _LEAD_AT != 2:
        return None
    parsed = Parsed(
        _field(number, _CREATED_AT, _SECOND_BITS),
        _field(number, _SHARD_AT, _SHARD_BITS),
        _field(number, _INDEX_AT, _INDEX_BITS),
        _field(number, _SECOND_AT, _SECOND_BITS),
    )
    if parsed.index > MAX_INDEX:
        return None
    if make(parsed.created_s, parsed.shard, parsed.index, parsed.arrival_s) != number:
        return None
    return parsed


def shard_id(shard: int) -> str:
    """Return a shard's id, such as `shardId-000000000007`."""
    return f"shardId-{shard:012d}"


def shard_of(name: str) -> int | None:
    """Return the number in a shard id, or None. AWS accepts `7`, `shard-7` and `shardId-000000000007`."""
    found = _SHARD_ID.fullmatch(name)
    if found is None or int(found.group(1)) > _MAX_SHARD:
        return None
    return int(found.group(1))


def _field(number: int, at: int, bits: int) -> int:
    return (number >> at) & ((1 << bits) - 1)
