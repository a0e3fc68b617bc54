"""The reader of a Parquet file, some rows at a time. Positions count rows.

The index of Parquet is at its end, so an object is written to an unnamed temporary file first. A slice of a
scan reads the row groups that it needs, so the memory is one row group and one slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import polars as pl

from connectors.kafka import blocks
from connectors.kafka.blocks import BLOCK_MAX_BYTES
from connectors.s3.parquet_rows import columns, joined
from connectors.s3.text import LONG_LINE, Broken, Part

SLICE_ROWS = 16_384


def read_parquet(file: IO[bytes], at: int = 0, *, max_bytes: int = BLOCK_MAX_BYTES) -> Iterator[Part]:
    """Yield the parts of an object from row `at` on. Raises `Broken`."""
    path = f"/dev/fd/{file.fileno()}"
    try:
        scan = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        how = columns(scan.collect_schema())
        height = int(scan.select(pl.len()).collect().item())
        while at < height:
            lines = scan.slice(at, SLICE_ROWS).select(how.line).collect()["line"]
            if lines.is_empty():
                raise Broken("broken Parquet", b"fewer rows than it says")
            yield from _parts(how.line_format, lines, at, max_bytes)
            at += len(lines)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Broken("broken Parquet", str(error).encode()) from error


def _parts(line_format: str, lines: pl.Series, at: int, max_bytes: int) -> Iterator[Part]:
    """Yield the parts of a slice; a row is a line."""
    for text, fits in blocks.split(joined(lines), max_bytes):
        count = text.count(b"\n") + 1
        kept, refused = (text, "") if fits else (text[:max_bytes], LONG_LINE)
        yield Part(line_format, kept, at, at + count, count, refused)
        at += count
