"""The reduction of rows of totals: rows of one key become one row, in a single pass.

numpy's `reduceat`, one column at a time, took three times as long. A row is `WORDS` 64-bit words in the order
of `window_table.ROW`: window, key, three sums, first, last, number of the maps, revision, is_new.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.compiled import kernel
from streams.windows.maps import Maps

Rows = np.ndarray[Any, np.dtype[np.void]]
WORDS = 10


def fold(rows: Rows, order: Any, shift: int, maps: Maps) -> tuple[Rows, Any]:
    """Return one row for each run of equal (window, key >> `shift`), and the start of each run in `order`.

    `rows` are records of `window_table.ROW`; `order` holds the indexes that sort them. Sums are added,
    `first` is the minimum, the maps of a run are combined with `|` into a new map, and the other columns are
    the maximum. Window and key are those of the first row of the run.
    """
    out = np.empty(len(order), rows.dtype)
    starts = np.empty(len(order), np.int64)
    maps.reserve(int(np.count_nonzero(rows["maps"])) // 2)
    count, maps.used = _fold(_words(rows), order, shift, _words(out), starts, maps.words, maps.used)
    return out[:count], starts[:count]


def _words(rows: Any) -> Any:
    return np.ascontiguousarray(rows).view(np.int64).reshape(-1, WORDS)


@kernel
def _fold(rows, order, shift, out, starts, maps, used):  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    at = -1
    own = used  # maps from this number on were created here and may be changed
    for i in range(order.shape[0]):
        row = rows[order[i]]
        if at < 0 or out[at, 0] != row[0] or out[at, 1] >> shift != row[1] >> shift:
            at += 1
            starts[at] = i
            for word in range(WORDS):
                out[at, word] = row[word]
            continue
        for word in range(2, 5):
            out[at, word] += row[word]
        out[at, 5] = min(out[at, 5], row[5])
        if out[at, 7] == 0:
            out[at, 7] = row[7]
        elif row[7] != 0:
            if out[at, 7] < own:
                maps[used] = maps[out[at, 7]]
                out[at, 7] = used
                used += 1
            maps[out[at, 7]] |= maps[row[7]]
        for word in (6, 8, 9):
            out[at, word] = max(out[at, word], row[word])
    return at + 1, used
