"""The files that a flow log writes to S3: the division of records into files, and their encoding. Pure.

A file has the records whose `end` is in its five minutes (VPC guide, "Flow log files"). At 75 MB another file
begins; the Transit Gateway guide states this limit, applied here to the size before compression.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl
from isal import igzip

from emulator.flowlogs.player.delivery.batches import IntervalBatch
from emulator.flowlogs.player.delivery.naming import FILE_S
from emulator.flowlogs.player.rows import lines, typed

FILE_MAX_BYTES = 75_000_000
_GZIP_LEVEL = 2


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written. `starts` is the start of its period (epoch seconds), `nth` its number in it."""

    starts: int
    nth: int
    batches: list[IntervalBatch]

    @property
    def height(self) -> int:
        """The number of records."""
        return sum(batch.height for batch in self.batches)

    @property
    def due(self) -> int:
        """The end of its five minutes, in seconds since the epoch."""
        return self.starts + FILE_S

    def text(self) -> bytes:
        """Return the file as gzip text: a header line with the field names, then one line for each record."""
        header = " ".join(self.batches[0].frame.columns)
        text = "\n".join([header, *(str(lines(one.frame).str.join("\n").item()) for one in self.batches)])
        compressed: bytes = igzip.compress(f"{text}\n".encode(), compresslevel=_GZIP_LEVEL, mtime=0)
        return compressed

    def parquet(self) -> bytes:
        """Return the file as Parquet with AWS's column types, compressed with gzip."""
        out = io.BytesIO()
        frame = pl.concat([one.frame for one in self.batches], how="vertical_relaxed")
        typed(frame).write_parquet(out, compression="gzip")
        return out.getvalue()


@dataclass(slots=True)
class Files:
    """The open files. A record whose `end` is on a file boundary belongs to the later file."""

    max_bytes: int = FILE_MAX_BYTES
    _waiting: dict[int, list[IntervalBatch]] = field(default_factory=dict)
    _bytes: dict[int, int] = field(default_factory=dict)
    _cut: dict[int, int] = field(default_factory=dict)

    def add(self, batch: IntervalBatch) -> Iterator[File]:
        """Add each record to the file of its `end`. Yield the files that have reached the size limit."""
        slots = batch.about["end"] // FILE_S * FILE_S
        for starts in slots.unique().sort().to_list():
            mine = slots == starts
            part = IntervalBatch(batch.ends, batch.frame.filter(mine), batch.about.filter(mine))
            yield from self._add(starts, part)

    def _add(self, starts: int, batch: IntervalBatch) -> Iterator[File]:
        self._waiting.setdefault(starts, []).append(batch)
        size = self._bytes.get(starts, 0) + int(lines(batch.frame).str.len_bytes().sum()) + batch.height
        self._bytes[starts] = size
        if size >= self.max_bytes:
            yield self._taken(starts)

    def has_due(self, now: int | None) -> bool:
        """Return True if `due` would yield a file."""
        return any(now is None or starts + FILE_S <= now for starts in self._waiting)

    def due(self, now: int | None) -> Iterator[File]:
        """Yield the files whose period has ended at `now` (seconds since the epoch); None: all files."""
        for starts in sorted(self._waiting):
            if now is None or starts + FILE_S <= now:
                yield self._taken(starts)

    def _taken(self, starts: int) -> File:
        nth = self._cut.get(starts, 0)
        self._cut[starts] = nth + 1
        self._bytes.pop(starts, None)
        return File(starts, nth, self._waiting.pop(starts))
