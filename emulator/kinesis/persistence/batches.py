"""The disk format of records that arrived at a shard together: their encoded texts and sizes. Pure."""

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
    """A value is not a batch of records."""


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """Consecutive records with the same arrival time."""

    texts: list[bytes]
    payload_bytes: list[int]
    arrival_ms: int


def pack(texts: Sequence[bytes], payload_bytes: Sequence[int], arrival_ms: int) -> bytes:
    """Encode a batch."""
    sizes = array("I", payload_bytes)
    sizes.extend(map(len, texts))
    if _IS_BIG_ENDIAN:
        sizes.byteswap()
    return b"".join((_HEAD.pack(_MARK, len(texts), arrival_ms), sizes.tobytes(), *texts))


def count(value: bytes | memoryview) -> int:
    """Return the number of records in an encoded batch. Raises `BadBatch`."""
    if len(value) < _HEAD.size:
        raise BadBatch("too short")
    mark, records, _ = _HEAD.unpack_from(value)
    if mark != _MARK:
        raise BadBatch("its mark is wrong")
    return int(records)


def unpack(value: bytes | memoryview) -> JournalBatch:
    """Decode a batch. Raises `BadBatch`."""
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
        raise BadBatch("its sizes do not match its texts")
    texts = []
    for length in lengths:
        texts.append(bytes(value[at : at + length]))
        at += length
    return JournalBatch(texts, sizes[:records].tolist(), arrival_ms)
