"""The bit maps of the rows of a partition, by number: ports and sources of rejected traffic (see `partials`).

Most rows have no maps, and a pair of maps is three times as large as a row. A row therefore holds a number,
and the maps are rows of one array. A map is immutable: merging two maps creates a third. `keep` deletes the
maps without a row. Number 0 is the empty map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from streams.sums.partials import ESTIMATES, MAP_BYTES, to_column
from streams.sums.tables import MAP_WORDS

SPARE_MAPS = 4096  # 1 MiB


def _empty(rows: int) -> Any:
    return np.zeros((rows, 2 * MAP_WORDS), np.uint64)


@dataclass(slots=True)
class Maps:
    """Pairs of maps; the first `used` rows of `words` are in use."""

    words: Any = field(default_factory=lambda: _empty(1), compare=False)
    used: int = 1
    _kept: int = 0

    def reserve(self, count: int) -> None:
        """Allocate space for `count` more pairs."""
        if self.used + count > len(self.words):
            words = _empty(max(self.used + count, 2 * len(self.words)))
            words[: self.used] = self.words[: self.used]
            self.words = words

    def read(self, column: pl.Series) -> Any:
        """Add the maps of a column; return the number of each. Raises `ValueError` on a foreign size."""
        values = column.to_list()
        numbers = np.zeros(len(values), np.int64)
        places = [place for place, value in enumerate(values) if value]
        text = b"".join(values)
        if len(text) != len(places) * MAP_BYTES:
            raise ValueError(f"a pair of maps does not have {MAP_BYTES} bytes")
        self.reserve(len(places))
        found = np.frombuffer(text, np.uint64).reshape(-1, 2 * MAP_WORDS)
        self.words[self.used : self.used + len(places)] = found
        numbers[places] = np.arange(self.used, self.used + len(places))
        self.used += len(places)
        return numbers

    def column(self, numbers: Any) -> pl.Series:
        """Return the maps of these numbers as a column."""
        return to_column(self.words, numbers)

    def distinct(self, numbers: Any) -> tuple[Any, Any]:
        """Return the estimated distinct ports and the estimated distinct sources of some maps, as arrays."""
        counts = np.zeros((len(numbers), 2), np.int64)
        places = np.flatnonzero(numbers)
        bits = np.bitwise_count(self.words[numbers[places]])
        counts[places] = ESTIMATES[bits.reshape(-1, 2, MAP_WORDS).sum(axis=2)]
        return counts[:, 0], counts[:, 1]

    def keep(self, tables: Sequence[Any]) -> None:
        """Delete the maps that no table refers to, if that frees at least half; renumber the others."""
        if self.used <= 2 * self._kept + SPARE_MAPS:
            return
        live = np.unique(np.concatenate([[0], *(rows["maps"] for rows in tables)]))
        self.words, self.used, self._kept = self.words[live], len(live), len(live)
        for rows in tables:
            rows["maps"] = np.searchsorted(live, rows["maps"])
