"""Records that came to a shard together, as one value on disk: their texts as they are, and sizes. Pure."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = struct.Struct("<4sIq")  # mark, number of records, arrival
_MARK = b"vfb1"
_SIZE_BYTES = 4
_IS_BIG_ENDIAN = sys.byteorder == "big"


class BadBatch(ValueError):
    """A value is no batch of records."""


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """Records in a row, that came at one time."""

    texts: list[bytes]
    payload_bytes: list[int]
    arrival_ms: int


def pack(texts: Sequence[bytes], payload_bytes: Sequence[int], arrival_ms: int) -> bytes:
    """Return the value of a batch."""
    sizes = array("I", payload_bytes)
    sizes.extend(map(len, texts))
    if _IS_BIG_ENDIAN:
        sizes.byteswap()
    return b"".join((_HEAD.pack(_MARK, len(texts), arrival_ms), sizes.tobytes(), *texts))


def count(value: bytes | memoryview) -> int:
    """Return how many records a batch has. Raises `BadBatch`."""
    if len(value) < _HEAD.size:
        raise BadBatch("too short")
    mark, records, _ = _HEAD.unpack_from(value)
    if mark != _MARK:
        raise BadBatch("it begins with something else")
    return int(records)


def unpack(value: bytes | memoryview) -> JournalBatch:
    """Return the batch that a value is. Raises `BadBatch`."""
    records = count(value)
    _, _, arrival_ms = _HEAD.unpack_from(value)
    at = _HEAD.size + 2 * records * _SIZE_BYTES
    if len(value) < at:
        raise BadBatch("it ends among the sizes")
    sizes = array("I", bytes(value[_HEAD.size : at]))
    if _IS_BIG_ENDIAN:
        sizes.byteswap()
    lengths = sizes[records:]
    if at + sum(lengths) != len(value):
        raise BadBatch("its sizes are not those of its texts")
    texts = []
    for length in lengths:
        texts.append(bytes(value[at : at + length]))
        at += length
    return JournalBatch(texts, sizes[:records].tolist(), arrival_ms)
