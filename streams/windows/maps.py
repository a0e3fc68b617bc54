"""The bit maps of a partition's rows, by number: ports and sources of rejected traffic (see `partials`).

Most rows have no maps, and a pair of maps is three times as large as a row. So rows hold a number, and the
maps are rows of one array. A map is written once and never changed: merging two makes a third. `keep` deletes
the maps to which no row refers any more. Number 0 is the empty map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from streams.sums.kernel import MAP_WORDS
from streams.sums.partials import ESTIMATES, MAP_BYTES, to_column

SPARE_MAPS = 4096  # 1 MiB


def _empty(rows: int) -> Any:
    return np.zeros((rows, 2 * MAP_WORDS), np.uint64)


@dataclass(slots=True)
class Maps:
    """Pairs of maps; `used` of the rows of `words` are taken."""

    words: Any = field(default_factory=lambda: _empty(1), compare=False)
    used: int = 1
    _kept: int = 0

    def reserve(self, count: int) -> None:
        """Make room for `count` more."""
        if self.used + count > len(self.words):
            words = _empty(max(self.used + count, 2 * len(self.words)))
            words[: self.used] = self.words[: self.used]
            self.words = words

    def read(self, column: pl.Series) -> Any:
        """Add the maps of a column, and return the number of each. Raises `ValueError` on a foreign size."""
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
        """Return maps as a column."""
        return to_column(self.words, numbers)

    def distinct(self, numbers: Any) -> tuple[Any, Any]:
        """Return the estimated distinct ports, and distinct sources, of some maps."""
        counts = np.zeros((len(numbers), 2), np.int64)
        places = np.flatnonzero(numbers)
        bits = np.bitwise_count(self.words[numbers[places]])
        counts[places] = ESTIMATES[bits.reshape(-1, 2, MAP_WORDS).sum(axis=2)]
        return counts[:, 0], counts[:, 1]

    def keep(self, tables: Sequence[Any]) -> None:
        """Delete all maps but those of these tables, if that frees half of them; number those anew."""
        if self.used <= 2 * self._kept + SPARE_MAPS:
            return
        live = np.unique(np.concatenate([[0], *(rows["maps"] for rows in tables)]))
        self.words, self.used, self._kept = self.words[live], len(live), len(live)
        for rows in tables:
            rows["maps"] = np.searchsorted(live, rows["maps"])
