"""The rows of one message of `finals` for the archive: totals and conversations of final windows. Pure.

Formats 2 and 3 are read. Columns that an older format lacks have the value for unknown. A message that is
not of this topic is refused as a whole, with a reason: nothing of it is applied.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from streams.archive.tables import CONVERSATIONS, FOLDER, TOTALS, Table
from streams.numbering import Input

SECONDS_MAX = 253_402_300_799  # 9999-12-31, the last second that a path can name
_REQUIRED = {
    TOTALS.name: {"eni", "action", "window_start", "window_s", "flows", "packets", "bytes", "revision"},
    CONVERSATIONS.name: {"eni", "window_start", "window_s", "source", "destination", "bytes", "revision"},
}
_TIMES = ("window_start", "first", "last")
_ABSENT: dict[Any, Any] = {pl.String: "", pl.Boolean: False, pl.Binary: None}


class ForeignMessage(ValueError):
    """A message of `finals` that no `merge` wrote; the text has the reason."""


@dataclass(frozen=True, slots=True)
class Finals:
    """The final rows of one message, with the columns of the tables, `account` and `region`."""

    number: int
    watermark: int
    totals: pl.DataFrame
    conversations: pl.DataFrame


def read(message: Input) -> Finals:
    """Return the final rows of a message. Raises `ForeignMessage`."""
    try:
        number, watermark = message.number(), message.number("watermark")
        at = message.conversations_at
        totals = _rows(message.value[:at], TOTALS, number)
        conversations = _rows(message.value[at:], CONVERSATIONS, number)
    except KeyError as error:
        raise ForeignMessage(f"it has no header {error}") from error
    except (PolarsError, OSError, ValueError) as error:
        raise ForeignMessage(str(error).splitlines()[0][:200]) from error
    return Finals(number, watermark, totals, conversations)


def _rows(stream: bytes, table: Table, number: int) -> pl.DataFrame:
    schema = {**table.schema, **dict.fromkeys(FOLDER, pl.String)}
    if not stream:
        return pl.DataFrame(schema=schema)
    found = pl.read_ipc_stream(io.BytesIO(stream))
    if missing := _REQUIRED[table.name] - set(found.columns):
        raise ValueError(f"its {table.name} have no column {min(missing)}")
    if "final" in found.columns:  # Format 1 has rows of final windows only.
        found = found.filter("final")
    if len(found) and not 0 <= _least(found) <= _most(found) <= SECONDS_MAX:
        raise ValueError("it has a window_start that is no time")
    columns = [_column(name, kind, found) for name, kind in schema.items() if name != "message"]
    return found.select(*columns, pl.lit(number, pl.Int64).alias("message")).select(*schema)


def _least(found: pl.DataFrame) -> int:
    least = found["window_start"].min()
    return least if isinstance(least, int) else -1


def _most(found: pl.DataFrame) -> int:
    most = found["window_start"].max()
    return most if isinstance(most, int) else -1


def _column(name: str, kind: Any, found: pl.DataFrame) -> pl.Expr:
    if name not in found.columns:
        return pl.lit(_ABSENT.get(kind, 0), kind if name not in _TIMES else pl.Datetime("us")).alias(name)
    if name in _TIMES:
        return pl.from_epoch(pl.col(name).cast(pl.Int64), "s").cast(kind)
    if kind == pl.String:
        return pl.col(name).cast(kind).fill_null("")
    return pl.col(name).cast(kind)
