"""The value of the longest address block that contains an address. Pure.

Blocks of CIDR notation are nested or disjoint, so they divide the number line into intervals, each with one
value. A lookup is one bisection.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Generic, TypeVar

from connectors.vpc.addresses import Cidr

T = TypeVar("T")


class BlockTable(Generic[T]):
    """An immutable table of blocks. Of several values for one block, the first is valid."""

    def __init__(self, blocks: Iterable[tuple[Cidr, T]]) -> None:
        self._starts: list[int] = [0]
        self._values: list[T | None] = [None]
        first_values: dict[tuple[int, int], T] = {}
        for block, value in blocks:
            first_values.setdefault((block.first, -block.last), value)
        open_blocks: list[tuple[int, T]] = []
        for (first, negative_last), value in sorted(first_values.items(), key=lambda item: item[0]):
            self._close(open_blocks, first)
            open_blocks.append((-negative_last, value))
            self._begin(first, value)
        self._close(open_blocks, None)

    def find(self, number: int) -> T | None:
        """Return the value of the longest block with an address (`addresses.number_of`); None without one."""
        return self._values[bisect_right(self._starts, number) - 1]

    def _close(self, open_blocks: list[tuple[int, T]], before: int | None) -> None:
        """End the open blocks that end before a number, or all of them."""
        while open_blocks and (before is None or open_blocks[-1][0] < before):
            last, _ = open_blocks.pop()
            self._begin(last + 1, open_blocks[-1][1] if open_blocks else None)

    def _begin(self, at: int, value: T | None) -> None:
        if self._starts[-1] == at:
            self._values[-1] = value
        else:
            self._starts.append(at)
            self._values.append(value)
