"""A flow-log file as a load: plain or gzip text, read line by line, with its headers.

A header applies to the lines after it, as in every source (`flowlog.header_of`). Concatenated files repeat
it, possibly at the end of a line that has no newline. Byte order marks and the colours of `aws logs tail
--color on` are removed, and UTF-16 is decoded. `ledger.from_file` counts the lines.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Self, cast

import polars as pl

from connectors.formats.flowlog import BOM, FIELD_VERSIONS, Format, header_of, parse_format
from emulator.ledger.from_file import entity_and_start
from emulator.load.line_batch import LineBatch

BATCH_LINES = 20_000

_GZIP_MAGIC = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NAME_LENGTHS = sorted({len(name) for name in FIELD_VERSIONS}, reverse=True)
_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Lines:
    """Consecutive lines of a file in one format, without line ends, blank lines and headers."""

    names: Format
    lines: list[bytes]


class LineBatches(Iterator[Lines]):
    """The lines of an open file in batches of one format each.

    `headers` is the number of headers removed so far. The file is closed after the last batch, or by `close`.
    """

    def __init__(self, file: BinaryIO, raw: Iterable[bytes], names: Format, batch_lines: int) -> None:
        self.headers = 0
        self._file = file
        self._batches = self._cut(raw, names, batch_lines)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Lines:
        batch = next(self._batches, None)
        if batch is None:
            self.close()
            raise StopIteration
        return batch

    def close(self) -> None:
        """Close the file. May be called again."""
        self._file.close()

    def _cut(self, raw: Iterable[bytes], names: Format, batch_lines: int) -> Iterator[Lines]:
        batch: list[bytes] = []
        for line in map(_cleaned, raw):
            data, header = _header(line)
            if data and not data.isspace():
                batch.append(data)
            self.headers += header is not None
            if batch and (len(batch) == batch_lines or header not in (None, names)):
                yield Lines(names, batch)
                batch = []
            names = header or names
        if batch:
            yield Lines(names, batch)


def _cleaned(raw: bytes) -> bytes:
    line = raw.rstrip(b"\r\n").removeprefix(BOM)
    return _COLOURS.sub(b"", line) if b"\x1b" in line else line


def _header(line: bytes) -> tuple[bytes, Format | None]:
    """Return the data of a line, and the format if the line is a header or ends with one."""
    last = line.rpartition(b" ")[2]
    if not last or not last[:1].islower():
        return line, None
    if names := header_of(line):
        return b"", names
    if last.decode("ascii", "replace").replace("_", "-") not in FIELD_VERSIONS:
        return line, None
    # Two concatenated files, the first without a newline at its end: `... ACCEPT OKversion account-id ...`.
    for place in _glued(line):
        if names := header_of(line[place:]):
            return line[:place], names
    return line, None


def _glued(line: bytes) -> Iterator[int]:
    """Yield the places where a header can begin inside a token: at a field name that ends the token."""
    at = 0
    for token in line.split(b" "):
        end = at + len(token)
        for length in _NAME_LENGTHS:
            name = token[-length:].decode("ascii", "replace").replace("_", "-")
            if length < len(token) and name in FIELD_VERSIONS:
                yield end - length
        at = end + 1


def read_lines(
    path: Path | str, format_text: str | None, *, batch_lines: int = BATCH_LINES
) -> tuple[Format, LineBatches]:
    """Open a flow-log file; return the format of its first line, and its lines.

    A header has precedence over `format_text`. Without both, the format is the default format. Raises
    `BadFormat`; `OSError` or `EOFError` if the file cannot be read, or if its gzip is invalid or truncated.
    """
    file = _open(Path(path))
    try:
        raw = _raw(file)
        first = next(raw, b"")
        names = header_of(first.strip()) or parse_format(format_text or "default")
    except BaseException:
        file.close()
        raise
    return names, LineBatches(file, chain((first,), raw), names, batch_lines)


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")


def _raw(file: BinaryIO) -> Iterator[bytes]:
    """Return the lines of a file as UTF-8, with their line ends."""
    if cast(io.BufferedReader, file).peek(2)[:2] not in _UTF16:
        return iter(file)
    return (line.encode() for line in codecs.getreader("utf-16")(file, "replace"))


def batch_of(part: Lines, first: int, known: Format) -> LineBatch:
    """Return lines of a file as a batch for `feed`; `first` is the number of the first line.

    If the format differs from `known`, which the connector expects, each record gets a header. Only the
    interface and the start are parsed, for the log stream. A line without them has the log stream `-` and
    time 0; the connector refuses it.
    """
    read = [entity_and_start(line, part.names) for line in part.lines]
    columns = {
        "line": [line.decode(errors="replace") for line in part.lines],
        "eni": [entity for entity, _ in read],
        "start": [start for _, start in read],
    }
    frame = pl.DataFrame(columns, schema={"line": pl.String, "eni": pl.String, "start": pl.Int64})
    return LineBatch(first, frame, "" if part.names == known else " ".join(part.names))
