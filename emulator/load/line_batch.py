"""Consecutive lines of a load, with the columns that the ledger and the envelopes need. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Consecutive lines of a load: `first` is the place of the first of them, `frame` their columns.

    Columns: `line` (text), `eni`, `action` (`NODATA` and `SKIPDATA` for log-status lines), `packets`,
    `bytes`, `start`, `end` (epoch seconds). A load that is not a file also has `srcaddr`, `dstaddr`,
    `srcport`, `dstport`, `protocol`, null for log-status lines. A `header` names the fields of lines whose
    format the connector is not set to; it is sent in each record.
    """

    first: int
    frame: pl.DataFrame
    header: str = ""

    @property
    def lines(self) -> int:
        """The number of lines."""
        return self.frame.height

    @property
    def text(self) -> bytes:
        """The lines joined by newlines, with none at the end."""
        return str(self.frame["line"].str.join("\n").item()).encode()
