"""Roll-ups of final windows over 10 minutes, one hour and one day, with the columns of the windows. Pure.

`window_start` and `window_s` are those of the period. Flows, packets, bytes and bounds are sums, and
`tcp_flags` is their bitwise OR. Sketches of peers and ports are merged. `distinct_ports` and
`distinct_sources` have no sum: they are the largest values of one window, a lower bound. `revision` and
`message` are those of the newest row.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from datasketches import hll_sketch, hll_union, tgt_hll_type

from streams.archive.tables import CONVERSATIONS, FOLDER, TOTALS, Table

SKETCHES = ("peers", "ports")
_ENDS = ("source", "destination", "pkt_source", "pkt_destination")
_SAME: dict[str, tuple[str, ...]] = {
    TOTALS.name: ("eni", "action"),
    CONVERSATIONS.name: ("eni", "action", "direction", *_ENDS, "port", "protocol", "is_other"),
}
_SUMS = ("flows", "packets", "bytes", "bound_flows", "bound_packets", "bound_bytes")
_GREATEST = (
    "last",
    "distinct_ports",
    "distinct_sources",
    "revision",
    "message",
    "direction_rule",
    "port_rule",
)


def roll_up(rows: pl.DataFrame, base: Table, rolled: Table) -> pl.DataFrame:
    """Return the sums of rows of `base`, or of a finer roll-up of it, by period of `rolled`.

    The rows have one version of each key. The result has the columns of the rows, which may have `account`
    and `region` in addition.
    """
    same = [*_SAME[base.name], *(name for name in FOLDER if name in rows.columns)]
    every = f"{rolled.period_s}s"
    grouped = rows.with_columns(pl.col("window_start").dt.truncate(every)).group_by("window_start", *same)
    found = grouped.agg(
        *(_sum(name) for name in rows.columns if name not in {"window_start", "window_s", *same})
    )
    found = found.with_columns(window_s=pl.lit(rolled.period_s, pl.Int32))
    if SKETCHES[0] in found.columns:
        merged = (pl.Series(name, [merge(values) for values in found[name]], pl.Binary) for name in SKETCHES)
        found = found.with_columns(*merged)
    return found.select(rows.columns)


def _sum(name: str) -> pl.Expr:
    if name in _SUMS:
        return pl.col(name).sum()
    if name in _GREATEST:
        return pl.col(name).max()
    if name == "first":
        return pl.col(name).min()
    if name == "tcp_flags":
        return pl.col(name).bitwise_or()
    return pl.col(name).drop_nulls()


def merge(sketches: Iterable[bytes]) -> bytes | None:
    """Return the union of HyperLogLog sketches; None without a readable one.

    Its precision is the highest of the sketches. Bytes that are no sketch are left out.
    """
    found = [one for one in map(_sketch, sketches) if one is not None]
    if not found:
        return None
    union = hll_union(max(one.lg_config_k for one in found))
    for one in found:
        union.update(one)
    merged: bytes = union.get_result(tgt_hll_type.HLL_8).serialize_compact()
    return merged


def _sketch(value: bytes) -> hll_sketch | None:
    try:
        return hll_sketch.deserialize(value)
    except (RuntimeError, ValueError, TypeError):
        return None
