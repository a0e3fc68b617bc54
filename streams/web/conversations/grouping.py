"""The answer to a selection: rows by one dimension, the rest, the total, a series of the windows. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from connectors.inventory.directory import Directory, Owner
from streams.conversations.published import PUBLISHED
from streams.web.conversations.labels import label_of
from streams.web.conversations.selection import Selection
from streams.web.query import csv_text

SERIES_MARGIN_S = 900
"""The series also shows this time before and after a selected time."""

TOTALS = ("flows", "packets", "bytes", "rejects")
_SERIES = [(action, name) for action in ("ACCEPT", "REJECT", "-") for name in ("flows", "packets", "bytes")]
_COLUMNS = ("eni", "action", "direction", "source_end", "destination_end", "port", "protocol")
_OWNED: dict[str, Callable[[Owner | None, str], str]] = {
    "resource": lambda owner, eni: owner.id if owner is not None else eni,
    "resource_name": lambda owner, eni: owner.label if owner is not None else eni,
    "subnet": lambda owner, _: owner.subnet if owner is not None else "",
    "zone": lambda owner, _: owner.zone if owner is not None else "",
}
_KEYS = {
    "interface": ["eni"],
    "resource": ["resource"],
    "peer": ["peer"],
    "port": ["port", "protocol"],
    "pair": ["source_end", "destination_end"],
    "subnet": ["subnet"],
    "zone": ["zone"],
    "conversation": list(_COLUMNS),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a selection as JSON values. `begin` and `end` are the time that the tables cover."""

    group: str
    by: str
    begin: int
    end: int
    kept_from: int | None
    rows: list[dict[str, Any]]
    other: dict[str, Any] | None
    others: int
    total: dict[str, Any]
    series: list[list[int]]


def answer(
    tables: Iterable[pl.DataFrame], directory: Directory, chosen: Selection, times: tuple[int, int]
) -> Answer:
    """Return the answer from the tables of the windows of the selected time and its margin."""
    begin, end = times
    found = [_selected(table, directory, chosen) for table in tables]
    found = [table for table in found if len(table)]
    every = pl.concat(found) if found else _selected(pl.DataFrame(schema=PUBLISHED), directory, chosen)
    inside = every.filter(pl.col("window_start").is_between(begin, end, closed="left"))
    rows, other, others, total = _grouped(inside, directory, chosen)
    kept_from = every["window_start"].min() if len(every) else None
    return Answer(chosen.group, chosen.by, begin, end, kept_from, rows, other, others, total, _series(every))  # type: ignore[arg-type]


def _selected(table: pl.DataFrame, directory: Directory, chosen: Selection) -> pl.DataFrame:
    """Return the rows of one window that the filters select, with the columns of every dimension."""
    filters = dict(chosen.filters)
    if eni := filters.pop("eni", ""):
        table = table.filter(pl.col("eni").cast(pl.String) == eni)
    if action := filters.pop("action", ""):
        table = table.filter(pl.col("action").cast(pl.String) == action)
    table = _with_ends(table)
    wanted = {*filters, chosen.group, *(["resource_name"] if chosen.group == "resource" else [])} & set(
        _OWNED
    )
    if wanted:
        table = table.join(_owners(table, directory, sorted(wanted)), on="eni", how="left")
    for name, value in filters.items():
        table = table.filter(_condition(name, value))
    return table


def _with_ends(table: pl.DataFrame) -> pl.DataFrame:
    """Add both ends, with the addresses of the packet first, and the peer; empty in the rest of a window."""
    ends = [
        pl.when(pl.col(f"pkt_{end}") != "").then(f"pkt_{end}").otherwise(end).alias(f"{end}_end")
        for end in ("source", "destination")
    ]
    peer = pl.when(pl.col("direction") == "ingress").then("source_end").otherwise("destination_end")
    texts = [pl.col(name).cast(pl.String) for name in ("eni", "action", "direction")]
    return table.with_columns(*texts).with_columns(ends).with_columns(peer=peer)


def _owners(table: pl.DataFrame, directory: Directory, names: list[str]) -> pl.DataFrame:
    enis = table["eni"].unique(maintain_order=True).to_list()
    at_s = int(table["window_start"][0]) if len(table) else 0
    owners = [directory.interface(eni, at_s) for eni in enis]
    columns = {
        name: [_OWNED[name](owner, eni) for owner, eni in zip(owners, enis, strict=True)] for name in names
    }
    return pl.DataFrame({"eni": enis, **columns}, schema=dict.fromkeys(("eni", *names), pl.String))


def _condition(name: str, value: str) -> pl.Expr:
    if name == "port":
        port, _, protocol = value.partition("/")
        condition = pl.col("port").cast(pl.String) == port
        return condition & (pl.col("protocol").cast(pl.String) == protocol) if protocol else condition
    if name == "pair":
        source, _, destination = value.partition("|")
        return (pl.col("source_end") == source) & (pl.col("destination_end") == destination)
    return pl.col(name) == value


def _grouped(
    table: pl.DataFrame, directory: Directory, chosen: Selection
) -> tuple[list[dict[str, Any]], dict[str, Any] | None, int, dict[str, Any]]:
    """Return the largest rows, the rest, the number of rows in the rest, and the total.

    The rest of a window (`is_other`) has no addresses and no port, so it is no row of those dimensions.
    """
    keys = _KEYS[chosen.group]
    named = table if chosen.group in {"interface", *_OWNED} else table.filter(~pl.col("is_other"))
    bound = pl.col("bound_flows" if chosen.by == "rejects" else f"bound_{chosen.by}").sum().alias("bound")
    names = [pl.col("resource_name").first()] if chosen.group == "resource" else []
    sums = named.group_by(keys).agg(*_totals(), bound, *names).filter(pl.col(chosen.by) > 0)
    sums = sums.sort([chosen.by, *keys], descending=[True] + [False] * len(keys))
    total = table.select(_totals()).row(0, named=True) if len(table) else dict.fromkeys(TOTALS, 0)
    at_s = int(table["window_start"].max()) if len(table) else 0  # type: ignore[arg-type]
    rows = [
        {**label_of(chosen.group, one, directory, at_s), **_sums(one, chosen.by, total[chosen.by])}
        for one in sums.head(chosen.n).to_dicts()
    ]
    rest = {name: total[name] - sum(row[name] for row in rows) for name in TOTALS}
    other = {"key": "", "label": "other", **_sums(rest, chosen.by, total[chosen.by])}
    whole = {"key": "", "label": "total", **_sums(total, chosen.by, total[chosen.by])}
    return rows, other if any(rest.values()) else None, len(sums) - len(rows), whole


def _sums(one: dict[str, Any], by: str, whole: int) -> dict[str, Any]:
    share = one[by] / whole if whole else 0.0
    return {**{name: one[name] for name in TOTALS}, "bound": one.get("bound", 0), "share": share}


def _totals() -> list[pl.Expr]:
    sums = [pl.col(name).sum() for name in ("flows", "packets", "bytes")]
    return [*sums, pl.col("flows").filter(pl.col("action") == "REJECT").sum().alias("rejects")]


def _series(table: pl.DataFrame) -> list[list[int]]:
    """Return a point for each window, as `query.point` has them."""
    if not len(table):
        return []
    sums = [
        pl.col(name).filter(pl.col("action") == action).sum().alias(f"{action}{name}")
        for action, name in _SERIES
    ]
    points = table.group_by("window_start").agg(
        pl.col("window_s").first().cast(pl.Int64), *sums, pl.col("final").all().cast(pl.Int64)
    )
    return [list(point) for point in points.sort("window_start").iter_rows()]


def to_csv(found: Answer) -> str:
    """Return the rows as CSV (RFC 4180), with the rest and the total."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    rows: Sequence[dict[str, Any]] = [*found.rows, *([found.other] if found.other else []), found.total]
    names = list(found.rows[0] if found.rows else found.total)
    writer.writerow(names)
    writer.writerows([_cell(row.get(name, "")) for name in names] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return csv_text(value)
    return round(value, 6) if isinstance(value, float) else value
