"""Somebody's own flow logs as a load: plain or gzip text, read line by line, and an independent count of it.

A first line made of documented field names is a header and defines the format, as in S3 text files. Files
that were concatenated repeat it; a repeated header is dropped and counted, one that names other fields is an
error, because nothing after it could be read.

`ledger_of_lines` is slow on purpose: it follows the documented rules one line at a time in plain Python, and
shares nothing with the parser that it checks.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Self, cast

import polars as pl

from connectors.flowlog import ENTITY_FIELDS, BadFormat, Format, is_header, parse_format
from emulator.ledger import LOG_ACTIONS, WINDOW_S, Key, Ledger, Totals
from emulator.world.traffic import Batch

BATCH_LINES = 20_000
NUMBER_MAX = 2**45  # no interval counts that much; it keeps every sum within 64 bits
PROTOCOL_MAX = 255
MILLISECONDS_FROM = 10**11  # as seconds the year 5138; milliseconds were met in the wild (flow-logs.md 1.2)

_NUMBERS = ("dstport", "protocol", "packets", "bytes", "start", "end")
_GZIP_MAGIC = b"\x1f\x8b"
_ISO_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


class LineBatches(Iterator[list[bytes]]):
    """The lines of an open file in batches, without line ends, blank lines and headers.

    `headers` counts the headers dropped so far. The file is closed after the last batch, or by `close`.
    """

    def __init__(self, file: BinaryIO, first: bytes, names: Format, batch_lines: int) -> None:
        self.headers = 0
        self._file, self._names, self._batch_lines = file, names, batch_lines
        self._lines = self._kept(first)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[bytes]:
        batch = list(islice(self._lines, self._batch_lines))
        if not batch:
            self.close()
            raise StopIteration
        return batch

    def close(self) -> None:
        """Close the file; safe to repeat."""
        self._file.close()

    def _kept(self, first: bytes) -> Iterator[bytes]:
        for raw in chain((first,), self._file):
            line = raw.rstrip(b"\r\n")
            if is_header(line):
                if parse_format(line.decode()) != self._names:
                    raise BadFormat(f"a header inside the file names other fields: {line.decode()}")
                self.headers += 1
            elif line and not line.isspace():
                yield line


def read_lines(
    path: Path | str, format_text: str | None, *, batch_lines: int = BATCH_LINES
) -> tuple[Format, LineBatches]:
    """Open a file of flow logs and return its format and its lines.

    A header wins over `format_text`; without either the format is the default one. Raises `BadFormat`;
    `OSError` or `EOFError` when the file cannot be read or its gzip is broken or cut short.
    """
    file = _open(Path(path))
    try:
        first = file.readline()
        header = first.strip()
        names = parse_format(header.decode() if is_header(header) else format_text or "default")
    except BaseException:
        file.close()
        raise
    return names, LineBatches(file, first, names, batch_lines)


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")


def batch_of(lines: list[bytes], names: Format, first: int) -> Batch:
    """Return lines of a file as a batch that `feed` takes; `first` is the place of the first one.

    Only what a log stream needs is read from a line, its interface and its start. A line that does not tell
    goes to the stream of `-` at time 0: it is the connector's to refuse, not ours.
    """
    read = [_entity_and_start(line, names) for line in lines]
    columns = {
        "line": [line.decode(errors="replace") for line in lines],
        "eni": [entity for entity, _ in read],
        "start": [start for _, start in read],
    }
    return Batch(
        first, pl.DataFrame(columns, schema={"line": pl.String, "eni": pl.String, "start": pl.Int64})
    )


def _entity_and_start(line: bytes, names: Format) -> tuple[str, int]:
    row = _read(line, names)
    return ("-", 0) if row is None else (row.key[0], row.first)


def ledger_of_lines(lines: Iterable[bytes], names: Format) -> tuple[Ledger, int]:
    """Return the totals of lines (headers removed) and how many lines were refused."""
    totals: dict[Key, Totals] = {}
    refused = 0
    for line in lines:
        row = _read(line, names)
        if row is None:
            refused += 1
        elif (known := totals.get(row.key)) is None:
            totals[row.key] = [1, row.packets, row.bytes, row.first, row.last]
        else:
            known[0] += 1
            known[1] += row.packets
            known[2] += row.bytes
            known[3] = min(known[3], row.first)
            known[4] = max(known[4], row.last)
    ledger = Ledger()
    ledger.add_totals(totals)
    return ledger, refused


@dataclass(frozen=True, slots=True)
class _Row:
    key: Key
    packets: int
    bytes: int
    first: int
    last: int


class _Refused(Exception):
    """The line breaks a documented rule; never leaves this module."""


def _read(line: bytes, names: Format) -> _Row | None:
    tokens = line.decode(errors="replace").split()
    if tokens and _ISO_TIMESTAMP.match(tokens[0]):  # `aws logs tail` and exports prefix it (flow-logs.md 3.1)
        tokens = tokens[1:]
    if len(tokens) != len(names):
        return None
    values = dict(zip(names, tokens, strict=True))
    try:
        numbers = {name: _number(values.get(name, "-")) for name in _NUMBERS}
        action = _action(values)
        if (numbers["protocol"] or 0) > PROTOCOL_MAX:
            return None
    except _Refused:
        return None
    start = _seconds(numbers["start"])
    if start is None:
        return None
    end = _seconds(numbers["end"])
    entity = next((values[f] for f in ENTITY_FIELDS if values.get(f, "-") != "-"), "-")
    is_traffic = action not in LOG_ACTIONS
    return _Row(
        key=(entity, action, start - start % WINDOW_S),
        packets=(numbers["packets"] or 0) if is_traffic else 0,
        bytes=(numbers["bytes"] or 0) if is_traffic else 0,
        first=start,
        last=start if end is None else end,
    )


def _number(token: str) -> int | None:
    if token in {"-", "None"}:
        return None
    # Not `isdigit` alone: it is also true of other scripts' digits.
    if not (token.isascii() and token.isdigit()) or len(token) > 20 or int(token) > NUMBER_MAX:
        raise _Refused
    return int(token)


def _action(values: dict[str, str]) -> str:
    status = values.get("log-status", "OK")
    if status in LOG_ACTIONS:
        return status
    if status not in {"OK", "-"}:
        raise _Refused
    action = values.get("action", "-")
    if action not in {"ACCEPT", "REJECT", "-"}:
        raise _Refused
    return action


def _seconds(time: int | None) -> int | None:
    return time // 1000 if time is not None and time >= MILLISECONDS_FROM else time
