"""Partial sums: what one flush of `sum` found, and how it travels to `merge`.

Rows of (window, entity, action, protocol) with additive totals; the same key may stand in more than one row
and in any number of partials, and order does not matter. On Kafka: an Arrow IPC stream, lz4 (design.md 3).
The two 256-bit maps are linear-counting sketches (Whang et al. 1990) of the rejected rows' destination ports
and sources; they are merged with `|`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

import polars as pl

MAP_BITS = 256
MAP_WORDS = 4

SCHEMA: dict[str, Any] = {
    "window": pl.Int64,
    "entity": pl.String,
    "action": pl.UInt8,
    "protocol": pl.Int16,
    "flows": pl.Int64,
    "packets": pl.Int64,
    "bytes": pl.Int64,
    "first": pl.Int64,
    "last": pl.Int64,
    "ports": pl.Binary,
    "sources": pl.Binary,
}


Row = tuple[int, str, int, int, int, int, int, int, int, bytes, bytes]
"""One row of a partial, in `SCHEMA`'s order. `window` is its start, epoch seconds."""


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Return some rows as a frame."""
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def split(sums: pl.DataFrame, partitions: int) -> dict[int, pl.DataFrame]:
    """Part the rows by entity: crc32 of its name, modulo `partitions`, so that every worker agrees."""
    targets = [crc32(entity.encode()) % partitions for entity in sums["entity"].to_list()]
    parted = sums.with_columns(pl.Series("target", targets, pl.Int64)).partition_by(
        "target", as_dict=True, include_key=False
    )
    return {int(key[0]): part for key, part in parted.items()}


def encode(sums: pl.DataFrame) -> bytes:
    """Return the Arrow IPC stream of some rows."""
    out = io.BytesIO()
    sums.write_ipc_stream(out, compression="lz4")
    return out.getvalue()


def decode(value: bytes) -> pl.DataFrame:
    """Return the rows of a partial. Raises Polars' errors on foreign bytes."""
    return pl.read_ipc_stream(io.BytesIO(value))


def rows(sums: pl.DataFrame) -> Iterator[Row]:
    """Yield the rows of a frame as tuples, in `SCHEMA`'s order."""
    return zip(*(sums[name].to_list() for name in SCHEMA), strict=True)


def compact(parts: list[pl.DataFrame]) -> Iterator[Row]:
    """Yield the rows of many partials, with equal keys summed, but for the rejected ones and their maps."""
    sums = pl.concat(parts)
    if len(parts) > 1:
        rejected = pl.col("ports").bin.size() > 0
        plain = (
            sums.filter(~rejected)
            .group_by("window", "entity", "action", "protocol")
            .agg(
                pl.col("flows", "packets", "bytes").sum(),
                pl.col("first").min(),
                pl.col("last").max(),
                pl.col("ports", "sources").first(),
            )
        )
        sums = pl.concat([plain, sums.filter(rejected)])
    return rows(sums)


def estimate(bits: int) -> int:
    """Return how many distinct things set these bits: -m ln(empty / m), rounded; exact to 5 % at fifty."""
    empty = MAP_BITS - bits.bit_count()
    return round(-MAP_BITS * math.log(max(empty, 1) / MAP_BITS))
