"""The tables of the archive: their columns, keys and sort orders, and the newest revision of a key. Pure.

Times are UTC. Columns that the path of a part holds (`account`, `region`, `day`, `hour`) are not in the file,
as Hive, Athena and Spark expect. `message` is the number of the message of `finals` that a row came from; a
pair of (`revision`, `message`) orders the versions of a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from streams.conversations.published import PUBLISHED

HOUR_S, DAY_S = 3600, 86_400

_TIME = pl.Datetime("us")
FOLDER = ("account", "region")
"""Columns that select the folder of a row, beside its time."""

_TOTALS: dict[str, Any] = {
    "window_start": _TIME,
    "window_s": pl.Int32,
    "eni": pl.String,
    "action": pl.String,
    "flows": pl.Int64,
    "packets": pl.Int64,
    "bytes": pl.Int64,
    "distinct_ports": pl.Int64,
    "distinct_sources": pl.Int64,
    "peers": pl.Binary,
    "ports": pl.Binary,
    "revision": pl.Int64,
    "message": pl.Int64,
}
_TIMES = {"window_start", "first", "last"}
_CONVERSATIONS: dict[str, Any] = {
    name: _TIME if name in _TIMES else kind
    for name, kind in {**PUBLISHED, "message": pl.Int64}.items()
    if name not in {*FOLDER, "final"}
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `key` identifies the rows that a higher revision replaces; `order` sorts a part.

    `period_s` is the length of a period of a roll-up; 0 for a table of windows.
    """

    name: str
    schema: Mapping[str, Any]
    key: tuple[str, ...]
    order: tuple[str, ...]
    period_s: int = 0

    @property
    def is_daily(self) -> bool:
        """True if a part covers a day, and its path has no hour."""
        return self.period_s == DAY_S


_TOTALS_KEY = ("eni", "action", "window_start")
# A message has all rows of an interface and window, so a newer one replaces all of them.
_CONVERSATIONS_KEY = ("eni", "window_start")
# One interface, one pair and one address of a sorted part lie in few row groups.
_CONVERSATIONS_ORDER = ("eni", "source", "destination", "port", "window_start")

TOTALS = Table("totals", _TOTALS, _TOTALS_KEY, _TOTALS_KEY)
CONVERSATIONS = Table("conversations", _CONVERSATIONS, _CONVERSATIONS_KEY, _CONVERSATIONS_ORDER)
PERIODS: Mapping[str, int] = {"10m": 600, "1h": HOUR_S, "1d": DAY_S}


def rollup_of(base: Table, period: str) -> Table:
    """Return the table of a period (`10m`, `1h`, `1d`) of a table of windows."""
    return Table(f"{base.name}_{period}", base.schema, base.key, base.order, PERIODS[period])


BASES = (TOTALS, CONVERSATIONS)
TABLES: Mapping[str, Table] = {
    table.name: table for base in BASES for table in (base, *(rollup_of(base, period) for period in PERIODS))
}


INVENTORY: Mapping[str, Any] = {
    "eni": pl.String,
    "valid_from": _TIME,
    "valid_to": _TIME,
    "kind": pl.String,
    "id": pl.String,
    "name": pl.String,
    "account": pl.String,
    "region": pl.String,
    "vpc": pl.String,
    "subnet": pl.String,
    "zone": pl.String,
    "private": pl.List(pl.String),
    "ipv6": pl.List(pl.String),
    "public": pl.List(pl.String),
    "security_groups": pl.List(pl.String),
    "tags": pl.String,
}
"""The columns of `inventory`: one row for each version of a network interface. `tags` is JSON."""

INVENTORY_PATH = "inventory/inventory.parquet"


def newest(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the rows with the newest version of their key; the order of rows is kept."""
    if rows["revision"].n_unique() == 1 and rows["message"].n_unique() == 1:
        return rows
    versions = rows.select(*table.key, "revision", "message").unique()
    last = versions.sort("revision", "message").unique(table.key, keep="last", maintain_order=True)
    if len(last) == len(versions):
        return rows
    return rows.join(last, on=[*table.key, "revision", "message"], how="semi", maintain_order="left")


def by_folder(rows: pl.DataFrame, period_s: int) -> Iterable[tuple[str, str, int, pl.DataFrame]]:
    """Yield account, Region, start of the period (epoch seconds) and rows of each folder of some rows."""
    start = pl.col("window_start").dt.epoch("s")
    parted = rows.with_columns(_period=start - start % period_s).partition_by(
        *FOLDER, "_period", as_dict=True, include_key=False
    )
    for (account, region, period), part in sorted(parted.items(), key=lambda item: item[0]):
        yield str(account), str(region), int(period), part
