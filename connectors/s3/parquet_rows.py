"""Rows of Parquet as flow-log lines: AWS's columns with underscores, values as text, `-` for null. Pure.

A worker sums these lines like all others. Readers meet other writers' files too, so a type is tolerated when
its values can be said as AWS says them (a timestamp for a second, a float for a whole number, bytes for
text), and refused by the column's name when they cannot. Source: VPC guide, "Flow log files".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from connectors.formats.flowlog import FIELD_VERSIONS, BadFormat, log_format, parse_format
from connectors.s3.text import Broken

_WHITE = r"\s+"


@dataclass(frozen=True, slots=True)
class Columns:
    """How a file's rows become lines: the format they are in, and the expression that makes one."""

    line_format: str
    line: pl.Expr


def columns(schema: Mapping[str, pl.DataType]) -> Columns:
    """Understand a file's columns. Raises `Broken` with the column that is none of a flow log's."""
    names = {column: column.lower().replace("_", "-") for column in schema}
    if not any(name in FIELD_VERSIONS for name in names.values()):
        raise Broken("foreign Parquet: no column of a flow log", " ".join(schema).encode())
    try:
        line_format = log_format(parse_format(log_format(tuple(names.values()))))
    except BadFormat as error:
        raise Broken("foreign Parquet: column names", " ".join(schema).encode()) from error
    texts = [_text(column, kind).fill_null("-") for column, kind in schema.items()]
    return Columns(line_format, pl.concat_str(texts, separator=" ").alias("line"))


def _text(column: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if kind.is_integer():
        return value.cast(pl.String)
    if kind.is_float() or kind.is_decimal():
        return value.cast(pl.Int64, strict=False).cast(pl.String)
    if kind == pl.Datetime:
        return value.dt.epoch("s").cast(pl.String)
    if kind in (pl.String, pl.Binary, pl.Categorical, pl.Enum):
        text = value.cast(pl.String, strict=False).str.replace_all(_WHITE, "_")
        return pl.when(text != "").then(text)  # A token cannot be empty, nor hold a space.
    if kind == pl.Null:
        return pl.lit(None, pl.String)
    raise Broken("foreign Parquet: type of a column", f"{column}: {kind}".encode())


def joined(lines: pl.Series) -> bytes:
    """Return lines as one text."""
    return str(lines.str.join("\n").item()).encode()
