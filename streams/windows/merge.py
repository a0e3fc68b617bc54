"""The windows of one partition: partial sums, the watermark, and late, final and amended rows.

Invariants. Totals only grow, and do not depend on the order of partials. The watermark is the minimum of the
watermarks of all producers, minus the allowed lateness. A producer without a watermark stops it, a silent
producer holds it, and no clock is involved. The watermark never moves back. A window is final when the
watermark has passed its end. A row behind the watermark by more than the retention is late: it is returned
in `Flushed.late` and never merged. `Flushed.state` is the state to commit, and `Windows.load` reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from streams.alerts.detectors import DEFAULTS
from streams.conversations.conversations import TOP, Conversations, SketchesByCell
from streams.sums import partials
from streams.windows import aggregate_encoding, replay, state, window_table
from streams.windows.flushed import NO_FINALS, Flushed
from streams.windows.fold import Rows
from streams.windows.maps import Maps
from streams.windows.names import Names
from streams.windows.partial import Partial, pack
from streams.windows.position import Position, Producer
from streams.windows.state import CONVERSATIONS, FLUSHES, POSITION_KEY, TOTALS, Stored
from streams.windows.watermark import Time, combined_watermark
from streams.windows.window_table import Cells

CHECKPOINT_FLUSHES = 64
"""Stored flushes that cause a checkpoint of every window in them: it bounds the time of a recovery."""

SPARE_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of windows: durations in seconds, and the number of producers."""

    window_s: int = 60
    lateness_s: int = 600  # CloudWatch delivers up to ten minutes late
    retention_s: int = 1800
    slots: int = 8
    top: int = TOP
    """The conversations of an interface and window that are exact by each measure."""


@dataclass(slots=True)
class Windows:
    """The windows of one merge partition."""

    rules: Rules
    position: Position = field(default_factory=Position)
    _names: Names = field(default_factory=Names)
    _maps: Maps = field(default_factory=Maps)
    _tables: dict[int, Rows] = field(default_factory=dict)
    _conversations: Conversations = field(init=False)
    _stored: Stored = field(default_factory=Stored)
    _partials: list[Partial] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._conversations = Conversations(self.rules.window_s, self.rules.top)

    @classmethod
    def load(cls, rules: Rules, kept: Mapping[bytes, bytes]) -> Windows:
        """Load the state that earlier flushes wrote, in this format or in the formats before."""
        position = Position.decode(kept.get(POSITION_KEY, b"{}"))
        windows = cls(rules, position)
        windows._stored = Stored.load(kept, position.covered)
        parts = [
            window_table.of_frame(partials.decode(value), windows._names, windows._maps, revised=True)
            for values in state.stored(kept, TOTALS).values()
            for value in values
        ]
        for window, values in state.stored(kept, CONVERSATIONS).items():
            is_new = position.covered.get(window, 0) > position.published
            is_final = windows._is_final(window)
            windows._conversations.load(window, b"".join(values), windows._names, is_final, is_new)
        windows._replay(kept, parts)
        return windows

    def _replay(self, kept: Mapping[bytes, bytes], parts: list[Rows]) -> None:
        """Merge the flushes since the checkpoints, and store the tables."""
        changes = replay.Changes()
        for number, packed in state.every_flush(kept):
            found = replay.read(number, packed, self._stored, self._expired_to())
            self._stored.add_flush(number, found.windows, len(state.pieces(packed)))
            if len(found.totals):
                rows = window_table.of_frame(found.totals, self._names, self._maps)
                changes.add(number, rows)
                parts.append(rows)
            self._conversations.add(found.conversations, self._names, self._expired_to())
            if number <= self.position.published:
                self._conversations.mark_published(found.windows)
        if parts:
            rows = window_table.merged(parts, self._maps)
            changes.apply(rows)
            self._store(rows)

    @property
    def watermark(self) -> int:
        """The event time up to which windows are final, epoch seconds."""
        return self.position.watermark

    @property
    def offset(self) -> int:
        """The offset of the last applied message."""
        return self.position.offset

    @property
    def producers(self) -> dict[int, Producer]:
        """The producers by partition of `sum`."""
        return self.position.producers

    def advance(self, producer: Producer, time: Time) -> None:
        """Record the offset and event time of an applied message; add its rows before the next flush."""
        self.position.offset = max(self.offset, producer.read.offset)
        producer.time = producer.time.after(time)

    def add(self, found: Partial) -> None:
        """Add the rows of a message; the next flush merges them. Rows behind the retention are late."""
        self._partials.append(found)

    @property
    def pending_rows(self) -> int:
        """The rows that the next flush merges."""
        return sum(found.rows for found in self._partials)

    def next_watermark(self) -> int:
        """Return the watermark after the next flush, epoch seconds."""
        complete_to = combined_watermark(
            [producer.time for producer in self.producers.values()], self.rules.slots
        )
        return max(self.watermark, complete_to - self.rules.lateness_s)

    def is_due(self, now: float = 0.0) -> bool:
        """Return True if a flush would publish something; `now` is the time of day, epoch seconds."""
        upto = self.next_watermark()
        return bool(
            self._partials
            or self._conversations.is_due(now)
            or (upto > self.watermark and any(self._closes(w, self.watermark, upto) for w in self._tables))
        )

    def flush(self, now: float = 0.0) -> Flushed:
        """Move the watermark; return everything that it or the rows since the last flush changed.

        `now` is the time of day, epoch seconds: conversations of open windows are not published every time.
        """
        flushed = Flushed([], NO_FINALS, [], {}, [])
        taken, self._partials = self._partials, []
        self.position.flush += 1
        after = self._expired_to()
        new, arrival_ms = self._take(taken, flushed)
        new_windows = {int(window) for window in np.unique(new["window"])} if len(new) else set()
        before = self.watermark
        self.position.watermark = self.next_watermark()
        closing = [w for w in new_windows.union(self._tables) if self._closes(w, before, self.watermark)]
        self._conversations.add(
            [f.conversations for f in taken if f.conversations is not None], self._names, after
        )
        sketches = self._publish_conversations(closing, now, flushed)
        if due := [self._tables[w] for w in new_windows.union(closing) if w in self._tables]:
            new = np.concatenate([*due, new])
        if len(new):
            rows = window_table.merged([new], self._maps)
            self._publish(rows, closing, arrival_ms, sketches, flushed)
        self._change_state(taken, new_windows, closing, flushed)
        return flushed

    def _take(self, taken: list[Partial], flushed: Flushed) -> tuple[Rows, int]:
        """Return the totals that are not late, and their oldest arrival; the others are in `flushed.late`."""
        if not taken:
            return window_table.NO_ROWS, 0
        after = self._expired_to()
        arrivals = [f.arrival_ms for f in taken if f.arrival_ms and f.totals["window"].max() > after]  # type: ignore[operator]
        found = pl.concat([f.totals for f in taken])
        late = found["window"] <= after
        if late.any():
            flushed.late += partials.rows(found.filter(late))
            found = found.filter(~late)
        rows = window_table.of_frame(found, self._names, self._maps)
        rows["is_new"] = 1
        return rows, min(arrivals, default=0)

    def _publish_conversations(
        self, closing: Collection[int], now: float, flushed: Flushed
    ) -> SketchesByCell:
        found = self._conversations.publish(self._names, closing, self.watermark, self.position.flush, now)
        flushed.conversations = found.messages
        if found.is_complete:
            self.position.published = self.position.flush
        return found.sketches

    def _publish(
        self, rows: Rows, closing: list[int], arrival_ms: int, sketches: SketchesByCell, flushed: Flushed
    ) -> None:
        """Publish the changed cells of these sorted rows, and store the rows."""
        found = Cells.of(rows, self._maps)
        totals = found.totals
        changed = (totals["is_new"] > 0) | np.isin(totals["window"], closing)
        totals["revision"] += changed
        rows["revision"] = np.repeat(totals["revision"], found.lengths)
        changed_cells = found.only(changed)
        context = aggregate_encoding.Context(
            self._names, self.rules.window_s, self.watermark, arrival_ms, sketches
        )
        flushed.published += zip(*aggregate_encoding.write(changed_cells, context), strict=True)
        for_detectors = found.only(self._for_detectors(found, changed, changed_cells))
        flushed.detector_rows = aggregate_encoding.finals(for_detectors, context)
        rows["is_new"] = 0
        self._store(rows)

    def _for_detectors(self, found: Cells, changed: Any, changed_cells: Cells) -> Any:
        """Return a mask of the cells for the detectors; `changed` is the mask of `changed_cells`."""
        ports, sources = changed_cells.distinct
        is_final = changed_cells.totals["window"] + self.rules.window_s <= self.watermark
        marked = changed.copy()
        marked[changed] = is_final | (ports >= DEFAULTS.scan_from(sources))
        # A detector needs all actions of an entity and window, also if only one changed.
        return window_table.any_of_entity(found.totals, marked)

    def _store(self, rows: Rows) -> None:
        """Store sorted rows as the tables of their windows."""
        self._tables |= {int(table["window"][0]): table for table in window_table.by_window(rows)}

    def _change_state(
        self, taken: list[Partial], new_windows: set[int], closing: list[int], flushed: Flushed
    ) -> None:
        """Delete expired windows, and set the state to commit."""
        expired = [window for window in self._tables if window <= self._expired_to()]
        for window in expired:
            del self._tables[window]
            self._conversations.drop(window)
            flushed.state |= self._stored.drop(window)
        if expired:
            self._renumber_entities()
        self._maps.keep(list(self._tables.values()))
        due = set(closing)
        if self._stored.flushes >= CHECKPOINT_FLUSHES:
            due |= self._stored.uncovered | new_windows
        for window in due.intersection(self._tables):
            flushed.state |= self._checkpoint(window)
        needed = {
            w
            for w in new_windows.intersection(self._tables)
            if self._stored.missing_from(w) <= self.position.flush
        }
        if needed:
            packed = state.pieces(pack(taken))
            flushed.state |= state.parts(FLUSHES, self.position.flush, packed)
            self._stored.add_flush(self.position.flush, needed, len(packed))
        flushed.state |= self._stored.delete_flushes(self._tables)
        self.position.covered = self._stored.covered
        flushed.state[POSITION_KEY] = self.position.encode()

    def _checkpoint(self, window: int) -> state.Changes:
        """Return the messages of a checkpoint of a window."""
        totals = window_table.to_parts(self._tables[window], self._names, self._maps)
        changes = self._stored.checkpoint(self.position.flush, window, TOTALS, totals)
        value = self._conversations.encoded(window, self._names, self._is_final(window))
        return changes | self._stored.checkpoint(
            self.position.flush, window, CONVERSATIONS, state.pieces(value)
        )

    def _renumber_entities(self) -> None:
        """Renumber the entities if most of them are in no window any more."""
        used = [window_table.entity_of(rows) for rows in self._tables.values()]
        live = np.unique(np.concatenate([*used, *self._conversations.live_codes(), np.zeros(0, np.int64)]))
        if len(self._names.texts) < 2 * len(live) + SPARE_NAMES:
            return
        numbers = np.full(len(self._names.texts), -1, np.int64)
        numbers[live] = np.arange(len(live))
        self._names = self._names.only(live.tolist())
        self._conversations.renumber(numbers)
        window_table.renumber(self._tables.values(), numbers)

    def _closes(self, window: int, before: int, after: int) -> bool:
        return before < window + self.rules.window_s <= after

    def _is_final(self, window: int) -> bool:
        return window + self.rules.window_s <= self.watermark

    def _expired_to(self) -> int:
        """Return the newest window whose retention is over: it and the windows before are deleted."""
        return self.watermark - self.rules.retention_s - self.rules.window_s
