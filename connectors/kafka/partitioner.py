"""The partitioner: the slot that a stream, a shard, an object or a request belongs to. Pure."""

from __future__ import annotations

from zlib import crc32


def slot_of(name: str, slots: int) -> int:
    """Return the slot that a shard, an object or a request belongs to."""
    return crc32(name.encode()) % slots
