"""The conversations of all windows of a merge partition. Pure.

Open windows are tables in memory. A final window is kept as its encoded state, which is read again if a later
row amends it. Changed conversations of open windows are published at most every `PROVISIONAL_S`, those of
final windows at once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from streams.conversations import frames, rows, selection, stored
from streams.conversations.distinct import Sketches
from streams.conversations.entities import Entities
from streams.conversations.frames import Published
from streams.conversations.selection import Selection
from streams.conversations.table import Table
from streams.sums.conversations import entities

PROVISIONAL_S = 10.0
TOP = 200

SketchesByCell = dict[tuple[int, int, int], Sketches]
"""By window, entity code and index of `lines.ACTIONS`."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The output of one flush: messages, and the sketches of the final interfaces and windows in them."""

    messages: list[Published]
    sketches: SketchesByCell
    is_complete: bool
    """True if the changes of open windows are in it."""


@dataclass(slots=True)
class Conversations:
    """The tables by window. `top` is the number of rows that are exact by each measure."""

    window_s: int
    top: int = TOP
    _tables: dict[int, Table] = field(default_factory=dict)
    _final: dict[int, bytes] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)
    _next_at: float = 0.0

    def add(self, found: list[pl.DataFrame], names: Entities, after: int) -> None:
        """Add partials; rows of windows up to `after` (epoch seconds) are late, and are left out."""
        if not found:
            return
        codes = np.concatenate([_codes(frame, names) for frame in found])
        together = pl.concat([frame.drop("entity") for frame in found], rechunk=True)
        windows, batch = together["window"].to_numpy(), rows.of_partials(together)
        if len(windows) and windows.min() <= after:
            kept = windows > after
            windows, codes, batch = windows[kept], codes[kept], batch[kept]
        for window, some_codes, some_rows in rows.by_window(windows, codes, batch):
            self._table(window, names).add(some_codes, some_rows)
            self._changed.add(window)

    def is_due(self, now: float) -> bool:
        """Return True if changes of open windows can be published now (epoch seconds)."""
        return bool(self._changed) and now >= self._next_at

    def publish(
        self, names: Entities, closing: Collection[int], watermark: int, revision: int, now: float
    ) -> Publication:
        """Publish final windows that changed, the windows that become final, and if it is time the others.

        `closing` are the windows that become final, `watermark` is event time and `now` the time of day; all
        are epoch seconds.
        """
        is_complete = self.is_due(now)
        selected: list[Selection] = []
        sketches: SketchesByCell = {}
        for window in sorted(self._changed.union(closing)):
            is_final = window + self.window_s <= watermark
            if not (is_final or is_complete) or (window not in self._changed and not self._has(window)):
                continue
            table = self._table(window, names)
            changed = table.take_changed()
            self._changed.discard(window)
            if window in closing:
                changed[:] = True
            selected.append(selection.select(window, table, changed))
            if is_final:
                found = selection.distinct(table, changed)
                sketches |= {(window, *cell): one for cell, one in found.items()}
        if is_complete:
            self._next_at = now + PROVISIONAL_S
        selected = [one for one in selected if len(one.rows)]
        if not selected:
            return Publication([], sketches, is_complete)
        published = frames.to_frame(selected, names, self.window_s, watermark, revision)
        return Publication(list(frames.messages(published)), sketches, is_complete)

    def encoded(self, window: int, names: Entities, is_final: bool) -> bytes:
        """Return the state of a window, b"" if it has no conversation; a final one is then kept only so."""
        if window in self._final:
            return self._final[window]
        if not self._has(window):
            return b""
        value = stored.encode(self._tables[window], names)
        if is_final:
            del self._tables[window]
            self._final[window] = value
        return value

    def load(self, window: int, value: bytes, names: Entities, is_final: bool, is_changed: bool) -> None:
        """Load the state of a window. `is_changed`: it may have changes that are not published."""
        self._final[window] = value
        if is_final:
            return
        table = self._table(window, names)
        if is_changed:
            table.mark_changed()
            self._changed.add(window)

    def mark_published(self, windows: Collection[int]) -> None:
        """Regard all changes of some windows as published."""
        for window in self._changed.intersection(windows):
            self._tables[window].take_changed()
            self._changed.discard(window)

    def drop(self, window: int) -> None:
        """Delete a window."""
        self._tables.pop(window, None)
        self._final.pop(window, None)
        self._changed.discard(window)

    def live_codes(self) -> list[Any]:
        """Return the entity codes of the tables, as arrays."""
        return [table.entities for table in self._tables.values()]

    def renumber(self, numbers: Any) -> None:
        """Replace the codes of entities: `numbers` has the new code by the old one."""
        for table in self._tables.values():
            table.renumber(numbers)

    def _has(self, window: int) -> bool:
        return window in self._tables or window in self._final

    def _table(self, window: int, names: Entities) -> Table:
        found = self._tables.get(window)
        if found is None:
            value = self._final.pop(window, None)
            found = Table(self.top) if value is None else stored.decode(value, names, self.top)
            self._tables[window] = found
        return found


def _codes(found: pl.DataFrame, names: Entities) -> Any:
    codes, texts = entities(found)
    return names.codes(texts)[codes] if len(texts) else codes.astype(np.int64)
