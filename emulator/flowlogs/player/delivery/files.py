"""The files that a flow log puts into S3: which records make one, and its bytes. Pure.

A file holds what ended in its five minutes, and is cut at 75 MB (VPC guide, "Flow log files"; the 75 MB are
the Transit Gateway guide's, taken here as the size before compression).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl
from isal import igzip

from emulator.flowlogs.player.delivery.batches import Batch
from emulator.flowlogs.player.delivery.naming import FILE_S
from emulator.flowlogs.player.rows import lines, typed

FILE_MAX_BYTES = 75_000_000
_GZIP_LEVEL = 2


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written: the beginning of its five minutes, its number in them, and its records."""

    starts: int
    nth: int
    batches: list[Batch]

    @property
    def height(self) -> int:
        """How many records there are."""
        return sum(batch.height for batch in self.batches)

    @property
    def due(self) -> int:
        """The second at which its five minutes are over."""
        return self.starts + FILE_S

    def text(self) -> bytes:
        """Return it as gzip text: a header with the names of the fields, then a line for each record."""
        header = " ".join(self.batches[0].frame.columns)
        text = "\n".join([header, *(str(lines(one.frame).str.join("\n").item()) for one in self.batches)])
        compressed: bytes = igzip.compress(f"{text}\n".encode(), compresslevel=_GZIP_LEVEL, mtime=0)
        return compressed

    def parquet(self) -> bytes:
        """Return it as Parquet, columns compressed with gzip, types as AWS documents them."""
        out = io.BytesIO()
        frame = pl.concat([one.frame for one in self.batches], how="vertical_relaxed")
        typed(frame).write_parquet(out, compression="gzip")
        return out.getvalue()


@dataclass(slots=True)
class Files:
    """Records that wait for their file. What ends on a whole five minutes belongs to those that begin."""

    max_bytes: int = FILE_MAX_BYTES
    _waiting: dict[int, list[Batch]] = field(default_factory=dict)
    _bytes: dict[int, int] = field(default_factory=dict)
    _cut: dict[int, int] = field(default_factory=dict)

    def add(self, batch: Batch) -> Iterator[File]:
        """Take records in, each by its own end; yield a file that has become too large to wait."""
        slots = batch.about["end"] // FILE_S * FILE_S
        for starts in slots.unique().sort().to_list():
            mine = slots == starts
            part = Batch(batch.ends, batch.frame.filter(mine), batch.about.filter(mine))
            yield from self._add(starts, part)

    def _add(self, starts: int, batch: Batch) -> Iterator[File]:
        self._waiting.setdefault(starts, []).append(batch)
        size = self._bytes.get(starts, 0) + int(lines(batch.frame).str.len_bytes().sum()) + batch.height
        self._bytes[starts] = size
        if size >= self.max_bytes:
            yield self._taken(starts)

    def has_due(self, now: int | None) -> bool:
        """Say whether `due` has something to yield."""
        return any(now is None or starts + FILE_S <= now for starts in self._waiting)

    def due(self, now: int | None) -> Iterator[File]:
        """Yield the files whose five minutes are over at a second, or all of them."""
        for starts in sorted(self._waiting):
            if now is None or starts + FILE_S <= now:
                yield self._taken(starts)

    def _taken(self, starts: int) -> File:
        nth = self._cut.get(starts, 0)
        self._cut[starts] = nth + 1
        self._bytes.pop(starts, None)
        return File(starts, nth, self._waiting.pop(starts))
