"""Rows kept as columns of equal length: to take some of them, and to put several tables together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from emulator.world.traffic.chance import Array


@dataclass(frozen=True, slots=True)
class Columns:
    """A table whose every field is a NumPy array of the same length."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: Array | slice) -> Self:
        """Return some rows, by a mask, places or a slice."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))

    @classmethod
    def joined(cls, tables: Sequence[Self]) -> Self:
        """Return one table of several, in their order; at least one is needed, for the types."""
        if len(tables) == 1:
            return tables[0]
        return cls(*(np.concatenate([getattr(t, one.name) for t in tables]) for one in fields(cls)))
