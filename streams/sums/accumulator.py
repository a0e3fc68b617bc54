"""The accumulator of one flush: the sums of many blocks, one call per block.

The kernel sums most lines in its table. `lines.parse_line` parses every other line, which is then summed here
or refused with a reason. No line is dropped: each is understood, refused, or nothing (empty or a header), and
the three counts add up to the number of lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from connectors.formats.flowlog import DEFAULT_FORMAT
from streams.sums import kernel, lines, partials
from streams.sums.lines import ColumnPlan, Nothing, ParsedLine

TABLE_ROWS = 1 << 13  # 512 KiB, and at most 1 MiB of maps; doubled when half full
ODD_LINES = 1 << 12
FULL_ROWS = 1 << 14  # at most 2 MiB of table; the accumulator is full then, and the next flush does not wait
MAPS_AS_ROWS = 2  # a pair of maps is as large as two rows of a partial
FULL_REFUSED_BYTES = 1 << 20  # the lines of one reason form one message, which must stay below 8 MiB
KNOWN_IDS = 1 << 16


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
class _Extra:
    """The sum of lines that the kernel does not parse."""

    origin: Origin
    flows: int = 0
    packets: int = 0
    bytes: int = 0
    first: int = 1 << 62
    last: int = 0
    ports: int = 0
    sources: int = 0

    def add(self, row: ParsedLine) -> None:
        self.flows += 1
        self.packets += row.packets
        self.bytes += row.bytes
        self.first = min(self.first, row.start)
        self.last = max(self.last, row.end)
        if row.action == lines.REJECT:
            self.ports |= 1 << kernel.port_bit(row.dstport)
            self.sources |= 1 << kernel.source_bit(row.srcaddr)


@dataclass(slots=True)
class Drained:
    """The result of a flush: rows, counts, the refused lines by reason, and the newest `start`.

    `newest_start` is the newest `first` of a row, epoch seconds, -1 if there is none. It is never ahead of
    the newest `start` of the lines and less than a window behind it, so the watermark remains safe, and the
    kernel need not track it for each line.
    """

    rows: pl.DataFrame
    counts: LineCounts
    refused: dict[str, list[bytes]]
    newest_start: int


@dataclass(slots=True)
class Sums:
    """The sums of many blocks, of any formats, until `drain`. `window_s` is the window size in seconds."""

    window_s: int
    _table: np.ndarray = field(default_factory=lambda: kernel.new_table(TABLE_ROWS))
    _used: np.ndarray = field(default_factory=lambda: np.zeros(TABLE_ROWS, np.int64))
    _used_n: int = 0
    _maps: np.ndarray = field(default_factory=lambda: kernel.new_maps(TABLE_ROWS))
    _maps_n: int = 0
    _odd: np.ndarray = field(default_factory=lambda: np.zeros((ODD_LINES, 2), np.int64))
    _extra: dict[tuple[int, str, int, int], _Extra] = field(default_factory=dict)
    _refused: dict[str, list[bytes]] = field(default_factory=dict)
    _counts: LineCounts = field(default_factory=LineCounts)
    _refused_bytes: int = 0
    _known: dict[tuple[int, int], str] = field(default_factory=dict)
    _origin: Origin = UNKNOWN_ORIGIN
    _origins: list[tuple[Origin, int]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """True if the memory limit is reached: drain now."""
        rows = self._used_n + len(self._extra) + MAPS_AS_ROWS * self._maps_n
        return rows >= FULL_ROWS or self._refused_bytes >= FULL_REFUSED_BYTES

    def warm(self) -> None:
        """Load the kernel, or compile it at the first start on a machine."""
        self.add(b"", lines.plan(DEFAULT_FORMAT))
        table, used = kernel.new_table(2), np.zeros(2, np.int64)
        kernel.rehash(table, used, 0, table)

    def add(self, text: bytes, by: ColumnPlan, arrived_s: int = 0, origin: Origin = UNKNOWN_ORIGIN) -> None:
        """Sum the lines of a block. A final newline ends the last line.

        `arrived_s` is the newest arrival of the lines, epoch seconds, 0 if unknown.
        """
        latest = lines.latest_start(arrived_s)
        self._origin, rows_before = origin, self._used_n
        buf = np.frombuffer(text, np.uint8)
        # The kernel needs the columns interface-id and action; other formats are parsed line by line.
        codes = np.array(by.codes, np.int64)
        at, status = 0, kernel.ODD_FULL
        if lines.ENTITY not in by.codes or lines.ACTION not in by.codes:
            for line in _lines_of(text):
                self._one(line, by, latest)
            return
        while status != kernel.DONE:
            status, at, self._used_n, self._maps_n, odd_n, summed = kernel.scan(
                buf,
                at,
                codes,
                self.window_s,
                latest,
                self._table,
                self._used,
                self._used_n,
                self._maps,
                self._maps_n,
                self._odd,
            )
            self._counts.lines += summed
            self._counts.understood += summed
            for begin, end in self._odd[:odd_n].tolist():
                self._one(text[begin:end], by, latest)
            if status == kernel.TABLE_FULL:
                self._grow()
        # New rows are appended, so the origins of rows are runs.
        self._origins.append((origin, self._used_n - rows_before))

    def refuse(self, reason: str, text: bytes) -> None:
        """Refuse every line of a block for one reason."""
        refused = _lines_of(text)
        self._counts.lines += len(refused)
        self._counts.refused += len(refused)
        self._refused.setdefault(reason, []).extend(refused)
        self._refused_bytes += len(text)

    def drain(self) -> Drained:
        """Return the sums since the last drain, and reset the accumulator."""
        rows = self._table_rows()
        if self._extra:
            rows = pl.concat([rows, self._extra_rows()])
        newest = rows["first"].max() if len(rows) else -1
        drained = Drained(rows, self._counts, self._refused, int(newest))  # type: ignore[arg-type]
        self._table[self._used[: self._used_n]] = 0
        self._maps[: self._maps_n + 1] = 0
        self._used_n, self._maps_n, self._counts, self._extra = 0, 0, LineCounts(), {}
        self._refused, self._refused_bytes, self._origins = {}, 0, []
        return drained

    def _one(self, line: bytes, by: ColumnPlan, latest: int) -> None:
        self._counts.lines += 1
        match lines.parse_line(line, by, latest):
            case ParsedLine() as row:
                self._counts.understood += 1
                window = row.start // self.window_s * self.window_s
                key = (window, row.entity, row.action, row.protocol)
                if key not in self._extra:
                    self._extra[key] = _Extra(self._origin)
                self._extra[key].add(row)
            case Nothing():
                self._counts.nothing += 1
            case reason:
                self._counts.refused += 1
                self._refused.setdefault(reason, []).append(line)
                self._refused_bytes += len(line)

    def _grow(self) -> None:
        table = kernel.new_table(len(self._table) * 2)
        used = np.zeros(len(table), np.int64)
        used[: self._used_n] = self._used[: self._used_n]
        kernel.rehash(self._table, used, self._used_n, table)
        maps = kernel.new_maps(len(table))
        maps[: self._maps_n + 1] = self._maps[: self._maps_n + 1]
        self._table, self._used, self._maps = table, used, maps

    def _table_rows(self) -> pl.DataFrame:
        taken = self._table[self._used[: self._used_n]]
        packed = taken[:, kernel.PACKED]
        columns = {
            "window": taken[:, kernel.WINDOW] * self.window_s,
            "entity": self._ids(taken),
            "action": (packed >> 1) & 3,
            "protocol": (packed >> 3) & 511,
            "flows": taken[:, kernel.FLOWS],
            "packets": taken[:, kernel.PACKETS],
            "bytes": taken[:, kernel.BYTES],
            "first": taken[:, kernel.FIRST],
            "last": taken[:, kernel.LAST],
            "maps": partials.to_column(self._maps, packed >> kernel.MAPS_AT),
            "account": [one.account for one, count in self._origins for _ in range(count)],
            "region": [one.region for one, count in self._origins for _ in range(count)],
        }
        return pl.DataFrame(columns, schema_overrides=partials.SCHEMA)

    def _ids(self, taken: np.ndarray) -> list[str]:
        known, found = self._known, []
        if len(known) > KNOWN_IDS:
            known.clear()
        words = zip(taken[:, kernel.LO].tolist(), (taken[:, kernel.PACKED] >> 12 & 31).tolist(), strict=True)
        for word in words:
            name = known.get(word)
            if name is None:
                name = known[word] = _id(*word)
            found.append(name)
        return found

    def _extra_rows(self) -> pl.DataFrame:
        found = [
            (
                *key,
                sums.flows,
                sums.packets,
                sums.bytes,
                sums.first,
                sums.last,
                _maps_of(sums),
                sums.origin.account,
                sums.origin.region,
            )
            for key, sums in self._extra.items()
        ]
        return pl.DataFrame(found, schema=partials.SCHEMA, orient="row")


def _lines_of(text: bytes) -> list[bytes]:
    """Split at newlines as the kernel does: empty text has no line, and a final newline starts no line."""
    found = text.split(b"\n")
    return found[:-1] if not found[-1] else found


def _maps_of(sums: _Extra) -> bytes:
    size = partials.MAP_BYTES // 2
    return sums.ports.to_bytes(size, "little") + sums.sources.to_bytes(size, "little") if sums.ports else b""


def _id(lo: int, kind: int) -> str:
    """Return an interface id as AWS writes it: `eni-` and 17 hexadecimal digits, or 8 before 2018."""
    if kind & 1:
        return f"eni-{kind >> 1 & 15:x}{lo & (1 << 64) - 1:016x}"
    return f"eni-{lo & (1 << 32) - 1:08x}"
