"""The peers and ports of each interface, summed over a load. Pure.

A row counts once, for the interface that recorded it. The port is the lower of the two: the service's port.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

LISTED_MAX = 50
"""The number of peers and ports that are listed per interface, by bytes. All of them are summed."""
_COMPACT_ROWS = 300_000

Rows = dict[str, list[list[str | int]]]
"""Interface → rows of (peer or port, flows, bytes), the largest first."""


@dataclass(slots=True)
class Peers:
    """Sums over all rows added so far, by interface, peer and port."""

    _parts: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0

    def add(self, about: pl.DataFrame) -> None:
        """Add rows by their columns `eni`, `action`, `peer`, `port`, `bytes`; NODATA is no traffic."""
        traffic = about.filter(pl.col("action").is_in(["ACCEPT", "REJECT"]))
        self._parts.append(
            traffic.group_by("eni", "peer", "port").agg(
                flows=pl.len().cast(pl.Int64), bytes=pl.col("bytes").sum()
            )
        )
        self._rows += self._parts[-1].height
        if self._rows > _COMPACT_ROWS:
            self._parts = [self._summed(("eni", "peer", "port"))]
            self._rows = 0

    def by_peer(self) -> Rows:
        """Return the rows of each interface's largest peers."""
        return self._largest("peer")

    def by_port(self) -> Rows:
        """Return the rows of each interface's largest ports."""
        return self._largest("port")

    def _largest(self, name: str) -> Rows:
        if not self._parts:
            return {}
        order = self._summed(("eni", name)).sort("eni", "bytes", name, descending=[False, True, False])
        rows: Rows = {}
        for eni, one, flows, volume in (
            order.group_by("eni", maintain_order=True).head(LISTED_MAX).iter_rows()
        ):
            rows.setdefault(eni, []).append([one, flows, volume])
        return rows

    def _summed(self, by: Sequence[str]) -> pl.DataFrame:
        return pl.concat(self._parts).group_by(*by).agg(pl.col("flows").sum(), pl.col("bytes").sum())
