"""The accumulator of one flush: the sums of many blocks, one call per block.

The kernel sums most lines in its table. `lines.parse_line` parses every other line, which is then summed here
or refused with a reason. No line is dropped: each is understood, refused, or nothing (empty or a header), and
the three counts add up to the number of lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from connectors.formats.flowlog import DEFAULT_FORMAT
from streams.sums import columns, kernel, lines, parsing, tables
from streams.sums.columns import Origins
from streams.sums.entities import Entities
from streams.sums.kernel import Rules
from streams.sums.lines import ColumnPlan, Nothing, ParsedLine
from streams.sums.tables import N_TOTALS, Tables
from streams.sums.words import SLACK

# The rows for which tables have space at first; 1 MiB in all, and at most 1 MiB of maps. They grow when full.
TOTALS, CONVERSATIONS, ADDRESSES = 1 << 12, 1 << 13, 1 << 10
ODD_LINES = 1 << 12
# At this number of rows the accumulator is full, and the next flush does not wait. The rows of one partition
# form one message, which must stay below 8 MiB, also after a last block of the shortest lines.
FULL_ROWS = 1 << 14
FULL_CONVERSATIONS = 1 << 15
MAPS_AS_ROWS = 2  # a pair of maps is as large as two rows of a partial
FULL_REFUSED_BYTES = 1 << 20  # the lines of one reason form one message


@dataclass(slots=True)
class LineCounts:
    """The number of lines of a flush, by outcome. The names are part of the state format."""

    lines: int = 0
    understood: int = 0
    nothing: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a block: the AWS account and Region in its headers, "" if unknown."""

    account: str = ""
    region: str = ""


UNKNOWN_ORIGIN = Origin()


@dataclass(slots=True)
class Drained:
    """The result of a flush: rows, conversations, counts, refused lines by reason, and the newest `start`.

    `rows` are totals (`partials.SCHEMA`), with an Enum as `entity`. `newest_start` is the newest `first` of a
    row in which a flow begins, epoch seconds, -1 if there is none. It is never ahead of the newest `start` of
    the lines and less than a window behind it, so the watermark remains safe, and the kernel need not track
    it for each line. `parts` are the rows and the conversations of each partition that has rows; see
    `columns.parts`.
    """

    rows: pl.DataFrame
    conversations: pl.DataFrame
    counts: LineCounts
    refused: dict[str, list[bytes]]
    newest_start: int
    parts: dict[int, tuple[pl.DataFrame, pl.DataFrame]]


@dataclass(slots=True)
class Sums:
    """The sums of many blocks, of any formats, until `drain`.

    `window_s` is the window size in seconds. With `is_spread`, a flow belongs to every window that it covers;
    see `spread`. `partitions` is the number of partitions of `Drained.parts`.
    """

    window_s: int
    is_spread: bool = False
    partitions: int = 1
    _tables: Tables = field(default_factory=lambda: tables.new_tables(TOTALS, CONVERSATIONS, ADDRESSES))
    _entities: Entities = field(default_factory=Entities)
    _separators: Any = field(default_factory=kernel.new_separators)
    _odd: Any = field(default_factory=lambda: np.zeros((ODD_LINES, 2), np.int64))
    _refused: dict[str, list[bytes]] = field(default_factory=dict)
    _counts: LineCounts = field(default_factory=LineCounts)
    _refused_bytes: int = 0
    _origins: list[tuple[Origin, int]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """True if the memory limit is reached: drain now."""
        rows, maps, found, _ = self._tables.counts.tolist()
        return (
            rows + MAPS_AS_ROWS * maps >= FULL_ROWS
            or found >= FULL_CONVERSATIONS
            or self._refused_bytes >= FULL_REFUSED_BYTES
        )

    def warm(self) -> None:
        """Load the kernels, or compile them at the first start on a machine."""
        odd = b"2 - - - - 0 0 6 1 40 1700000000 1700000000 ACCEPT OK"
        self.add(odd + b"\n", lines.plan(DEFAULT_FORMAT))
        self._tables = tables.larger(self._tables, 1)
        self.drain()

    def add(self, text: bytes, by: ColumnPlan, arrived_s: int = 0, origin: Origin = UNKNOWN_ORIGIN) -> None:
        """Sum the lines of a block. A final newline ends the last line.

        `arrived_s` is the newest arrival of the lines, epoch seconds, 0 if unknown.
        """
        rules = Rules.of(self.window_s, lines.latest_start(arrived_s), is_spread=self.is_spread)
        by_code = kernel.columns_of(by)
        block = _Block(by, rules, by_code, parsing.new_record(by_code))
        rows_before = int(self._tables.counts[N_TOTALS])
        # The kernel needs the columns interface-id and action; other formats are parsed line by line.
        if lines.ENTITY not in by.codes or lines.ACTION not in by.codes:
            for line in _lines_of(text):
                self._one(line, block)
        else:
            for part, end in _parts(text):
                self._scan(part, end, block)
        # New rows are appended, so the origins of rows are runs.
        self._origins.append((origin, int(self._tables.counts[N_TOTALS]) - rows_before))

    def refuse(self, reason: str, text: bytes) -> None:
        """Refuse every line of a block for one reason."""
        refused = _lines_of(text)
        self._counts.lines += len(refused)
        self._counts.refused += len(refused)
        self._refused.setdefault(reason, []).extend(refused)
        self._refused_bytes += len(text)

    def drain(self) -> Drained:
        """Return the sums since the last drain, and reset the accumulator."""
        owners = columns.owners(self._tables, self._entities, self.partitions)
        rows = columns.of_totals(self._tables, owners, self.window_s, self._row_origins())
        found = columns.of_conversations(self._tables, owners, self.window_s)
        drained = Drained(
            rows.frame,
            found.frame,
            self._counts,
            self._refused,
            tables.newest_first(self._tables),
            {partition: (some, others) for partition, some, others in columns.parts(owners, rows, found)},
        )
        tables.clear(self._tables)
        self._entities.forget()
        self._counts, self._origins, self._refused, self._refused_bytes = LineCounts(), [], {}, 0
        return drained

    def _row_origins(self) -> Origins:
        numbers = np.repeat(np.arange(len(self._origins)), [count for _, count in self._origins])
        accounts, regions = (
            [one.account for one, _ in self._origins],
            [one.region for one, _ in self._origins],
        )
        return Origins(accounts, regions, numbers)

    def _scan(self, text: bytes, end: int, block: _Block) -> None:
        """Sum the lines of a text up to `end`, which follows a newline."""
        buffer, at, status = np.frombuffer(text, np.uint8), 0, kernel.TABLE_FULL
        work = kernel.Work(self._separators, self._odd, block.record)
        while status != kernel.DONE:
            status, at, odd_n, summed = kernel.scan(
                buffer, at, end, block.columns, block.rules, self._tables, work
            )
            self._counts.lines += summed
            self._counts.understood += summed
            for begin, stop in self._odd[:odd_n].tolist():
                self._one(text[begin:stop], block)
            if status == kernel.TABLE_FULL:
                self._grow(block)

    def _one(self, line: bytes, block: _Block) -> None:
        self._counts.lines += 1
        match lines.parse_line(line, block.by, block.rules.latest):
            case ParsedLine() as row:
                self._counts.understood += 1
                record = parsing.record_of(row, *self._entities.words(row.entity))
                while not kernel.add_parsed(block.rules, self._tables, record):
                    self._grow(block)
            case Nothing():
                self._counts.nothing += 1
            case reason:
                self._counts.refused += 1
                self._refused.setdefault(reason, []).append(line)
                self._refused_bytes += len(line)

    def _grow(self, block: _Block) -> None:
        self._tables = tables.larger(self._tables, block.rules.windows_a_line)


@dataclass(slots=True)
class _Block:
    """The format and the rules of the lines of a block, and the record that the kernel parses a line into."""

    by: ColumnPlan
    rules: Rules
    columns: Any
    record: Any


def _parts(text: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield parts of a text that end with a newline and `SLACK` more bytes, and their ends.

    The first part is the text itself; only the last lines are copied.
    """
    cut = text.rfind(b"\n", 0, max(len(text) - SLACK, 0)) + 1
    if cut:
        yield text, cut
    if rest := text[cut:]:
        lines_left = rest if rest.endswith(b"\n") else rest + b"\n"
        yield lines_left + bytes(SLACK), len(lines_left)


def _lines_of(text: bytes) -> list[bytes]:
    """Split at newlines as the kernel does: empty text has no line, and a final newline starts no line."""
    found = text.split(b"\n")
    return found[:-1] if not found[-1] else found
