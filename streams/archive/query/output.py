"""The result of a query as a table, JSON or CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TextIO

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.archive.query.session import Answer

PIPED_WIDTH = 240  # A file has no width, and a value must not be cut.


def as_table(answer: Answer, out: TextIO) -> None:
    """Print a table for people; times are UTC."""
    console = Console(file=out)
    if not console.is_terminal:
        console = Console(file=out, width=PIPED_WIDTH)
    table = Table()
    for place, name in enumerate(answer.columns):
        is_number = any(isinstance(row[place], int | float | Decimal) for row in answer.rows[:1])
        table.add_column(escape(name), justify="right" if is_number else "left")
    for row in answer.rows:
        table.add_row(*(escape(_text(value)) for value in row))
    console.print(table)


def as_json(answer: Answer, out: TextIO) -> None:
    """Print one JSON object a row, one a line."""
    for row in answer.rows:
        line = orjson.dumps(dict(zip(answer.columns, row, strict=True)), default=_json, option=_JSON)
        out.write(line.decode() + "\n")


def as_csv(answer: Answer, out: TextIO) -> None:
    """Print CSV with a header."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_text(value) for value in row] for row in answer.rows)


FORMATS: dict[str, Callable[[Answer, TextIO], None]] = {"table": as_table, "json": as_json, "csv": as_csv}
_JSON = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return float(value) if isinstance(value, Decimal) else str(value)
