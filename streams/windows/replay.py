"""Stored flushes, read again: the rows that no checkpoint has, and the revisions that they caused. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from streams.windows.fold import Rows
from streams.windows.partial import unpack
from streams.windows.state import Stored
from streams.windows.window_table import PROTOCOL_BITS


@dataclass(frozen=True, slots=True)
class Replayed:
    """The rows of one stored flush that are in no checkpoint, and their windows."""

    totals: pl.DataFrame
    conversations: list[pl.DataFrame]
    windows: set[int]


def read(flush: int, packed: bytes, stored: Stored, expired_to: int) -> Replayed:
    """Return the rows of a flush that no checkpoint has, of windows after `expired_to` (epoch seconds)."""
    found = list(unpack(packed))
    totals = pl.concat([one.totals for one in found])
    windows = {
        w for w in totals["window"].unique().to_list() if w > expired_to and stored.missing_from(w) <= flush
    }
    is_needed = pl.col("window").is_in(list(windows))
    conversations = [one.conversations.filter(is_needed) for one in found if one.conversations is not None]
    return Replayed(totals.filter(is_needed), [one for one in conversations if len(one)], windows)


@dataclass(slots=True)
class Changes:
    """The cells that each stored flush changed: each change was one revision."""

    _seen: list[pl.DataFrame] = field(default_factory=list)

    def add(self, flush: int, rows: Rows) -> None:
        """Add the rows of a flush."""
        cells = {"window": rows["window"].copy(), "cell": rows["key"] >> PROTOCOL_BITS}
        self._seen.append(pl.DataFrame(cells).unique().with_columns(flush=pl.lit(flush)))

    def apply(self, rows: Rows) -> None:
        """Add the number of changes to the revisions of rows."""
        if not self._seen:
            return
        counts = pl.concat(self._seen).group_by("window", "cell").len("count")
        cells = pl.DataFrame({"window": rows["window"].copy(), "cell": rows["key"] >> PROTOCOL_BITS})
        found = cells.join(counts, on=["window", "cell"], how="left", maintain_order="left")
        rows["revision"] += found["count"].fill_null(0).to_numpy().astype(np.int64)
