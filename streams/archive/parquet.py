"""The encoding of parts as Parquet with zstd, sorted, and their decoding. Polars reads and writes them."""

from __future__ import annotations

import io

import polars as pl

from streams.archive.names import Part
from streams.archive.tables import FOLDER, INVENTORY, TABLES, Table

ROW_GROUP = 1 << 17
"""Rows of a row group: about DuckDB's own size. A reader skips groups by their statistics."""

ZSTD_LEVEL = 3


def encode(rows: pl.DataFrame, table: Table) -> bytes:
    """Return the Parquet file of some rows, without the columns of the path."""
    out = io.BytesIO()
    rows.select(*table.schema).sort(table.order).write_parquet(
        out, compression="zstd", compression_level=ZSTD_LEVEL, statistics=True, row_group_size=ROW_GROUP
    )
    return out.getvalue()


def decode(data: bytes, part: Part) -> pl.DataFrame:
    """Return the rows of a part with the columns of its path.

    Raises Polars' errors if the file is not a part of its table.
    """
    schema = pl.Schema(TABLES[part.table].schema)
    found = pl.read_parquet(io.BytesIO(data), columns=list(schema)).cast(schema)
    return found.with_columns(*(pl.lit(getattr(part, name), pl.String).alias(name) for name in FOLDER))


def encode_inventory(rows: pl.DataFrame) -> bytes:
    """Return the Parquet file of the table `inventory`."""
    out = io.BytesIO()
    rows.write_parquet(out, compression="zstd", compression_level=ZSTD_LEVEL, statistics=True)
    return out.getvalue()


def decode_inventory(data: bytes) -> pl.DataFrame:
    """Return the rows of the table `inventory`. Raises Polars' errors if the file is not that table."""
    return pl.read_parquet(io.BytesIO(data), columns=list(INVENTORY)).cast(pl.Schema(INVENTORY))
