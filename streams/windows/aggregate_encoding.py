"""The encoding of aggregates in bulk: the Kafka keys and JSON values of many cells in one call.

The JSON has the fields of `records.Aggregate` in their order.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import polars as pl

from streams.records import Aggregate, Final
from streams.sums.lines import ACTIONS, PROTOCOL_ABSENT
from streams.windows import window_table
from streams.windows.fold import Rows
from streams.windows.render import Column, Texts, render
from streams.windows.window_table import Cells, Names

_POLARS = {"str": pl.String, "int": pl.Int64, "bool": pl.Boolean}
FINALS: dict[str, Any] = {f.name: _POLARS[str(f.type)] for f in fields(Final)}
"""The schema of a message of `finals`: a column for each field of `Final`, in its order."""

_ACTIONS = Texts.of(ACTIONS)
_ACTIONS_JSON = Texts.of(f'"{action}"' for action in ACTIONS)
_PROTOCOLS = Texts.of([*map(str, range(PROTOCOL_ABSENT)), "-"])
_BOOLEANS = Texts.of(["false", "true"])


def with_final(found: pl.DataFrame) -> pl.DataFrame:
    """Add the column `final` to a frame of the previous version, which had final windows only."""
    return found if "final" in found.columns else found.with_columns(final=pl.lit(value=True))


def finals(found: Cells, names: Names, window_s: int, watermark: int) -> pl.DataFrame:
    """Return cells as a frame of `FINALS`. `watermark` is event time, epoch seconds."""
    columns = _numbers(found, window_s)
    columns["eni"] = names.of(window_table.entity_of(found.totals))
    columns["action"] = [ACTIONS[action] for action in window_table.action_of(found.totals).tolist()]
    columns["final"] = found.totals["window"] + window_s <= watermark
    return pl.DataFrame({name: columns[name] for name in FINALS}, schema=FINALS)


def write(
    found: Cells, names: Names, window_s: int, watermark: int, arrival_ms: int
) -> tuple[list[bytes], list[bytes]]:
    """Return the Kafka keys and values of cells.

    `oldest_arrival_ms` of a cell is `arrival_ms` if it has new rows, else 0. `watermark` is epoch seconds.
    """
    totals = found.totals
    entities, actions, windows = (
        window_table.entity_of(totals),
        window_table.action_of(totals),
        totals["window"],
    )
    numbers = _numbers(found, window_s) | {name: totals[name] for name in ("first", "last")}
    numbers["oldest_arrival_ms"] = totals["is_new"] * arrival_ms
    columns: dict[str, tuple[Any, Texts | None]] = {name: (values, None) for name, values in numbers.items()}
    columns["eni"] = entities, names.json
    columns["action"] = actions, _ACTIONS_JSON
    columns["protocols"] = np.arange(len(totals)), _protocols(found.rows, found.lengths)
    columns["final"] = windows + window_s <= watermark, _BOOLEANS
    values = render([Column(before, *columns[name]) for name, before in _FIELDS], "}")
    key = Column("", entities, names.raw), Column("|", actions, _ACTIONS), Column("|", windows)
    return render(key).bytes(), values.bytes()


def _numbers(found: Cells, window_s: int) -> dict[str, Any]:
    totals, (ports, sources) = found.totals, found.distinct
    return {
        "window_start": np.ascontiguousarray(totals["window"]),
        "window_s": np.full(len(totals), window_s),
        **{name: np.ascontiguousarray(totals[name]) for name in ("flows", "packets", "bytes", "revision")},
        "distinct_ports": ports,
        "distinct_sources": sources,
    }


_FIELDS = [(f.name, f'{"," if at else "{"}"{f.name}":') for at, f in enumerate(fields(Aggregate))]


def _protocols(rows: Rows, lengths: Any) -> Texts:
    """Return a JSON object of the totals by protocol for each cell; `lengths` are the rows of each cell."""
    last = np.cumsum(lengths) - 1
    # Every row begins with its separator, so that the rows of a cell are one piece of text.
    opens = np.ones(len(rows), np.int64)
    opens[last - lengths + 1] = 0
    closes = np.zeros(len(rows), np.int64)
    closes[last] = 1
    texts = render(
        [
            Column("", opens, _OPENS),
            Column("", window_table.protocol_of(rows), _PROTOCOLS),
            *(Column(b, rows[n]) for b, n in (('":[', "flows"), (",", "packets"), (",", "bytes"))),
            Column("]", closes, _CLOSES),
        ]
    )
    return Texts(texts.buffer, texts.starts[last - lengths + 1], texts.ends[last])


_OPENS = Texts.of(['{"', ',"'])
_CLOSES = Texts.of(["", "}"])
