"""The SQL of the views of `vpcflow query`, as text for DuckDB. Pure.

A view over a table of the archive reads the settled parts as they are. In unsettled parts it selects the
newest version of each key. `account` and `region` come from the paths of parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from streams.archive.tables import FOLDER, INVENTORY, Table

INTERNAL = "message"
"""The column that orders versions; views do not show it."""

_TYPES: Mapping[Any, str] = {
    pl.String: "VARCHAR",
    pl.Binary: "BLOB",
    pl.Boolean: "BOOLEAN",
    pl.UInt16: "USMALLINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Datetime("us"): "TIMESTAMP",
    pl.List(pl.String): "VARCHAR[]",
}
_VERSION = "revision::HUGEINT * 1099511627776 + message"  # 2^40: a message number has at most 40 bits.


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one table, as absolute paths."""

    settled: Sequence[str] = ()
    unsettled: Sequence[str] = ()


def stored(table: Table, files: Files, since: str = "", until: str = "") -> str:
    """Return a SELECT of the newest rows of a table, with all columns.

    `since` and `until` limit `window_start`; they are times in ISO 8601, UTC.
    """
    limits = [f"window_start >= TIMESTAMP {quoted(since)}"] if since else []
    limits += [f"window_start < TIMESTAMP {quoted(until)}"] if until else []
    where = f" WHERE {' AND '.join(limits)}" if limits else ""
    parts = [_read(table, files.settled) + where] if files.settled else []
    if files.unsettled:
        parts.append(_newest(table, _read(table, files.unsettled) + where))
    return " UNION ALL ".join(parts) or _nothing(table)


def _read(table: Table, paths: Sequence[str]) -> str:
    folders = (f"nullif({name}::VARCHAR, 'unknown') AS {name}" for name in FOLDER)
    types = ", ".join(f"'{name}': VARCHAR" for name in FOLDER)
    return (
        f"SELECT {', '.join((*table.schema, *folders))} FROM read_parquet({_list(paths)},"
        f" hive_partitioning = true, hive_types = {{{types}}})"
    )


def _newest(table: Table, rows: str) -> str:
    """Return rows without those of older versions; most keys have one version, so few are joined."""
    key = ", ".join(table.key)
    return (
        f"(WITH found AS ({rows}), newest AS (SELECT {key}, max({_VERSION}) AS version FROM found"
        f" GROUP BY ALL HAVING max({_VERSION}) > min({_VERSION}))"
        f" SELECT found.* FROM found LEFT JOIN newest USING ({key})"
        f" WHERE newest.version IS NULL OR newest.version = {_VERSION})"
    )


def _nothing(table: Table) -> str:
    columns = {**table.schema, **dict.fromkeys(FOLDER, pl.String)}
    return (
        f"SELECT {', '.join(f'NULL::{_TYPES[kind]} AS {name}' for name, kind in columns.items())} WHERE false"
    )


def inventory(paths: Sequence[str]) -> str:
    """Return a SELECT of the versions of interfaces; no rows without a file."""
    if paths:
        return f"SELECT {', '.join(INVENTORY)} FROM read_parquet({_list(paths)})"
    columns = ", ".join(f"NULL::{_TYPES[kind]} AS {name}" for name, kind in INVENTORY.items())
    return f"SELECT {columns} WHERE false"


# AWS never uses an interface id again: before its first version, an interface has the owner of that version.
# Versions of an address in a VPC do not overlap; the newer one is valid.
OWNERS = """
CREATE TABLE eni_owners AS
SELECT eni, kind, id, name, account, region, vpc, subnet, zone,
  CASE WHEN lag(valid_from) OVER versions IS NULL THEN TIMESTAMP '0001-01-01' ELSE valid_from END AS since,
  coalesce(lead(valid_from) OVER versions, TIMESTAMP '9999-12-31') AS until
FROM inventory WINDOW versions AS (PARTITION BY eni ORDER BY valid_from);
CREATE TABLE address_owners AS
WITH each AS (
  SELECT DISTINCT ON (address, vpc, valid_from) unnest(private || ipv6 || public) AS address, *
  FROM inventory ORDER BY valid_to DESC NULLS FIRST
)
SELECT address, eni, kind, id, name, account, region, vpc, subnet, zone, valid_from AS since,
  least(coalesce(valid_to, TIMESTAMP '9999-12-31'),
    coalesce(lead(valid_from) OVER (PARTITION BY address, vpc ORDER BY valid_from), TIMESTAMP '9999-12-31'))
    AS until
FROM each;
CREATE TABLE only_owners AS
SELECT * FROM address_owners
WHERE address IN (SELECT address FROM address_owners GROUP BY address HAVING count(DISTINCT vpc) = 1);
"""

OWNER_COLUMNS = ("name", "kind", "id", "vpc", "subnet", "zone")


def named(table: Table, rows: str) -> str:
    """Return the SELECT of a view over `rows`, with names of interfaces and addresses joined in."""
    hidden = f"rows.* EXCLUDE ({INTERNAL})"
    own = ", ".join(f"own.{name} AS eni_{name}" for name in OWNER_COLUMNS)
    joined = f"SELECT {hidden}, {own}{{ends}} FROM {rows} rows {owner_of_eni()}{{joins}}"
    if not table.name.startswith("conversations"):
        return joined.format(ends="", joins="")
    ends = ", ".join(
        f"{owner(end, name)} AS {end}_{name}" for end in ("source", "destination") for name in OWNER_COLUMNS
    )
    joins = " ".join(owner_of_address(end, _end(end)) for end in ("source", "destination"))
    return joined.format(ends=f", {ends}", joins=f" {joins}")


def plain(rows: str) -> str:
    """Return the SELECT of a view without names, for a query that uses none."""
    return f"SELECT * EXCLUDE ({INTERNAL}) FROM {rows}"


def owner_of_eni() -> str:
    """Return the join of the owner of `rows.eni`, as `own`."""
    return (
        "LEFT JOIN eni_owners own ON own.eni = rows.eni"
        " AND rows.window_start >= own.since AND rows.window_start < own.until"
    )


def owner_of_address(end: str, address: str) -> str:
    """Return the joins of the owner of an address: in the VPC of the interface, or in the only VPC."""
    joins = []
    for table, alias in (("address_owners", f"{end}_in"), ("only_owners", f"{end}_only")):
        time = f"rows.window_start >= {alias}.since AND rows.window_start < {alias}.until"
        joins.append(f"LEFT JOIN {table} {alias} ON {alias}.address = {address} AND {time}")
    joins[0] += f" AND {end}_in.vpc = own.vpc"
    return " ".join(joins)


def owner(end: str, column: str) -> str:
    """Return the expression of a column of the owner of an end."""
    return f"coalesce({end}_in.{column}, {end}_only.{column})"


def _end(end: str) -> str:
    return f"coalesce(nullif(rows.pkt_{end}, ''), rows.{end})"


def uses_names(words: Iterable[str]) -> bool:
    """Return True if one of the words of a query may be a column of names."""
    columns = {f"{end}_{name}" for end in ("eni", "source", "destination") for name in OWNER_COLUMNS}
    return any(word in columns or word == "*" for word in words)


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _list(paths: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, paths))}]"
