"""A reference of windows in plain Python: one dictionary of cells, no tables, no bulk operations.

It states the rules of `streams.windows.merge` a second time, as directly as possible, so that tests can
compare every flush with it. It keeps bits of maps as sets and computes the watermark from its definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.progress import NONE
from streams.alerts.detectors import DEFAULTS
from streams.records import Aggregate, Final
from streams.sums.lines import ACTIONS
from streams.sums.partials import Row, estimate
from streams.windows.merge import Rules
from streams.windows.watermark import CLOSE_S
from tests.build import bits_of
from tests.streams.windows.window_feed import Key


@dataclass
class Cell:
    """The totals of one entity, action and window."""

    protocols: dict[int, list[int]] = field(default_factory=dict)
    first: int = 1 << 62
    last: int = 0
    ports: int = 0
    sources: int = 0
    revision: int = 0
    is_new: bool = False

    def add(self, row: Row) -> None:
        """Add a row of partials."""
        _, _, _, protocol, flows, packets, size, first, last, maps = row
        sums = self.protocols.setdefault(protocol, [0, 0, 0])
        for at, value in enumerate((flows, packets, size)):
            sums[at] += value
        self.first, self.last = min(self.first, first), max(self.last, last)
        ports, sources = bits_of(maps)
        self.ports |= ports
        self.sources |= sources
        self.is_new = True

    def total(self, at: int) -> int:
        """Return the flows (0), packets (1) or bytes (2) of all protocols."""
        return sum(sums[at] for sums in self.protocols.values())

    @property
    def distinct(self) -> tuple[int, int]:
        """The estimated distinct ports and sources."""
        return estimate(self.ports.bit_count()), estimate(self.sources.bit_count())


@dataclass
class Expected:
    """What one flush must publish."""

    aggregates: dict[Key, Aggregate]
    finals: dict[Key, Final]
    late: list[Row]


@dataclass
class Reference:
    """The windows of one partition. `times` are newest start, watermark and caught-up of each producer."""

    rules: Rules
    watermark: int = 0
    times: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    cells: dict[Key, Cell] = field(default_factory=dict)
    pending: list[tuple[Row, int]] = field(default_factory=list)
    late: list[Row] = field(default_factory=list)

    def feed(self, name: int, time: tuple[int, int, bool], rows: Sequence[Row], arrival_ms: int) -> None:
        """Apply one message of a producer."""
        newest, watermark, _ = self.times.get(name, (NONE, NONE, False))
        self.times[name] = max(newest, time[0]), max(watermark, time[1]), time[2]
        expired = self.watermark - self.rules.retention_s
        self.late += [row for row in rows if row[0] + self.rules.window_s <= expired]
        self.pending += [(row, arrival_ms) for row in rows if row[0] + self.rules.window_s > expired]

    def next_watermark(self) -> int:
        """Return the watermark after a flush."""
        known = [time for time in self.times.values() if time[1] != NONE]
        if len(known) < self.rules.slots:
            return self.watermark
        slowest = min(watermark for _, watermark, _ in known)
        if all(is_caught_up for _, _, is_caught_up in known):
            slowest = max(slowest, min(max(newest for newest, _, _ in known), slowest + CLOSE_S))
        return max(self.watermark, slowest - self.rules.lateness_s)

    def is_due(self) -> bool:
        """Return True if a flush publishes something."""
        return bool(self.pending or self.late or self._closing(self.next_watermark()))

    def _closing(self, watermark: int) -> set[int]:
        ends = {window + self.rules.window_s for _, _, window in self.cells}
        return {end - self.rules.window_s for end in ends if self.watermark < end <= watermark}

    def flush(self) -> Expected:
        """Move the watermark, and return what changed."""
        watermark = self.next_watermark()
        closing = self._closing(watermark)
        self.watermark = watermark
        for row, _ in self.pending:
            key = row[1], ACTIONS[row[2]], row[0]
            self.cells.setdefault(key, Cell()).add(row)
        arrivals = [arrival_ms for _, arrival_ms in self.pending if arrival_ms]
        aggregates = {}
        for key, cell in self.cells.items():
            if cell.is_new or key[2] in closing:
                cell.revision += 1
                aggregates[key] = self._aggregate(key, cell, min(arrivals, default=0) * cell.is_new)
        expected = Expected(aggregates, self._finals(aggregates), self.late)
        for cell in self.cells.values():
            cell.is_new = False
        expired = self.watermark - self.rules.retention_s
        self.cells = {k: cell for k, cell in self.cells.items() if k[2] + self.rules.window_s > expired}
        self.pending, self.late = [], []
        return expected

    def _aggregate(self, key: Key, cell: Cell, arrival_ms: int) -> Aggregate:
        eni, action, window = key
        names = {protocol: str(protocol) if protocol < 256 else "-" for protocol in cell.protocols}
        return Aggregate(
            eni=eni,
            action=action,
            window_start=window,
            window_s=self.rules.window_s,
            flows=cell.total(0),
            packets=cell.total(1),
            bytes=cell.total(2),
            first=cell.first,
            last=cell.last,
            protocols={names[protocol]: cell.protocols[protocol] for protocol in sorted(cell.protocols)},
            distinct_ports=cell.distinct[0],
            distinct_sources=cell.distinct[1],
            revision=cell.revision,
            final=self._is_final(window),
            oldest_arrival_ms=arrival_ms,
        )

    def _is_final(self, window: int) -> bool:
        return window + self.rules.window_s <= self.watermark

    def _finals(self, aggregates: dict[Key, Aggregate]) -> dict[Key, Final]:
        """Return all actions of each entity and window of which a changed cell is final or shows a scan."""
        owners = set()
        for (eni, _, window), one in aggregates.items():
            is_scan = one.distinct_ports >= DEFAULTS.scan_from(one.distinct_sources)
            if one.final or is_scan:
                owners.add((eni, window))
        found = {}
        for (eni, action, window), cell in self.cells.items():
            if (eni, window) in owners:
                one = self._aggregate((eni, action, window), cell, 0)
                found[eni, action, window] = Final(
                    eni,
                    action,
                    window,
                    one.window_s,
                    one.flows,
                    one.packets,
                    one.bytes,
                    one.distinct_ports,
                    one.distinct_sources,
                    one.revision,
                    one.final,
                )
        return found
