"""The encoding of aggregates in bulk: the Kafka keys and JSON values of many cells in one call.

The JSON has the fields of `records.Aggregate` in their order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from streams.conversations.conversations import SketchesByCell
from streams.conversations.distinct import Sketches
from streams.records import Aggregate, Final
from streams.sums.lines import ACTIONS, PROTOCOL_ABSENT
from streams.windows import window_table
from streams.windows.fold import Rows
from streams.windows.names import Names
from streams.windows.render import Column, Texts, render
from streams.windows.window_table import Cells

_POLARS = {"str": pl.String, "int": pl.Int64, "bool": pl.Boolean}
FINALS: dict[str, Any] = {
    **{f.name: _POLARS[str(f.type)] for f in fields(Final)},
    **dict.fromkeys(("account", "region"), pl.String),
    **dict.fromkeys(("peers", "ports"), pl.Binary),
}
"""The schema of the totals in `finals`: a column for each field of `Final`, in its order, and four more.

`account` and `region` are "" if they are unknown. `peers` and `ports` are HyperLogLog sketches of
`conversations.distinct`, null for a window that is not final and for rows without conversations.
"""

_ACTIONS = Texts.of(ACTIONS)
_ACTIONS_JSON = Texts.of(f'"{action}"' for action in ACTIONS)
_PROTOCOLS = Texts.of([*map(str, range(PROTOCOL_ABSENT)), "-"])
_BOOLEANS = Texts.of(["false", "true"])


def with_final(found: pl.DataFrame) -> pl.DataFrame:
    """Add the column `final` to a frame of the previous version, which had final windows only."""
    return found if "final" in found.columns else found.with_columns(final=pl.lit(value=True))


@dataclass(frozen=True, slots=True)
class Context:
    """The values that all cells of a flush share.

    `watermark` is event time, epoch seconds. `arrival_ms` is the oldest arrival of new rows, 0 if unknown.
    `sketches` are those of final cells.
    """

    names: Names
    window_s: int
    watermark: int
    arrival_ms: int
    sketches: SketchesByCell

    def sketches_of(self, totals: Rows) -> list[Sketches | None]:
        """Return the sketches of each cell."""
        if not self.sketches:
            return [None] * len(totals)
        columns = totals["window"], window_table.entity_of(totals), window_table.action_of(totals)
        cells = zip(*(column.tolist() for column in columns), strict=True)
        return [self.sketches.get(cell) for cell in cells]


def finals(found: Cells, context: Context) -> pl.DataFrame:
    """Return cells as a frame of `FINALS`."""
    totals, names = found.totals, context.names
    codes = window_table.entity_of(totals)
    sketches = context.sketches_of(totals)
    columns: dict[str, Any] = _numbers(found, context, sketches)
    columns["eni"], columns["account"], columns["region"] = (
        names.of(codes),
        names.accounts_of(codes),
        names.regions_of(codes),
    )
    columns["action"] = [ACTIONS[action] for action in window_table.action_of(totals).tolist()]
    columns["final"] = totals["window"] + context.window_s <= context.watermark
    images = [(None, None) if one is None else one.serialized() for one in sketches]
    columns["peers"], columns["ports"] = [peers for peers, _ in images], [ports for _, ports in images]
    return pl.DataFrame({name: columns[name] for name in FINALS}, schema=FINALS)


def write(found: Cells, context: Context) -> tuple[list[bytes], list[bytes]]:
    """Return the Kafka keys and values of cells.

    `oldest_arrival_ms` of a cell is that of the context if the cell has new rows, else 0.
    """
    totals, names = found.totals, context.names
    entities, actions, windows = (
        window_table.entity_of(totals),
        window_table.action_of(totals),
        totals["window"],
    )
    numbers = _numbers(found, context, context.sketches_of(totals))
    numbers |= {name: totals[name] for name in ("first", "last")}
    numbers["oldest_arrival_ms"] = totals["is_new"] * context.arrival_ms
    columns: dict[str, tuple[Any, Texts | None]] = {name: (values, None) for name, values in numbers.items()}
    columns["eni"] = entities, names.json
    columns["action"] = actions, _ACTIONS_JSON
    columns["protocols"] = np.arange(len(totals)), _protocols(found.rows, found.lengths)
    columns["final"] = windows + context.window_s <= context.watermark, _BOOLEANS
    values = render([Column(before, *columns[name]) for name, before in _FIELDS], "}")
    key = Column("", entities, names.raw), Column("|", actions, _ACTIONS), Column("|", windows)
    return render(key).bytes(), values.bytes()


def _numbers(found: Cells, context: Context, sketches: list[Sketches | None]) -> dict[str, Any]:
    totals, (ports, sources) = found.totals, found.distinct
    ports = ports.copy()
    peers = np.zeros(len(totals), np.int64)
    for at, one in enumerate(sketches):
        if one is not None:
            peers[at], service_ports = one.estimates()
            # The maps have the destination ports of rejected traffic, which detectors compare.
            ports[at] = ports[at] or service_ports
    return {
        "window_start": np.ascontiguousarray(totals["window"]),
        "window_s": np.full(len(totals), context.window_s),
        **{name: np.ascontiguousarray(totals[name]) for name in ("flows", "packets", "bytes", "revision")},
        "distinct_ports": ports,
        "distinct_sources": sources,
        "distinct_peers": peers,
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
