"""One message of `partials`: totals and conversations, decoded, with the bytes from which they came. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from streams.sums import conversations, partials

_SIZES = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Partial:
    """The rows of one message. `conversations` is None if the message has none, as before format 3.

    `value` is the value of the message; its conversations begin at `conversations_at`. `arrival_ms` is the
    oldest arrival of the rows, epoch milliseconds, 0 if unknown.
    """

    totals: pl.DataFrame
    conversations: pl.DataFrame | None
    value: bytes
    conversations_at: int
    arrival_ms: int = 0

    @classmethod
    def read(cls, value: bytes, conversations_at: int | None = None, arrival_ms: int = 0) -> Partial:
        """Decode a message; `conversations_at` is its header, None if absent. Raises Polars' errors."""
        at = len(value) if conversations_at is None else conversations_at
        found = conversations.decode(value[at:]) if at < len(value) else None
        return cls(partials.decode(value[:at]), found, value, at, arrival_ms)

    @classmethod
    def of(cls, totals: pl.DataFrame, found: pl.DataFrame | None = None, arrival_ms: int = 0) -> Partial:
        """Encode rows as a message."""
        first = partials.encode(totals)
        second = b"" if found is None else conversations.encode(found)
        return cls(totals, found, first + second, len(first), arrival_ms)

    @property
    def rows(self) -> int:
        """The number of totals and conversations."""
        return len(self.totals) + (0 if self.conversations is None else len(self.conversations))


def pack(found: Iterable[Partial]) -> bytes:
    """Return messages as one text: for each, the sizes of its two parts, and its value."""
    parts: list[bytes] = []
    for one in found:
        parts += (_SIZES.pack(one.conversations_at, len(one.value) - one.conversations_at), one.value)
    return b"".join(parts)


def unpack(packed: bytes) -> Iterator[Partial]:
    """Yield the messages of `pack`."""
    at = 0
    while at < len(packed):
        first, second = _SIZES.unpack_from(packed, at)
        at += _SIZES.size
        yield Partial.read(packed[at : at + first + second], first)
        at += first + second
