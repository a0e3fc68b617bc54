"""Conversation partials as rows of `kernels`: words of one matrix. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from streams.conversations.kernels import (
    ACTION_AT,
    BYTES,
    FIRST,
    FLOWS,
    KEY,
    LAST,
    MARKS,
    PACKETS,
    PORT_AT,
    PROTOCOL_AT,
    RULE_AT,
    SOURCE,
    WORDS,
)

ADDRESSES = ("source", "destination", "pkt_source", "pkt_destination")
ADDRESS_WORDS = [f"{name}_{half}" for name in ADDRESSES for half in ("hi", "lo")]
NUMBERS = {"flows": FLOWS, "packets": PACKETS, "bytes": BYTES, "first": FIRST, "last": LAST}


def of_partials(found: pl.DataFrame) -> Any:
    """Return the rows of a frame of `sums.conversations`; groups and bounds are 0."""
    rows = np.empty((len(found), WORDS), np.int64)
    rows[:, KEY] = _key(found)
    for at, name in enumerate(ADDRESS_WORDS, SOURCE):
        rows[:, at] = found[name].to_numpy().view(np.int64)
    for name, at in NUMBERS.items():
        rows[:, at] = found[name].to_numpy()
    rows[:, MARKS] = found["tcp_flags"].to_numpy()
    return rows


def _key(found: pl.DataFrame) -> Any:
    direction, action, rule, protocol, port = (
        found[name].to_numpy().astype(np.int64)
        for name in ("direction", "action", "port_rule", "protocol", "port")
    )
    key = direction | action << ACTION_AT | rule << RULE_AT | protocol << PROTOCOL_AT
    return key | (port + 1) << PORT_AT


def by_window(windows: Any, codes: Any, rows: Any) -> Iterator[tuple[int, Any, Any]]:
    """Yield each window with its entity codes and its rows, in order of windows."""
    if not len(windows):
        return
    if windows[0] == windows[-1] and (windows == windows[0]).all():
        yield int(windows[0]), codes, rows
        return
    order = np.argsort(windows, kind="stable")
    sorted_windows = windows[order]
    starts = np.flatnonzero(np.diff(sorted_windows, prepend=sorted_windows[:1] - 1))
    for start, part in zip(starts, np.split(order, starts[1:]), strict=True):
        yield int(sorted_windows[start]), codes[part], rows[part]
