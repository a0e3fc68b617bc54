"""Merge partial sums into tumbling windows; know the watermark; say what is late, final or amended.

Laws of this file. Totals only grow, and do not depend on the order of partials. The watermark is the least,
over the producers that are not idle, of the newest `start` seen, minus the allowed lateness; it never goes
back. A window is final once the watermark has passed its end. Rows older than the retention behind the
watermark are late: they are handed out, never merged and never dropped in silence. What must be written to
survive a crash is in `Flushed.state`, and `Windows.load` gives it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zlib import crc32

import orjson

from streams.lines import ACTIONS, PROTOCOL_ABSENT
from streams.partials import Row, estimate
from streams.records import Aggregate, decode_aggregate

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
    """The totals of one (window, entity, action).

    `protocols` is flat: number, flows, packets, bytes, and again for the next protocol. `packed` is the
    state as last written: a flush encodes only what changed.
    """

    revision: int = 0
    first: int = 1 << 62
    last: int = 0
    ports: int = 0
    sources: int = 0
    protocols: list[int] = field(default_factory=list)
    arrival_ms: int = 0
    packed: bytes = b""

    def add(self, row: Row, arrival_ms: int) -> None:
        """Add one partial row."""
        _, _, _, protocol, flows, packets, size, first, last, ports, sources = row
        totals = self.protocols
        for at in range(0, len(totals), 4):
            if totals[at] == protocol:
                totals[at + 1] += flows
                totals[at + 2] += packets
                totals[at + 3] += size
                break
        else:
            totals += (protocol, flows, packets, size)
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

    published: list[tuple[bytes, bytes]]
    closed: list[bytes]
    late: list[Row]
    state: dict[bytes, bytes | None]

    @property
    def aggregates(self) -> list[Aggregate]:
        """The changed aggregates; `published` holds their Kafka keys and encoded values."""
        return [decode_aggregate(value) for _, value in self.published]

    @property
    def finals(self) -> list[Aggregate]:
        """The rows of every entity and final window that changed; `closed` holds them encoded."""
        return [decode_aggregate(value) for value in self.closed]


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
        self.note(producer, newest_start, now)
        self.add(rows, arrival_ms)

    def note(self, producer: Producer, newest_start: int, now: float) -> None:
        """Note that a producer's message was taken; its rows may be added later, before the flush."""
        self._touched = True
        self.offset = max(self.offset, producer.offset)
        producer.newest_start = max(producer.newest_start, newest_start)
        producer.seen_at = now

    def add(self, rows: Iterable[Row], arrival_ms: int) -> None:
        """Add rows; those behind the retention are late."""
        horizon = self.watermark - self.rules.retention_s - self.rules.window_s
        for row in rows:
            window, entity, action = row[0], row[1], row[2]
            if window <= horizon:
                self._late.append(row)
                continue
            where = window, _bucket(entity)
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
        return upto > self.watermark and any(
            self._closes(window, self.watermark, upto) for window, _ in self._buckets
        )

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

    def aggregates(self) -> Iterator[Aggregate]:
        """Yield every aggregate that is kept, as it would be published now."""
        for (window, _), cells in self._buckets.items():
            final = window + self.rules.window_s <= self.watermark
            for key, cell in cells.items():
                yield decode_aggregate(self._json(window, key, cell, final))

    def _closes(self, window: int, before: int, after: int) -> bool:
        return before < window + self.rules.window_s <= after

    def _is_past(self, window: int) -> bool:
        return window + self.rules.window_s <= self.watermark - self.rules.retention_s

    def _publish(self, where: BucketKey, keys: set[CellKey], flushed: Flushed) -> None:
        window, cells = where[0], self._buckets[where]
        final = window + self.rules.window_s <= self.watermark
        fresh = {}
        for key in keys:
            cell = cells[key]
            cell.revision += 1
            cell.packed = _encode_cell(key, cell)
            fresh[key] = value = self._json(window, key, cell, final)
            flushed.published.append((f"{key[0]}|{ACTIONS[key[1]]}|{window}".encode(), value))
            cell.arrival_ms = 0
        if final:
            # A detector wants an entity's whole window, also when only one action was amended.
            for entity in {entity for entity, _ in keys}:
                flushed.closed += [
                    fresh.get(key) or self._json(window, key, cells[key], final)
                    for action in range(len(ACTIONS))
                    if (key := (entity, action)) in cells
                ]
        packed = [cell.packed or _encode_cell(key, cell) for key, cell in cells.items()]
        flushed.state[_bucket_key(where)] = b"[%b]" % b",".join(packed)

    def _json(self, window: int, key: CellKey, cell: Cell, final: bool) -> bytes:
        """Return the JSON of a cell's aggregate, at a fifth of the cost of an object and orjson."""
        flows = packets = size = 0
        protocols = []
        totals = iter(cell.protocols)
        for protocol, f, p, b in zip(totals, totals, totals, totals, strict=True):
            flows += f
            packets += p
            size += b
            protocols.append(f'"{"-" if protocol == PROTOCOL_ABSENT else protocol}":[{f},{p},{b}]')
        ports, sources = (estimate(cell.ports), estimate(cell.sources)) if cell.ports else (0, 0)
        return (
            f'{{"eni":{_text(key[0])},"action":"{ACTIONS[key[1]]}","window_start":{window},'
            f'"window_s":{self.rules.window_s},"flows":{flows},"packets":{packets},"bytes":{size},'
            f'"first":{cell.first},"last":{cell.last},"protocols":{{{",".join(protocols)}}},'
            f'"distinct_ports":{ports},"distinct_sources":{sources},"revision":{cell.revision},'
            f'"final":{"true" if final else "false"},"oldest_arrival_ms":{cell.arrival_ms}}}'
        ).encode()

    def _place(self) -> bytes:
        producers = {str(p): [v.number, v.offset, v.newest_start] for p, v in self.producers.items()}
        return orjson.dumps({"watermark": self.watermark, "offset": self.offset, "producers": producers})


def _bucket_key(where: BucketKey) -> bytes:
    return b"w%d|%d" % where


@lru_cache(maxsize=1 << 16)
def _bucket(entity: str) -> int:
    return (crc32(entity.encode()) >> 16) % BUCKETS


@lru_cache(maxsize=1 << 16)
def _text(entity: str) -> str:
    """Return an entity as JSON."""
    return orjson.dumps(entity).decode()


def _encode_cell(key: CellKey, cell: Cell) -> bytes:
    protocols = ",".join(map(str, cell.protocols))
    maps = f',"{cell.ports:x}","{cell.sources:x}"' if cell.ports else ""
    start = f"{_text(key[0])},{key[1]},{cell.revision},{cell.first},{cell.last}"
    return f"[{start},[{protocols}]{maps}]".encode()


def _decode_cell(packed: list[Any]) -> tuple[CellKey, Cell]:
    entity, action, revision, first, last, protocols, *maps = packed
    ports, sources = (int(m, 16) for m in maps or ("0", "0"))
    return (entity, action), Cell(revision, first, last, ports, sources, protocols)
