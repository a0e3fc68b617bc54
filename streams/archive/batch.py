"""The rows that were read and are not committed: the messages of the next parts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import polars as pl

from streams.archive import tables
from streams.archive.compaction import of_batch
from streams.archive.finals import Finals
from streams.archive.names import Part
from streams.archive.tables import CONVERSATIONS, TOTALS
from streams.numbering import Sequence


@dataclass(slots=True)
class Batch:
    """The messages after the committed position, in order. Times are monotonic, seconds.

    `read` is the position after the newest message; `first` is the number of the first one, -1 without any.
    """

    read: Sequence
    watermark: int = 0
    first: int = -1
    since: float = 0.0
    size_bytes: int = 0
    _rows: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, finals: Finals, read: Sequence, now: float) -> None:
        """Add the rows of the next message; `read` is the position after it."""
        if self.first < 0:
            self.first, self.since = finals.number, now
        self.read, self.watermark = replace(read), max(self.watermark, finals.watermark)
        for table, rows in ((TOTALS, finals.totals), (CONVERSATIONS, finals.conversations)):
            if len(rows):
                self._rows.setdefault(table.name, []).append(rows)
                self.size_bytes += int(rows.estimated_size())

    @property
    def is_empty(self) -> bool:
        """True without a message."""
        return self.first < 0

    def files(self, q: int) -> Iterator[tuple[Part, pl.DataFrame]]:
        """Yield the parts of the batch with their rows; each key has its newest version."""
        for table in (TOTALS, CONVERSATIONS):
            if found := self._rows.get(table.name):
                rows = tables.newest(pl.concat(found), table)
                yield from of_batch(rows, table, q, self.first, self.read.number)
