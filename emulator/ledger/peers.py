"""Who each interface talked to and at which ports, as handed out: what a ledger says beside its totals. Pure.

A row counts once, at the interface that noted it. The port is the lower of the two, which is the service's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

MOST = 50
"""Peers and ports that are told of each interface, those with the most bytes; all of them are summed."""
_COMPACT_ROWS = 300_000

Told = dict[str, list[list[str | int]]]
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

    def by_peer(self) -> Told:
        """Return what each interface exchanged with its largest peers."""
        return self._told("peer")

    def by_port(self) -> Told:
        """Return the same by port."""
        return self._told("port")

    def _told(self, name: str) -> Told:
        if not self._parts:
            return {}
        order = self._summed(("eni", name)).sort("eni", "bytes", name, descending=[False, True, False])
        told: Told = {}
        for eni, one, flows, volume in order.group_by("eni", maintain_order=True).head(MOST).iter_rows():
            told.setdefault(eni, []).append([one, flows, volume])
        return told

    def _summed(self, by: Sequence[str]) -> pl.DataFrame:
        return pl.concat(self._parts).group_by(*by).agg(pl.col("flows").sum(), pl.col("bytes").sum())
