"""Selected rows of many windows as frames of `published.PUBLISHED`, and their messages. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from streams.conversations import published
from streams.conversations.addresses import to_text
from streams.conversations.entities import Entities
from streams.conversations.kernels import (
    ACTION_AT,
    ACTION_MASK,
    FLAGS,
    KEY,
    MARKS,
    PORT_AT,
    PORT_MASK,
    PROTOCOL_AT,
    PROTOCOL_MASK,
    RULE_AT,
    RULE_MASK,
    SOURCE,
)
from streams.conversations.published import DIRECTION_RULES, PUBLISHED
from streams.conversations.rows import ADDRESSES, NUMBERS
from streams.conversations.selection import Selection
from streams.sums.conversations import DIRECTIONS, PORT_RULES, to_entities
from streams.sums.lines import ACTIONS

ROWS_A_MESSAGE = 20_000
"""Rows of a message, except for the rows of one interface and window: 5 MB of IPv6 texts at most."""


@dataclass(frozen=True, slots=True)
class Published:
    """One message: its encoded rows, their number, and whether their windows are final."""

    value: bytes
    rows: int
    is_final: bool
    windows: tuple[int, ...]


def to_frame(
    selected: Sequence[Selection], names: Entities, window_s: int, watermark: int, revision: int
) -> pl.DataFrame:
    """Return the rows of all selections in the columns of `PUBLISHED`; texts are Enums or strings."""
    rows = np.concatenate([one.rows for one in selected])
    sizes = [len(one.rows) for one in selected]
    windows = np.repeat([one.window for one in selected], sizes)
    key = rows[:, KEY]
    bounds = np.concatenate([one.bounds for one in selected])
    columns: dict[str, Any] = {
        "window_start": windows,
        "window_s": np.full(len(rows), window_s, np.int32),
        **_of_entities(np.concatenate([one.entities for one in selected]), names),
        "action": _names(key >> ACTION_AT & ACTION_MASK, ACTIONS),
        "direction": _names(np.concatenate([one.directions for one in selected]), DIRECTIONS),
        "direction_rule": _names(np.concatenate([one.rules for one in selected]), DIRECTION_RULES),
        "port": ((key >> PORT_AT & PORT_MASK) - 1).astype(np.int32),
        "port_rule": _names(key >> RULE_AT & RULE_MASK, PORT_RULES),
        "protocol": (key >> PROTOCOL_AT & PROTOCOL_MASK).astype(np.int16),
        "tcp_flags": (rows[:, MARKS] & FLAGS).astype(np.uint16),
        "is_other": np.concatenate([one.is_other for one in selected]),
        "revision": np.full(len(rows), revision),
        "final": windows + window_s <= watermark,
    }
    for n, name in enumerate(ADDRESSES):
        columns[name] = to_text(rows[:, SOURCE + 2 * n], rows[:, SOURCE + 2 * n + 1])
    columns |= {name: np.ascontiguousarray(rows[:, at]) for name, at in NUMBERS.items()}
    columns |= {
        f"bound_{name}": np.ascontiguousarray(bounds[:, n]) for n, name in enumerate(published.BOUNDED)
    }
    return pl.DataFrame({name: columns[name] for name in PUBLISHED})


def _of_entities(codes: Any, names: Entities) -> dict[str, pl.Series]:
    found, numbers = np.unique(codes, return_inverse=True)
    accounts, regions = (
        [by_code[code] for code in found.tolist()] for by_code in (names.accounts, names.regions)
    )
    texts = {"eni": names.of(found), "account": accounts, "region": regions}
    return {name: _texts(numbers, values) for name, values in texts.items()}


def _texts(numbers: Any, texts: list[str]) -> pl.Series:
    """Return an Enum column: `texts`, which can be equal, by number."""
    unique = {text: n for n, text in enumerate(dict.fromkeys(texts))}
    return to_entities(np.array([unique[text] for text in texts])[numbers], list(unique))


def _names(numbers: Any, names: Sequence[str]) -> pl.Series:
    return to_entities(numbers, list(names))


def messages(found: pl.DataFrame) -> Iterator[Published]:
    """Yield the messages of a frame, which is ordered by window and interface.

    The rows of one interface and window are in one message. So are only windows that are all final, or none.
    """
    windows = found["window_start"].to_numpy()
    entities = found["eni"].to_physical().to_numpy()
    is_final = found["final"].to_numpy()
    is_start = np.ones(len(found), bool)
    is_start[1:] = (windows[1:] != windows[:-1]) | (entities[1:] != entities[:-1])
    starts = np.flatnonzero(is_start)
    # A message begins at the first interface beyond each multiple of `ROWS_A_MESSAGE`, and at a change.
    part = starts // ROWS_A_MESSAGE
    is_cut = np.ones(len(starts), bool)
    is_cut[1:] = (part[1:] != part[:-1]) | (is_final[starts[1:]] != is_final[starts[:-1]])
    cuts = [*starts[is_cut].tolist(), len(found)]
    for start, end in itertools.pairwise(cuts):
        rows = found[start:end]
        covered = tuple(np.unique(windows[start:end]).tolist())
        yield Published(published.encode(rows), end - start, bool(is_final[start]), covered)
