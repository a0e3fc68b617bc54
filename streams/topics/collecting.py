"""The newest rows of every key, in bounded memory. Pure.

Rows are kept as JSON, which takes a third of the memory of dictionaries. Beyond `MEMORY_MAX_BYTES`, the keys
that changed least recently leave: windows are final after 40 minutes, so their newest revision has usually
been read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import orjson

from streams.topics.decoding import Key, Row, Update

MEMORY_MAX_BYTES = 256 << 20
KEY_BYTES = 300  # of a key and its place in the table, beside the rows


class Newest:
    """The rows with the highest revision of each key."""

    def __init__(self, memory_max_bytes: int = MEMORY_MAX_BYTES) -> None:
        self._max = memory_max_bytes
        self._kept: OrderedDict[Key, tuple[int, bytes]] = OrderedDict()
        self._bytes = 0

    def add(self, update: Update) -> list[Row]:
        """Apply an update; return the rows that leave because of the limit."""
        before = self._kept.get(update.key)
        if before is not None:
            if update.revision < before[0]:
                return []
            self._bytes -= len(before[1]) + KEY_BYTES
        value = orjson.dumps(update.rows)
        self._kept[update.key] = update.revision, value
        self._kept.move_to_end(update.key)
        self._bytes += len(value) + KEY_BYTES
        left: list[Row] = []
        while self._bytes > self._max and len(self._kept) > 1:
            _, (_, old) = self._kept.popitem(last=False)
            self._bytes -= len(old) + KEY_BYTES
            left += orjson.loads(old)
        return left

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all keys, and forget them."""
        while self._kept:
            _, (_, value) = self._kept.popitem(last=False)
            yield from orjson.loads(value)
        self._bytes = 0
