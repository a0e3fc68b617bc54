"""Merge partial sums into tumbling windows; know the watermark; tell late, final and amended rows apart.

Laws of this file. Totals only grow, and do not depend on the order of partials. The watermark is the minimum
of the watermarks that the producers send, minus the allowed lateness. A producer that has sent none stops it,
and one that is silent holds it where it was: no clock takes part. It never goes back. A window is final once
the watermark has passed its end. Rows older than the retention behind the watermark are late: they are handed
out, never merged and never dropped in silence. What must be written to survive a crash is in `Flushed.state`,
and `Windows.load` gives it back.
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
from streams.records import Aggregate, Final, decode_aggregate
from streams.sums import partials
from streams.sums.partials import Row
from streams.windows import aggregate_encoding, window_table
from streams.windows.aggregate_encoding import FINALS
from streams.windows.fold import Rows
from streams.windows.maps import Maps
from streams.windows.watermark import Time, reached
from streams.windows.window_table import Cells, Names

PLACE_KEY = b"place"
STATE_ROWS = 2_500  # of a window in one state message: below 1 MiB even where lz4 finds nothing to save
SPARE_NAMES = 1_000
NO_FINALS = pl.DataFrame(schema=FINALS)


@dataclass(frozen=True, slots=True)
class Rules:
    """How windows are cut and closed; all in seconds."""

    window_s: int = 60
    lateness_s: int = 600  # CloudWatch delivers up to ten minutes late
    retention_s: int = 1800
    slots: int = 8


@dataclass(slots=True)
class Producer:
    """What was last applied from one partition of `sum`."""

    read: Sequence = field(default_factory=Sequence)
    time: Time = field(default_factory=Time)


@dataclass(slots=True)
class Flushed:
    """What one flush publishes, and the state that goes with it (None deletes a key).

    `judged` are the rows for detectors: of every interface and final window that changed, and of every open
    window in which a rule that only grows may fire.
    """

    published: list[tuple[bytes, bytes]]
    judged: pl.DataFrame
    late: list[Row]
    state: dict[bytes, bytes | None]

    @property
    def aggregates(self) -> list[Aggregate]:
        """The changed aggregates; `published` holds their Kafka keys and encoded values."""
        return [decode_aggregate(value) for _, value in self.published]

    @property
    def finals(self) -> list[Final]:
        """The rows for detectors; `judged` holds them as columns."""
        return [Final(*row) for row in self.judged.rows()]


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
        """Read the state that earlier flushes wrote, in this format or in format 1."""
        windows = cls(rules)
        parts = []
        for key, value in state.items():
            if key == PLACE_KEY:
                windows._load_place(orjson.loads(value))
            elif key.startswith(b"w"):
                found = partials.decode(value)
                parts.append(window_table.of_frame(found, windows._names, windows._maps, revised=True))
        if parts:
            windows._keep(window_table.merged(parts, windows._maps))
        return windows

    def _load_place(self, place: dict[str, Any]) -> None:
        self.watermark, self.offset = place["watermark"], place["offset"]
        for producer, (number, offset, newest, *more) in place["producers"].items():
            counted, *time = more or (NONE,)
            self.producers[int(producer)] = Producer(Sequence(number, offset, counted), Time(newest, *time))

    def note(self, producer: Producer, time: Time) -> None:
        """Note that a producer's message was taken; its rows may be added later, before the flush."""
        self.offset = max(self.offset, producer.read.offset)
        producer.time = producer.time.after(time)

    def add(self, found: pl.DataFrame, arrival_ms: int) -> None:
        """Add the rows of partials; those behind the retention are late. `arrival_ms` is 0 if unknown."""
        late = found["window"] <= self.watermark - self.rules.retention_s - self.rules.window_s
        if late.any():
            self._late += partials.rows(found.filter(late))
            found = found.filter(~late)
        if not len(found):
            return
        rows = window_table.of_frame(found, self._names, self._maps)
        rows["touched"] = 1
        self._new.append(rows)
        self._arrival_ms = min(self._arrival_ms or arrival_ms, arrival_ms or self._arrival_ms)

    def next_watermark(self) -> int:
        """Return where the watermark would stand after a flush."""
        upto = reached([producer.time for producer in self.producers.values()], self.rules.slots)
        return max(self.watermark, upto - self.rules.lateness_s)

    def is_due(self) -> bool:
        """Whether a flush would publish anything: rows came, or the watermark passes a window."""
        upto = self.next_watermark()
        return bool(self._new or self._late) or (
            upto > self.watermark and any(self._closes(w, self.watermark, upto) for w in self._tables)
        )

    def flush(self) -> Flushed:
        """Move the watermark, and return all that changed by it or since the last flush."""
        before, self.watermark = self.watermark, self.next_watermark()
        closing = [window for window in self._tables if self._closes(window, before, self.watermark)]
        flushed = Flushed([], NO_FINALS, self._late, {})
        if rows := self._due(closing):
            self._publish(window_table.merged(rows, self._maps), closing, flushed)
        past = [window for window in self._tables if self._is_past(window)]
        for window in past:
            flushed.state |= dict.fromkeys(_state_keys(window, len(self._tables.pop(window))))
        if past:
            self._forget_names()
        self._maps.keep(list(self._tables.values()))
        flushed.state[PLACE_KEY] = self._place()
        self._new, self._late, self._arrival_ms = [], [], 0
        return flushed

    def aggregates(self) -> Iterator[Aggregate]:
        """Yield every aggregate that is kept, as it was published last."""
        for rows in self._tables.values():
            found = Cells.of(rows, self._maps)
            _, values = aggregate_encoding.write(found, self._names, self.rules.window_s, self.watermark, 0)
            yield from map(decode_aggregate, values)

    def _due(self, closing: list[int]) -> list[Rows]:
        """Return the rows of every window to which rows were added, or which is closing."""
        windows = {int(window) for rows in self._new for window in np.unique(rows["window"])}
        return [self._tables[w] for w in windows.union(closing) if w in self._tables] + self._new

    def _publish(self, rows: Rows, closing: list[int], flushed: Flushed) -> None:
        """Tell which cells of these windows changed, and keep their rows."""
        found = Cells.of(rows, self._maps)
        totals = found.totals
        changed = (totals["touched"] > 0) | np.isin(totals["window"], closing)
        totals["revision"] += changed
        rows["revision"] = np.repeat(totals["revision"], found.lengths)
        news = found.only(changed)
        window_s, arrival_ms = self.rules.window_s, self._arrival_ms
        flushed.published += zip(
            *aggregate_encoding.write(news, self._names, window_s, self.watermark, arrival_ms), strict=True
        )
        judged = found.only(self._to_be_judged(found, changed, news))
        flushed.judged = aggregate_encoding.finals(judged, self._names, window_s, self.watermark)
        rows["touched"] = 0
        flushed.state.update(self._state(rows, self._keep(rows)))

    def _to_be_judged(self, found: Cells, changed: Any, news: Cells) -> Any:
        """Return a mask of the cells that go to the detectors; `news` are the changed ones."""
        ports, sources = news.distinct
        is_final = news.totals["window"] + self.rules.window_s <= self.watermark
        marked = changed.copy()
        marked[changed] = is_final | (ports >= DEFAULTS.scan_from(sources))
        # A detector needs an entity's whole window, also when only one action changed.
        return window_table.any_of_entity(found.totals, marked)

    def _keep(self, rows: Rows) -> list[Rows]:
        """Take sorted rows as the tables of their windows, and return these."""
        tables = window_table.by_window(rows)
        self._tables |= {int(table["window"][0]): table for table in tables}
        return tables

    def _state(self, rows: Rows, tables: list[Rows]) -> Iterator[tuple[bytes, bytes]]:
        """Yield the state of some windows, in parts that stay below 1 MiB; `rows` are those of `tables`."""
        kept, at = window_table.to_frame(rows, self._names, self._maps), 0
        for table in tables:
            for part, key in enumerate(_state_keys(int(table["window"][0]), len(table))):
                size = min(STATE_ROWS, len(table) - part * STATE_ROWS)
                yield key, partials.encode(kept.slice(at + part * STATE_ROWS, size))
            at += len(table)

    def _forget_names(self) -> None:
        """Number the entities anew when most that have a number are in no window any more."""
        live = np.unique(
            np.concatenate([window_table.entity_of(rows) for rows in self._tables.values()] or [[]])
        )
        if len(self._names.texts) < 2 * len(live) + SPARE_NAMES:
            return
        old, self._names = self._names, Names()
        self._names.codes(old.texts[int(code)] for code in live)
        for rows in self._tables.values():
            # `live` is sorted, so new numbers are in the order of the old ones, and tables stay sorted.
            number = np.searchsorted(live, window_table.entity_of(rows))
            rows["key"] += number - window_table.entity_of(rows) << window_table.ENTITY_AT

    def _closes(self, window: int, before: int, after: int) -> bool:
        return before < window + self.rules.window_s <= after

    def _is_past(self, window: int) -> bool:
        return window + self.rules.window_s <= self.watermark - self.rules.retention_s

    def _place(self) -> bytes:
        producers = {str(p): _kept(producer) for p, producer in self.producers.items()}
        return orjson.dumps({"watermark": self.watermark, "offset": self.offset, "producers": producers})


def _kept(producer: Producer) -> list[int]:
    read, time = producer.read, producer.time
    return [read.number, read.offset, time.newest, read.counted, time.watermark, time.is_caught_up]


def _state_keys(window: int, rows: int) -> list[bytes]:
    return [b"w%d|%d" % (window, part) for part in range(-(-rows // STATE_ROWS))]
