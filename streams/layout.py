"""The partition of an interface, which depends on the window: the number of partitions can grow. Pure.

Merge keeps the open windows of an interface, with the revisions that it has published. So a window never
moves: the windows that begin before a growth stay in the partition that they had, and later windows are in
the partition of the new number. The new number is a multiple of the old one, so the old partition of an
interface follows from the new one.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import polars as pl

LAYOUT_KEY = b"layout"
"""State key of a slot of `sum`; the value is `Layout.encode`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The growths of a pipeline, oldest first: the first window of the next number, and the number before.

    A window that begins before `until` of a growth has the partitions of its `slots`.
    """

    growths: tuple[tuple[int, int], ...] = ()

    @classmethod
    def load(cls, value: bytes | None) -> Layout:
        """Return the layout in the state of a slot; without a value, the pipeline has never grown."""
        return (
            cls(tuple((int(until), int(slots)) for until, slots in orjson.loads(value))) if value else cls()
        )

    def encode(self) -> bytes:
        """Return the value in the state of a slot."""
        return orjson.dumps(self.growths)

    def after(self, until: int, slots: int) -> Layout:
        """Return the layout after a growth from `slots`; windows from `until` on have the new number."""
        return Layout((*self.growths, (until, slots)))

    def needs_split(self, oldest: int | None) -> bool:
        """Return True if rows may belong to another partition; `oldest` is their oldest window."""
        return oldest is not None and any(oldest < until for until, _ in self.growths)

    def split(self, q: int, rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
        """Return rows of the partition `q` of the newest number, by the partition of their window."""
        found: dict[int, pl.DataFrame] = {}
        for until, slots in self.growths:
            is_before = rows["window"] < until
            if is_before.any():
                moved = rows.filter(is_before)
                target = q % slots
                found[target] = pl.concat([found[target], moved]) if target in found else moved
                rows = rows.filter(~is_before)
        if len(rows):
            found[q] = pl.concat([found[q], rows]) if q in found else rows
        return found
