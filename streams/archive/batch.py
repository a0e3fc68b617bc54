"""The messages that were read and are not committed: those of the next parts. Pure.

They are held as they came, compressed: rows in memory are ten times as large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import polars as pl

from streams.archive import finals, tables
from streams.archive.compaction import of_batch
from streams.archive.finals import Finals
from streams.archive.names import Part
from streams.archive.tables import CONVERSATIONS, TOTALS
from streams.numbering import Input, Sequence


@dataclass(slots=True)
class Batch:
    """The messages after the committed position, in order. Times are monotonic, seconds.

    `read` is the position after the newest message; `first` is the number of the first one, -1 without any.
    `size_bytes` is the size of the rows in memory, when the parts are made.
    """

    read: Sequence
    watermark: int = 0
    first: int = -1
    since: float = 0.0
    size_bytes: int = 0
    _messages: list[Input] = field(default_factory=list)

    def add(self, message: Input, found: Finals, read: Sequence, now: float) -> None:
        """Add the next message. `found` are its rows, and `read` is the position after it."""
        if self.first < 0:
            self.first, self.since = found.number, now
        self.read, self.watermark = replace(read), max(self.watermark, found.watermark)
        size_bytes = int(found.totals.estimated_size() + found.conversations.estimated_size())
        if size_bytes:
            self._messages.append(message)
            self.size_bytes += size_bytes

    @property
    def is_empty(self) -> bool:
        """True without a message."""
        return self.first < 0

    def files(self, q: int) -> Iterator[tuple[Part, pl.DataFrame]]:
        """Yield the parts of the batch with their rows; each key has its newest version."""
        found = [finals.read(message) for message in self._messages]
        totals, conversations = [one.totals for one in found], [one.conversations for one in found]
        for table, each in ((TOTALS, totals), (CONVERSATIONS, conversations)):
            if rows := [one for one in each if len(one)]:
                newest = tables.newest(pl.concat(rows), table)
                yield from of_batch(newest, table, q, self.first, self.read.number)
