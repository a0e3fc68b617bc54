"""Merge partial sums into tumbling windows; know the watermark; say what is late, final or amended.

Laws of this file. Totals only grow, and do not depend on the order of partials. The watermark is the least,
over the producers that are not idle, of the newest `start` seen, minus the allowed lateness; it never goes
back. A window is final once the watermark has passed its end. Rows older than the retention behind the
watermark are late: they are handed out, never merged and never dropped in silence. What must be written to
survive a crash is in `Flushed.state`, and `Windows.load` gives it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson

from streams.lines import ACTIONS, PROTOCOL_ABSENT
from streams.partials import Row, estimate
from streams.records import Aggregate

BUCKETS = 16  # a window's state is written in parts, so that a message stays far below 1 MiB
PLACE_KEY = b"place"


@dataclass(frozen=True, slots=True)
class Rules:
    """How windows are cut and closed; all in seconds (design.md 5)."""

    window_s: int = 60
    lateness_s: int = 600  # CloudWatch delivers up to ten minutes late
    retention_s: int = 1800
    idle_s: int = 30


@dataclass(slots=True)
class Producer:
    """What was last applied from one partition of `sum`; `seen_at` is when, by our clock, and not kept."""

    number: int = -1
    offset: int = -1
    newest_start: int = -1
    seen_at: float = 0.0


@dataclass(slots=True)
class Cell:
    """The totals of one (window, entity, action)."""

    revision: int = 0
    first: int = 1 << 62
    last: int = 0
    ports: int = 0
    sources: int = 0
    protocols: dict[int, list[int]] = field(default_factory=dict)
    arrival_ms: int = 0

    def add(self, row: Row, arrival_ms: int) -> None:
        """Add one partial row."""
        _, _, _, protocol, flows, packets, size, first, last, ports, sources = row
        totals = self.protocols.get(protocol)
        if totals is None:
            self.protocols[protocol] = [flows, packets, size]
        else:
            totals[0] += flows
            totals[1] += packets
            totals[2] += size
        self.first = min(self.first, first)
        self.last = max(self.last, last)
        if ports:
            self.ports |= int.from_bytes(ports, "little")
            self.sources |= int.from_bytes(sources, "little")
        if arrival_ms and (not self.arrival_ms or arrival_ms < self.arrival_ms):
            self.arrival_ms = arrival_ms


CellKey = tuple[str, int]
BucketKey = tuple[int, int]


@dataclass(slots=True)
class Flushed:
    """What one flush publishes, and the state that goes with it (None deletes a key)."""

    aggregates: list[Aggregate]
    finals: list[Aggregate]
    late: list[Row]
    state: dict[bytes, bytes | None]


@dataclass(slots=True)
class Windows:
    """The windows of one merge partition."""

    rules: Rules
    watermark: int = 0
    offset: int = -1
    producers: dict[int, Producer] = field(default_factory=dict)
    _buckets: dict[BucketKey, dict[CellKey, Cell]] = field(default_factory=dict)
    _dirty: dict[BucketKey, set[CellKey]] = field(default_factory=dict)
    _late: list[Row] = field(default_factory=list)
    _touched: bool = False

    @classmethod
    def load(cls, rules: Rules, state: Mapping[bytes, bytes], now: float) -> Windows:
        """Read the state that earlier flushes wrote; `now` is the clock's time, for idleness."""
        windows = cls(rules)
        for key, value in state.items():
            if key == PLACE_KEY:
                windows._load_place(orjson.loads(value), now)
            elif key.startswith(b"w"):
                window, bucket = map(int, key[1:].split(b"|"))
                windows._buckets[window, bucket] = dict(map(_decode_cell, orjson.loads(value)))
        return windows

    def _load_place(self, place: dict[str, Any], now: float) -> None:
        self.watermark, self.offset = place["watermark"], place["offset"]
        for producer, (number, offset, newest) in place["producers"].items():
            self.producers[int(producer)] = Producer(number, offset, newest, now)

    @property
    def is_touched(self) -> bool:
        """Whether anything was applied since the last flush."""
        return self._touched

    def apply(
        self, producer: Producer, newest_start: int, rows: Iterable[Row], arrival_ms: int, now: float
    ) -> None:
        """Add one partial; its producer's `number` and `offset` were set by the caller."""
        self._touched = True
        self.offset = max(self.offset, producer.offset)
        producer.newest_start = max(producer.newest_start, newest_start)
        producer.seen_at = now
        horizon = self.watermark - self.rules.retention_s - self.rules.window_s
        for row in rows:
            window, entity, action = row[0], row[1], row[2]
            if window <= horizon:
                self._late.append(row)
                continue
            where = window, (crc32(entity.encode()) >> 16) % BUCKETS
            key = entity, action
            cells = self._buckets.setdefault(where, {})
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = Cell()
            cell.add(row, arrival_ms)
            self._dirty.setdefault(where, set()).add(key)

    def next_watermark(self, now: float) -> int:
        """Return where the watermark would stand at `now`."""
        live = [p for p in self.producers.values() if p.newest_start >= 0]
        awake = [p for p in live if now - p.seen_at < self.rules.idle_s] or live
        if not awake:
            return self.watermark
        # Where all are idle, no one holds the others back.
        held = max if awake is live else min
        newest = held(p.newest_start for p in awake)
        return max(self.watermark, newest - self.rules.lateness_s)

    def is_due(self, now: float) -> bool:
        """Whether a flush would publish anything: a change, or a window that the watermark has passed."""
        if self._touched:
            return True
        upto = self.next_watermark(now)
        return any(self._closes(window, self.watermark, upto) for window, _ in self._buckets)

    def flush(self, now: float) -> Flushed:
        """Move the watermark, and return all that changed by it or since the last flush."""
        before, self.watermark = self.watermark, self.next_watermark(now)
        for where, cells in self._buckets.items():
            if self._closes(where[0], before, self.watermark):
                self._dirty.setdefault(where, set()).update(cells)
        flushed = Flushed([], [], self._late, {})
        for where, keys in self._dirty.items():
            self._publish(where, keys, flushed)
        for where in [w for w in self._buckets if self._is_past(w[0])]:
            del self._buckets[where]
            flushed.state[_bucket_key(where)] = None
        flushed.state[PLACE_KEY] = self._place()
        self._dirty, self._late, self._touched = {}, [], False
        return flushed

    def _closes(self, window: int, before: int, after: int) -> bool:
        return before < window + self.rules.window_s <= after

    def _is_past(self, window: int) -> bool:
        return window + self.rules.window_s <= self.watermark - self.rules.retention_s

    def _publish(self, where: BucketKey, keys: set[CellKey], flushed: Flushed) -> None:
        window, cells = where[0], self._buckets[where]
        final = window + self.rules.window_s <= self.watermark
        for key in keys:
            cell = cells[key]
            cell.revision += 1
            flushed.aggregates.append(self._aggregate(window, key, cell, final))
            cell.arrival_ms = 0
        if final:
            # A detector wants an entity's whole window, also when only one action was amended.
            for entity in {entity for entity, _ in keys}:
                flushed.finals += [
                    self._aggregate(window, (entity, action), cells[entity, action], final)
                    for action in range(len(ACTIONS))
                    if (entity, action) in cells
                ]
        flushed.state[_bucket_key(where)] = orjson.dumps([_encode_cell(k, c) for k, c in cells.items()])

    def _aggregate(self, window: int, key: CellKey, cell: Cell, final: bool) -> Aggregate:
        totals = list(cell.protocols.values())
        return Aggregate(
            eni=key[0],
            action=ACTIONS[key[1]],
            window_start=window,
            window_s=self.rules.window_s,
            flows=sum(t[0] for t in totals),
            packets=sum(t[1] for t in totals),
            bytes=sum(t[2] for t in totals),
            first=cell.first,
            last=cell.last,
            protocols={"-" if p == PROTOCOL_ABSENT else str(p): t for p, t in cell.protocols.items()},
            distinct_ports=estimate(cell.ports) if cell.ports else 0,
            distinct_sources=estimate(cell.sources) if cell.sources else 0,
            revision=cell.revision,
            final=final,
            oldest_arrival_ms=cell.arrival_ms,
        )

    def _place(self) -> bytes:
        producers = {str(p): [v.number, v.offset, v.newest_start] for p, v in self.producers.items()}
        return orjson.dumps({"watermark": self.watermark, "offset": self.offset, "producers": producers})


def _bucket_key(where: BucketKey) -> bytes:
    return b"w%d|%d" % where


def _encode_cell(key: CellKey, cell: Cell) -> list[Any]:
    protocols = [[p, *totals] for p, totals in cell.protocols.items()]
    maps = [f"{cell.ports:x}", f"{cell.sources:x}"] if cell.ports else []
    return [*key, cell.revision, cell.first, cell.last, protocols, *maps]


def _decode_cell(packed: list[Any]) -> tuple[CellKey, Cell]:
    entity, action, revision, first, last, protocols, *maps = packed
    ports, sources = (int(m, 16) for m in maps or ("0", "0"))
    return (entity, action), Cell(
        revision, first, last, ports, sources, {p: list(totals) for p, *totals in protocols}
    )
