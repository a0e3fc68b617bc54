"""The tumbling windows of one partition: partial sums, the watermark, and late, final and amended rows.

Invariants. Totals only grow, and do not depend on the order of partials. The watermark is the minimum of the
watermarks of all producers, minus the allowed lateness. A producer without a watermark stops it, a silent
producer holds it, and no clock is involved. The watermark never moves back. A window is final when the
watermark has passed its end. A row behind the watermark by more than the retention is late: it is returned
in `Flushed.late` and never merged. `Flushed.state` is the state to commit, and `Windows.load` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl

from connectors.progress import NONE
from streams.alerts.detectors import DEFAULTS
from streams.numbering import Sequence
from streams.sums import partials
from streams.sums.partials import Row
from streams.windows import aggregate_encoding, window_table
from streams.windows.aggregate_encoding import FINALS
from streams.windows.fold import Rows
from streams.windows.maps import Maps
from streams.windows.watermark import Time, combined_watermark
from streams.windows.window_table import Cells, Names

POSITION_KEY = b"place"  # part of the state format
STATE_ROWS = 2_500  # of a window in one state message: below 1 MiB even if lz4 saves nothing
SPARE_NAMES = 1_000
NO_FINALS = pl.DataFrame(schema=FINALS)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of windows: durations in seconds, and the number of producers."""

    window_s: int = 60
    lateness_s: int = 600  # CloudWatch delivers up to ten minutes late
    retention_s: int = 1800
    slots: int = 8


@dataclass(slots=True)
class Producer:
    """The position in the messages of one partition of `sum`, and their event time."""

    read: Sequence = field(default_factory=Sequence)
    time: Time = field(default_factory=Time)


@dataclass(slots=True)
class Flushed:
    """The output of one flush: Kafka keys and values to publish, detector rows, late rows, and state.

    `detector_rows` is a frame of `FINALS`: all rows of each interface and final window that changed, and of
    each open window in which a rule whose value only grows may fire. In `state`, None deletes a key.
    """

    published: list[tuple[bytes, bytes]]
    detector_rows: pl.DataFrame
    late: list[Row]
    state: dict[bytes, bytes | None]


@dataclass(slots=True)
class Windows:
    """The windows of one merge partition."""

    rules: Rules
    watermark: int = 0
    offset: int = -1
    producers: dict[int, Producer] = field(default_factory=dict)
    _names: Names = field(default_factory=Names)
    _maps: Maps = field(default_factory=Maps)
    _tables: dict[int, Rows] = field(default_factory=dict)
    _new: list[Rows] = field(default_factory=list)
    _late: list[Row] = field(default_factory=list)
    _arrival_ms: int = 0

    @classmethod
    def load(cls, rules: Rules, state: Mapping[bytes, bytes]) -> Windows:
        """Load the state that earlier flushes wrote, in this format or in format 1."""
        windows = cls(rules)
        parts = []
        for key, value in state.items():
            if key == POSITION_KEY:
                windows._load_position(orjson.loads(value))
            elif key.startswith(b"w"):
                found = partials.decode(value)
                parts.append(window_table.of_frame(found, windows._names, windows._maps, revised=True))
        if parts:
            windows._store(window_table.merged(parts, windows._maps))
        return windows

    def _load_position(self, position: dict[str, Any]) -> None:
        self.watermark, self.offset = position["watermark"], position["offset"]
        for producer, (number, offset, newest, *more) in position["producers"].items():
            counted, *time = more or (NONE,)
            self.producers[int(producer)] = Producer(Sequence(number, offset, counted), Time(newest, *time))

    def advance(self, producer: Producer, time: Time) -> None:
        """Record the offset and event time of an applied message; add its rows before the next flush."""
        self.offset = max(self.offset, producer.read.offset)
        producer.time = producer.time.after(time)

    def add(self, found: pl.DataFrame, arrival_ms: int) -> None:
        """Add rows of partials; rows behind the retention are late.

        `arrival_ms` is their oldest arrival, epoch milliseconds, 0 if unknown.
        """
        late = found["window"] <= self.watermark - self.rules.retention_s - self.rules.window_s
        if late.any():
            self._late += partials.rows(found.filter(late))
            found = found.filter(~late)
        if not len(found):
            return
        rows = window_table.of_frame(found, self._names, self._maps)
        rows["is_new"] = 1
        self._new.append(rows)
        self._arrival_ms = min(self._arrival_ms or arrival_ms, arrival_ms or self._arrival_ms)

    def next_watermark(self) -> int:
        """Return the watermark after the next flush, epoch seconds."""
        complete_to = combined_watermark(
            [producer.time for producer in self.producers.values()], self.rules.slots
        )
        return max(self.watermark, complete_to - self.rules.lateness_s)

    def is_due(self) -> bool:
        """Return True if a flush would publish something: new rows, or a window that becomes final."""
        upto = self.next_watermark()
        return bool(self._new or self._late) or (
            upto > self.watermark and any(self._closes(w, self.watermark, upto) for w in self._tables)
        )

    def flush(self) -> Flushed:
        """Move the watermark; return everything that it or the rows since the last flush changed."""
        before, self.watermark = self.watermark, self.next_watermark()
        closing = [window for window in self._tables if self._closes(window, before, self.watermark)]
        flushed = Flushed([], NO_FINALS, self._late, {})
        if rows := self._due(closing):
            self._publish(window_table.merged(rows, self._maps), closing, flushed)
        expired = [window for window in self._tables if self._is_expired(window)]
        for window in expired:
            flushed.state |= dict.fromkeys(_state_keys(window, len(self._tables.pop(window))))
        if expired:
            self._renumber_entities()
        self._maps.keep(list(self._tables.values()))
        flushed.state[POSITION_KEY] = self._position()
        self._new, self._late, self._arrival_ms = [], [], 0
        return flushed

    def _due(self, closing: list[int]) -> list[Rows]:
        """Return the rows of every window with new rows, and of every window that becomes final."""
        windows = {int(window) for rows in self._new for window in np.unique(rows["window"])}
        return [self._tables[w] for w in windows.union(closing) if w in self._tables] + self._new

    def _publish(self, rows: Rows, closing: list[int], flushed: Flushed) -> None:
        """Publish the changed cells of these sorted rows, and store the rows."""
        found = Cells.of(rows, self._maps)
        totals = found.totals
        changed = (totals["is_new"] > 0) | np.isin(totals["window"], closing)
        totals["revision"] += changed
        rows["revision"] = np.repeat(totals["revision"], found.lengths)
        changed_cells = found.only(changed)
        window_s, arrival_ms = self.rules.window_s, self._arrival_ms
        flushed.published += zip(
            *aggregate_encoding.write(changed_cells, self._names, window_s, self.watermark, arrival_ms),
            strict=True,
        )
        for_detectors = found.only(self._for_detectors(found, changed, changed_cells))
        flushed.detector_rows = aggregate_encoding.finals(
            for_detectors, self._names, window_s, self.watermark
        )
        rows["is_new"] = 0
        flushed.state.update(self._state(rows, self._store(rows)))

    def _for_detectors(self, found: Cells, changed: Any, changed_cells: Cells) -> Any:
        """Return a mask of the cells for the detectors; `changed` is the mask of `changed_cells`."""
        ports, sources = changed_cells.distinct
        is_final = changed_cells.totals["window"] + self.rules.window_s <= self.watermark
        marked = changed.copy()
        marked[changed] = is_final | (ports >= DEFAULTS.scan_from(sources))
        # A detector needs all actions of an entity and window, also if only one changed.
        return window_table.any_of_entity(found.totals, marked)

    def _store(self, rows: Rows) -> list[Rows]:
        """Store sorted rows as the tables of their windows; return these tables."""
        tables = window_table.by_window(rows)
        self._tables |= {int(table["window"][0]): table for table in tables}
        return tables

    def _state(self, rows: Rows, tables: list[Rows]) -> Iterator[tuple[bytes, bytes]]:
        """Yield the state of some windows, in parts below 1 MiB; `rows` are the rows of `tables` joined."""
        kept, at = window_table.to_frame(rows, self._names, self._maps), 0
        for table in tables:
            for part, key in enumerate(_state_keys(int(table["window"][0]), len(table))):
                size = min(STATE_ROWS, len(table) - part * STATE_ROWS)
                yield key, partials.encode(kept.slice(at + part * STATE_ROWS, size))
            at += len(table)

    def _renumber_entities(self) -> None:
        """Renumber the entities if most of them are in no window any more."""
        live = np.unique(
            np.concatenate([window_table.entity_of(rows) for rows in self._tables.values()] or [[]])
        )
        if len(self._names.texts) < 2 * len(live) + SPARE_NAMES:
            return
        old, self._names = self._names, Names()
        self._names.codes(old.texts[int(code)] for code in live)
        for rows in self._tables.values():
            # `live` is sorted, so the order of the numbers is unchanged, and the tables remain sorted.
            number = np.searchsorted(live, window_table.entity_of(rows))
            rows["key"] += number - window_table.entity_of(rows) << window_table.ENTITY_AT

    def _closes(self, window: int, before: int, after: int) -> bool:
        return before < window + self.rules.window_s <= after

    def _is_expired(self, window: int) -> bool:
        return window + self.rules.window_s <= self.watermark - self.rules.retention_s

    def _position(self) -> bytes:
        producers = {str(p): _stored(producer) for p, producer in self.producers.items()}
        return orjson.dumps({"watermark": self.watermark, "offset": self.offset, "producers": producers})


def _stored(producer: Producer) -> list[int]:
    read, time = producer.read, producer.time
    return [read.number, read.offset, time.newest, read.counted, time.watermark, time.is_caught_up]


def _state_keys(window: int, rows: int) -> list[bytes]:
    return [b"w%d|%d" % (window, part) for part in range(-(-rows // STATE_ROWS))]
