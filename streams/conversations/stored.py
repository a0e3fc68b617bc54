"""The state of one window's conversations: a table as an Arrow IPC stream, and back. Pure.

A row of `STATE` is a row of the table without its group, with the bound as numbers. A row `is_rest` is the
rest of a group and action: its addresses are the candidates of the common address, their number is in
`pkt_source_lo`, its bound is that of the conversations without a row, and it has the sketches.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import polars as pl

from streams.conversations.distinct import Sketches
from streams.conversations.entities import Entities
from streams.conversations.kernels import (
    ACTION_AT,
    ACTION_CLASSES,
    ACTION_MASK,
    BOUND_AT,
    BOUNDS,
    CANDIDATE_1,
    CANDIDATES,
    ENTITY,
    FLAGS,
    FLOWS,
    GROUP_AT,
    KEY,
    MARKS,
    PKT_SOURCE,
    SOURCE,
    WORDS,
)
from streams.conversations.rows import ADDRESS_WORDS, NUMBERS
from streams.conversations.selection import ACTION_OF_CLASS
from streams.conversations.table import Rest, Table
from streams.sums.conversations import entities, to_entities

_KEY_MASK = (1 << GROUP_AT) - 1
_BOUND = ("bound_flows", "bound_packets", "bound_bytes")
_WORDS = ("key", *ADDRESS_WORDS, *NUMBERS)


def encode(table: Table, names: Entities) -> bytes:
    """Return the state of a table."""
    rests = _rest_rows(table)
    rows = np.concatenate([table.rows[: table.used], rests])
    order = np.argsort(rows[:, KEY] >> GROUP_AT, kind="stable")  # rows of an interface compress well together
    rows = rows[order]
    columns: dict[str, Any] = {"entity": _entities(table, rows, names), "key": rows[:, KEY] & _KEY_MASK}
    columns |= {name: np.ascontiguousarray(rows[:, at]) for at, name in enumerate(_WORDS[1:], SOURCE)}
    columns["tcp_flags"] = (rows[:, MARKS] & FLAGS).astype(np.uint16)
    bounds = table.bounds[rows[:, MARKS] >> BOUND_AT]
    columns |= {name: np.ascontiguousarray(bounds[:, n]) for n, name in enumerate(_BOUND)}
    is_rest = order >= table.used
    columns["is_rest"] = is_rest
    images = [rest.sketches.serialized() for rest in table.rests.values()]
    for n, name in enumerate(("peers", "ports")):
        values: list[bytes | None] = [None] * len(rows)
        for place in np.flatnonzero(is_rest).tolist():
            values[place] = images[order[place] - table.used][n]
        columns[name] = pl.Series(values, dtype=pl.Binary)
    out = io.BytesIO()
    pl.DataFrame(columns).write_ipc_stream(out, compression="zstd")
    return out.getvalue()


def _entities(table: Table, rows: Any, names: Entities) -> pl.Series:
    codes, numbers = np.unique(table.groups[rows[:, KEY] >> GROUP_AT, ENTITY], return_inverse=True)
    return to_entities(numbers, names.of(codes))


def _rest_rows(table: Table) -> Any:
    rows = np.zeros((len(table.rests), WORDS), np.int64)
    for row, ((group, action), rest) in zip(rows, table.rests.items(), strict=True):
        words = table.groups[group]
        row[KEY] = group << GROUP_AT | int(ACTION_OF_CLASS[action]) << ACTION_AT
        row[SOURCE : SOURCE + 4] = words[CANDIDATE_1 : CANDIDATE_1 + 4]
        row[PKT_SOURCE + 1] = words[CANDIDATES]
        row[FLOWS:] = rest.totals
        row[MARKS] |= words[BOUNDS + action] << BOUND_AT
    return rows


def decode(value: bytes, names: Entities, top: int) -> Table:
    """Return the table of a state, with the entities' codes in `names`. No group of it is changed."""
    found = pl.read_ipc_stream(io.BytesIO(value))
    by_code, texts = entities(found)
    codes = names.codes(texts)[by_code]
    rows = np.empty((len(found), WORDS), np.int64)
    for at, name in enumerate(_WORDS):
        rows[:, at] = found[name].to_numpy()
    rows[:, MARKS] = found["tcp_flags"].to_numpy()
    bounds = np.stack([found[name].to_numpy() for name in _BOUND], axis=1)
    is_rest = found["is_rest"].to_numpy()
    table = Table(top)
    _add_rows(table, codes[~is_rest], rows[~is_rest], bounds[~is_rest])
    images = found.filter(pl.col("is_rest")).select("peers", "ports").rows()
    rests = zip(table.groups_of(codes[is_rest]).tolist(), rows[is_rest], bounds[is_rest], images, strict=True)
    for group, row, bound, image in rests:
        _add_rest(table, group, row, bound, Sketches.load(*image))
    table.take_changed()
    return table


def _add_rows(table: Table, codes: Any, rows: Any, bounds: Any) -> None:
    unique, numbers = np.unique(bounds, axis=0, return_inverse=True)
    if len(unique) and unique[0].any():
        unique, numbers = np.concatenate([np.zeros((1, 3), np.int64), unique]), numbers + 1
    if len(unique):
        table.bounds = unique
    rows[:, MARKS] |= numbers.reshape(-1) << BOUND_AT
    table.add(codes, rows)


def _add_rest(table: Table, group: int, row: Any, bound: Any, sketches: Sketches) -> None:
    action = min(int(row[KEY]) >> ACTION_AT & ACTION_MASK, ACTION_CLASSES - 1)
    rest = table.rests.setdefault((group, action), Rest())
    rest.merge(row[FLOWS:], sketches)
    table.set_bound(group, action, np.maximum(table.bound_of(group, action), bound))
    words = table.groups[group]
    words[CANDIDATE_1 : CANDIDATE_1 + 4] = row[SOURCE : SOURCE + 4]
    words[CANDIDATES] = row[PKT_SOURCE + 1]
