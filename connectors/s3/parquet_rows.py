"""The conversion of Parquet rows to flow-log lines: values as text, `-` for null. Pure.

Column names are AWS's field names with underscores. Files of other writers are accepted if their types can be
converted (a timestamp to seconds, a float to a whole number, bytes to text), and refused with the column's
name if not. Source: VPC guide, "Flow log files".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from connectors.formats.flowlog import FIELD_VERSIONS, BadFormat, log_format, parse_format
from connectors.s3.text import Broken

_WHITE = r"\s+"


@dataclass(frozen=True, slots=True)
class RowConversion:
    """The conversion of a file's rows: the format of the lines, and the expression of a line."""

    line_format: str
    line: pl.Expr


def columns(schema: Mapping[str, pl.DataType]) -> RowConversion:
    """Return the conversion for a file's columns. Raises `Broken` with foreign names."""
    names = {column: column.lower().replace("_", "-") for column in schema}
    if not any(name in FIELD_VERSIONS for name in names.values()):
        raise Broken("foreign Parquet: no column of a flow log", " ".join(schema).encode())
    try:
        line_format = log_format(parse_format(log_format(tuple(names.values()))))
    except BadFormat as error:
        raise Broken("foreign Parquet: column names", " ".join(schema).encode()) from error
    texts = [_text(column, kind).fill_null("-") for column, kind in schema.items()]
    return RowConversion(line_format, pl.concat_str(texts, separator=" ").alias("line"))


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
        return pl.when(text != "").then(text)  # A token is not empty, and has no space.
    if kind == pl.Null:
        return pl.lit(None, pl.String)
    raise Broken("foreign Parquet: type of a column", f"{column}: {kind}".encode())


def joined(lines: pl.Series) -> bytes:
    """Return lines as one text."""
    return str(lines.str.join("\n").item()).encode()
