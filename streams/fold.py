"""Rows of totals folded in one pass: those of a key become one row, in the order given.

numpy's `reduceat`, a column at a time over records, took three times as long. A row is `WORDS` 64-bit words,
as `cells.ROW` lays them out: window, key, three sums, first, last, two maps, revision, touched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Rows = np.ndarray[Any, np.dtype[np.void]]
WORDS = 17


def fold(rows: Rows, order: Any, shift: int) -> tuple[Rows, Any]:
    """Return one row for each run of equal (window, key >> `shift`), and where in `order` each run starts.

    `rows` are records of `cells.ROW`; `order` sorts them. Sums are added, `first` is the least, maps are
    or-ed, the rest is the greatest; window and key are those of the run's first row.
    """
    out = np.empty(len(order), rows.dtype)
    starts = np.empty(len(order), np.int64)
    count = _fold(_words(rows), order, shift, _words(out), starts)
    return out[:count], starts[:count]


def _words(rows: Any) -> Any:
    return np.ascontiguousarray(rows).view(np.int64).reshape(-1, WORDS)


@njit(cache=True, nogil=True)
def _fold(rows, order, shift, out, starts):  # type: ignore[no-untyped-def]
    at = -1
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
        for word in range(7, 15):
            out[at, word] |= row[word]
        for word in (6, 15, 16):
            out[at, word] = max(out[at, word], row[word])
    return at + 1
