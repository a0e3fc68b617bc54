"""Partial sums: what one flush of `sum` found, and how it travels to `merge`.

Rows of (window, entity, action, protocol) with additive totals; the same key may stand in more than one row
and in any number of partials, and order does not matter. On Kafka: an Arrow IPC stream, lz4 (design.md 3).
The two 256-bit maps are linear-counting sketches (Whang et al. 1990) of the rejected rows' destination ports
and sources, as four words each; they are merged with `|`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl

MAP_BITS = 256
MAP_WORDS = 4
MAP = pl.Array(pl.UInt64, MAP_WORDS)

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
    "ports": MAP,
    "sources": MAP,
}


Row = tuple[int, str, int, int, int, int, int, int, int, list[int], list[int]]
"""One row of a partial, in `SCHEMA`'s order. `window` is its start, epoch seconds."""


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Return some rows as a frame."""
    found = list(rows)
    columns: dict[str, Any] = {name: [row[at] for row in found] for at, name in enumerate(SCHEMA)}
    for name in ("ports", "sources"):  # Polars makes a series of each list, numpy one array of all
        columns[name] = np.array(columns[name], np.uint64).reshape(-1, MAP_WORDS)
    return pl.DataFrame(columns, schema=SCHEMA)


def split(sums: pl.DataFrame, partitions: int) -> dict[int, pl.DataFrame]:
    """Part the rows by entity: crc32 of its name, modulo `partitions`, so that every worker agrees."""
    targets = [checksum(entity) % partitions for entity in sums["entity"].to_list()]
    # `with_columns` would plan a query for it, which costs more than the rest.
    parted = sums.hstack([pl.Series("target", targets, pl.Int64)]).partition_by(
        "target", as_dict=True, include_key=False
    )
    return {int(key[0]): part for key, part in parted.items()}


@lru_cache(maxsize=1 << 16)
def checksum(entity: str) -> int:
    """Return the crc32 of an entity's name."""
    return crc32(entity.encode())


def encode(sums: pl.DataFrame) -> bytes:
    """Return the Arrow IPC stream of a frame."""
    out = io.BytesIO()
    sums.write_ipc_stream(out, compression="lz4")
    return out.getvalue()


def decode(value: bytes) -> pl.DataFrame:
    """Return the frame of an Arrow IPC stream. Raises Polars' errors on foreign bytes."""
    return pl.read_ipc_stream(io.BytesIO(value))


def rows(sums: pl.DataFrame) -> list[Row]:
    """Return the rows of a frame as tuples, in `SCHEMA`'s order."""
    return sums.select(*SCHEMA).rows()


def estimate(set_bits: int) -> int:
    """Return how many distinct things set so many bits: -m ln(empty / m), rounded; within 5 % up to fifty."""
    return round(-MAP_BITS * math.log(max(MAP_BITS - set_bits, 1) / MAP_BITS))
