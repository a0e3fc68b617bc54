"""Compaction and roll-ups of one hour or day of one partition: rows in, parts out. Pure.

The parts of an hour become one part in each folder, with the newest version of each key, and its roll-ups of
10 minutes and one hour. The hourly roll-ups of a day become the daily one. The range of a result covers the
ranges of its inputs, so that a reader takes either all inputs or all results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from streams.archive import tables
from streams.archive.names import Part, by_table, period_of
from streams.archive.rollups import roll_up
from streams.archive.tables import BASES, Table, rollup_of

Rows = Mapping[Part, pl.DataFrame]
"""The rows of each part that could be read."""

CHUNK_ROWS = 100_000
"""Rows of a chunk: sums of an hour at once would need more memory than its rows."""

Files = Iterator[tuple[Part, pl.DataFrame]]


def of_hour(found: Rows) -> Files:
    """Yield the compacted parts of an hour, if a table has several ranges, and its roll-ups."""
    for base in BASES:
        if parts := [part for part in found if part.table == base.name]:
            chunks = [tables.newest(chunk, base) for chunk in _chunks([found[part] for part in parts])]
            if len({(part.first, part.last) for part in parts}) > 1:
                yield from _parts(pl.concat(chunks), base, parts)
            for period in ("10m", "1h"):
                rolled = rollup_of(base, period)
                yield from _parts(pl.concat(roll_up(rows, base, rolled) for rows in chunks), rolled, parts)


def of_day(found: Rows) -> Files:
    """Yield the daily roll-ups of the hourly ones of a day."""
    for base in BASES:
        if parts := [part for part in found if part.table == rollup_of(base, "1h").name]:
            rolled = rollup_of(base, "1d")
            chunks = _chunks([found[part] for part in parts])
            yield from _parts(pl.concat(roll_up(rows, base, rolled) for rows in chunks), rolled, parts)


def of_batch(rows: pl.DataFrame, table: Table, q: int, first: int, last: int) -> Files:
    """Yield the parts of the rows of the messages `first` to `last` of partition `q`."""
    for account, region, period, part in tables.by_folder(rows, period_of(table)):
        yield Part(table.name, period, q, first, last, account, region), part


def _chunks(frames: Sequence[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows of frames in chunks; all rows of an interface are in one."""
    count = -(-sum(map(len, frames)) // CHUNK_ROWS)
    if count <= 1:
        yield pl.concat(frames)
        return
    for place in range(count):
        yield pl.concat(rows.filter(pl.col("eni").hash() % count == place) for rows in frames)


def _parts(rows: pl.DataFrame, table: Table, inputs: Sequence[Part]) -> Files:
    first, last = min(part.first for part in inputs), max(part.last for part in inputs)
    yield from of_batch(rows, table, inputs[0].q, first, last)


def left(old: Iterable[Part], new: Iterable[Part]) -> list[Part]:
    """Return the parts of a period: the new ones, and those of tables without a new one."""
    new = list(new)
    tables_of_new = by_table(new)
    return [*(part for part in old if part.table not in tables_of_new), *new]
