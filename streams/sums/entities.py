"""The entities of the kernel's rows: two numbers for each, and their text when they are written. Pure.

The id of an interface as AWS writes it (`eni-` and 17 hexadecimal digits, or 8 before 2018) is its low 64
bits and a kind: 0 for 8 digits, 1 plus twice the first digit for 17 digits. Any other entity has the kind
`OTHER` and a number of this process. Text is created once for each entity, not once for each row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from streams.compiled import uncounted
from streams.sums.tables import KEY_WORDS, enter, place

OTHER = 32
KNOWN_MAX = 1 << 16

_ID = re.compile("eni-([0-9a-f]?)([0-9a-f]{16})|eni-([0-9a-f]{8})")
_START_ROWS = 1 << 10


@dataclass(slots=True)
class Entities:
    """The texts of entities by code, and the checksums that determine their partitions."""

    names: list[str] = field(default_factory=list)
    checksums: Any = field(default_factory=lambda: np.zeros(_START_ROWS, np.uint32))
    _rows: Any = field(default_factory=lambda: np.zeros((_START_ROWS, KEY_WORDS), np.int64))
    _index: Any = field(default_factory=lambda: np.zeros(2 * _START_ROWS, np.uint64))
    _others: list[str] = field(default_factory=list)
    _other_numbers: dict[str, int] = field(default_factory=dict)

    def words(self, text: str) -> tuple[int, int]:
        """Return the two numbers of an entity."""
        if found := _ID.fullmatch(text):
            first, low, short = found.groups()
            if short:
                return int(short, 16), 0
            if first:
                return int(low, 16), 1 + 2 * int(first, 16)
        number = self._other_numbers.setdefault(text, len(self._others))
        if number == len(self._others):
            self._others.append(text)
        return number, OTHER

    def codes(self, lows: Any, kinds: Any) -> Any:
        """Return the code of each entity; `lows` and `kinds` are arrays of its two numbers."""
        known = len(self.names)
        if known + len(lows) > len(self._rows):
            self._grow(known + len(lows))
        codes = np.zeros(len(lows), np.int64)
        used = _intern(self._index, self._rows, known, lows, kinds, codes)
        for low, kind in self._rows[known:used, :2].tolist():
            self.names.append(self._others[low] if kind == OTHER else _id(low, kind))
        self.checksums[known:used] = [crc32(name.encode()) for name in self.names[known:]]
        return codes

    def forget(self) -> None:
        """Delete all entities if there are many. No row may refer to one."""
        if len(self.names) + len(self._others) > KNOWN_MAX:
            self.names.clear()
            self._others.clear()
            self._other_numbers.clear()
            self._index.fill(0)

    def _grow(self, needed: int) -> None:
        known, size = len(self.names), 1 << needed.bit_length()
        rows, checksums = np.zeros((size, KEY_WORDS), np.int64), np.zeros(size, np.uint32)
        rows[:known], checksums[:known] = self._rows[:known], self.checksums[:known]
        self._rows, self.checksums, self._index = rows, checksums, np.zeros(2 * size, np.uint64)
        enter(self._index, rows, known)


@uncounted
def _intern(index, rows, used, lows, kinds, codes):  # type: ignore[no-untyped-def]
    """Write the code of each pair of numbers; add new pairs to `rows`. Return the number of rows."""
    for i in range(lows.shape[0]):
        codes[i] = place(index, rows, used, lows[i], kinds[i], np.int64(0))
        if codes[i] == used:
            rows[used, 0], rows[used, 1] = lows[i], kinds[i]
            used += 1
    return used


def _id(low: int, kind: int) -> str:
    low &= (1 << 64) - 1
    return f"eni-{kind >> 1:x}{low:016x}" if kind & 1 else f"eni-{low:08x}"
