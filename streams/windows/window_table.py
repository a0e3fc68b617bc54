"""The totals of windows as tables: rows of (window, entity, action, protocol), sorted and merged in bulk.

A row is one record of a numpy array, and its key is one integer: the code of the entity, the action and the
protocol, from high bits to low bits. The rows of a cell (window, entity, action) are therefore adjacent, and
so are the cells of an entity; every operation is a sort and a reduction over runs. One Python object for each
cell cost five times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from streams.sums import partials
from streams.windows.fold import Rows, fold
from streams.windows.maps import Maps
from streams.windows.names import Names

Starts = np.ndarray[Any, np.dtype[np.intp]]

PROTOCOL_BITS, ACTION_BITS = 9, 3  # 0 to 256, and five actions: `lines.PROTOCOL_ABSENT`, `lines.ACTIONS`
ENTITY_AT = PROTOCOL_BITS + ACTION_BITS

ROW = np.dtype(
    [
        ("window", np.int64),
        ("key", np.int64),
        ("flows", np.int64),
        ("packets", np.int64),
        ("bytes", np.int64),
        ("first", np.int64),
        ("last", np.int64),
        ("maps", np.int64),  # number in `Maps`
        ("revision", np.int64),  # of the cell; equal in all of its rows
        ("is_new", np.int64),  # 1 in rows that were added since the last flush
    ]
)
_CARRIED = ("window", "flows", "packets", "bytes", "first", "last")
STATE: dict[str, Any] = {
    "window": pl.Int64,
    "entity": pl.String,
    "action": pl.Int64,
    "protocol": pl.Int64,
    **dict.fromkeys(("flows", "packets", "bytes", "first", "last"), pl.Int64),
    "maps": pl.Binary,
    "revision": pl.Int64,
    "account": pl.String,
    "region": pl.String,
}
NO_ROWS = np.zeros(0, ROW)

PART_ROWS = 2_500  # of a window in one state message: below 1 MiB even if lz4 saves nothing


def merged(parts: Sequence[Rows], maps: Maps) -> Rows:
    """Return sorted rows with one row for each key, from rows in any order with repeated keys."""
    rows = np.concatenate(parts)
    totals, _ = fold(rows, np.lexsort((rows["key"], rows["window"])), 0, maps)
    return totals


@dataclass(frozen=True)
class Cells:
    """Cells: a row of totals for each cell, the rows by protocol, and the number of these rows per cell."""

    totals: Rows
    rows: Rows
    lengths: Any
    maps: Maps

    @classmethod
    def of(cls, rows: Rows, maps: Maps) -> Cells:
        """Return the cells of sorted rows."""
        totals, starts = fold(rows, np.arange(len(rows)), PROTOCOL_BITS, maps)
        return cls(totals, rows, np.diff(starts, append=len(rows)), maps)

    def only(self, chosen: Any) -> Cells:
        """Return the cells of a mask."""
        rows = self.rows[np.repeat(chosen, self.lengths)]
        return Cells(self.totals[chosen], rows, self.lengths[chosen], self.maps)

    @cached_property
    def distinct(self) -> tuple[Any, Any]:
        """Two arrays: the estimated distinct ports and distinct sources of each cell."""
        return self.maps.distinct(self.totals["maps"])


def any_of_entity(totals: Rows, marked: Any) -> Any:
    """Return a mask of the cells whose window and entity have a marked cell."""
    starts = _runs(totals["window"], entity_of(totals))
    lengths = np.diff(starts, append=len(totals))
    return np.repeat(np.logical_or.reduceat(marked, starts), lengths)


def by_window(rows: Rows) -> list[Rows]:
    """Split sorted rows into one table for each window."""
    return [part.copy() for part in np.split(rows, _runs(rows["window"])[1:])] if len(rows) else []


def _runs(*columns: Any) -> Starts:
    """Return the start indexes of runs of equal values."""
    is_start = np.ones(len(columns[0]), bool)
    is_start[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.flatnonzero(is_start)


def of_frame(found: pl.DataFrame, names: Names, maps: Maps, revised: bool = False) -> Rows:
    """Return the rows of a frame of partials, or with `revised` of state, where rows have revisions."""
    rows = np.zeros(len(found), ROW)
    codes = names.codes(found["entity"].to_list())
    names.learn_origins(codes, found["account"], found["region"])
    action, protocol = (found[name].to_numpy().astype(np.int64) for name in ("action", "protocol"))
    rows["key"] = codes << ENTITY_AT | action << PROTOCOL_BITS | protocol
    for name in _CARRIED:
        rows[name] = found[name].to_numpy()
    rows["maps"] = maps.read(found["maps"])
    if revised:
        rows["revision"] = found["revision"].to_numpy()
    return rows


def to_frame(rows: Rows, names: Names, maps: Maps) -> pl.DataFrame:
    """Return rows as a frame of `STATE`."""
    columns: dict[str, Any] = {
        "entity": names.of(entity_of(rows)),
        "action": action_of(rows),
        "protocol": protocol_of(rows),
        "account": names.accounts_of(entity_of(rows)),
        "region": names.regions_of(entity_of(rows)),
    }
    columns |= {name: np.ascontiguousarray(rows[name]) for name in (*_CARRIED, "revision")}
    columns["maps"] = maps.column(rows["maps"])
    return pl.DataFrame(columns, schema=STATE)


def renumber(tables: Iterable[Rows], numbers: Any) -> None:
    """Replace the codes of entities: `numbers` has the new code by the old one, in the same order."""
    for rows in tables:
        entities = entity_of(rows)
        rows["key"] += numbers[entities] - entities << ENTITY_AT  # The rows remain sorted.


def to_parts(rows: Rows, names: Names, maps: Maps) -> list[bytes]:
    """Return rows as encoded frames of `STATE`, each below 1 MiB."""
    found = to_frame(rows, names, maps)
    return [partials.encode(part) for part in found.iter_slices(PART_ROWS)]


def entity_of(rows: Rows) -> Any:
    """Return the code of each row's entity."""
    return rows["key"] >> ENTITY_AT


def action_of(rows: Rows) -> Any:
    """Return the action of each row, an index of `lines.ACTIONS`."""
    return rows["key"] >> PROTOCOL_BITS & (1 << ACTION_BITS) - 1


def protocol_of(rows: Rows) -> Any:
    """Return the IANA protocol number of each row; `lines.PROTOCOL_ABSENT` if it is absent."""
    return rows["key"] & (1 << PROTOCOL_BITS) - 1
