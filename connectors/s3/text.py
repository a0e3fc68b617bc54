"""The conversion of an object of text, gzip or plain, to parts that fit a block. Pure.

The first line is the header with the fields, unless the format is known. A later header applies to the lines
after it, also in the next gzip members (`headers.sections`). A part begins and ends at line ends. Positions
count bytes of the text with its headers. To continue at a position, the object is inflated and cut again from
its beginning, so that the applicable header is known, and the parts before the position are dropped. A few
chunks are in memory. An error of the object is raised as `Broken`, after the whole lines before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from isal import isal_zlib

from connectors.formats.encodings import BETWEEN_MEMBERS
from connectors.formats.flowlog import BOM, FIELD_VERSIONS, BadFormat, header_of, log_format, parse_format
from connectors.formats.headers import sections
from connectors.kafka.blocks import BLOCK_MAX_BYTES

INFLATED_MAX_BYTES = 16 << 30  # a file of AWS has 75 MB; a gzip bomb ends here
MEMBERS_MAX = 10_000  # each costs a copy of the rest of its chunk
HEADER_MAX_BYTES = 64 << 10  # every documented field fits into 2 KB
LONG_LINE = "line longer than a block"
_STEP_BYTES = 1 << 20
_MAGIC_BYTES = 4  # Parquet's, the longer one
_SAMPLE_BYTES = 4096
_GZIP_MAGIC, _GZIP_WBITS = b"\x1f\x8b", 31
_FIELD_NAME = re.compile(rb"[a-z][a-z0-9_-]*")


class Broken(Exception):
    """The rest of an object cannot be read; the message is the reason, `sample` some of its bytes."""

    def __init__(self, why: str, sample: bytes = b"") -> None:
        super().__init__(why)
        self.sample = sample[:_SAMPLE_BYTES]


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines of an object, at most a block; or the beginning of a longer line, which is `refused`.

    `first` is the position of its beginning, `last` the position after it.
    """

    line_format: str
    text: bytes
    first: int
    last: int
    lines: int
    refused: str = ""


def read_text(
    chunks: Iterable[bytes], at: int = 0, *, line_format: str = "", max_bytes: int = BLOCK_MAX_BYTES
) -> Iterator[Part]:
    """Yield the parts of an object, from position `at` on. Raises `Broken`.

    With a `line_format` there is no header.
    """
    texts = _separated(_inflated(iter(chunks)))
    position = 0
    if not line_format:
        header, rest = _first_line(texts)
        line_format, position = _format(header), len(header) + 1
        texts = chain([rest], texts)
    for part in _Cutter(line_format, position, max_bytes).cut(texts):
        if part.last > at:
            yield part if part.first >= at else _rest(part, at)


def _rest(part: Part, at: int) -> Part:
    """Return the rest of a part after a position inside it: an older release may cut elsewhere."""
    if part.refused:
        return replace(part, first=at)
    text = part.text[at - part.first :]
    return replace(part, text=text, first=at, lines=text.count(b"\n") + 1)


def beginning(chunks: Iterator[bytes]) -> bytes:
    """Return the first chunks, enough to recognise the kind of file."""
    first = b""
    while len(first) < _MAGIC_BYTES and (chunk := next(chunks, b"")):
        first += chunk
    return first


def _first_line(texts: Iterator[bytes]) -> tuple[bytes, bytes]:
    waiting = b""
    for text in texts:
        waiting += text
        line, end, rest = waiting.partition(b"\n")
        if end or len(line) > HEADER_MAX_BYTES:
            return line, rest
    return waiting, b""


def _format(header: bytes) -> str:
    """Return the format that a header defines. Names that AWS has not documented yet may be among them."""
    header = header.removeprefix(BOM)
    names = header.split()
    known = [name for name in names if name.decode("ascii", "replace").replace("_", "-") in FIELD_VERSIONS]
    if not known or len(header) > HEADER_MAX_BYTES or not all(map(_FIELD_NAME.fullmatch, names)):
        raise Broken("no header", header)
    try:
        return log_format(parse_format(header.decode()))
    except BadFormat as error:
        raise Broken("bad header", header) from error


@dataclass(slots=True)
class _Cutter:
    """The cutter of texts. `position` and `line_format` are those of the next part."""

    line_format: str
    position: int
    max_bytes: int

    def cut(self, texts: Iterator[bytes]) -> Iterator[Part]:
        waiting = b""
        try:
            for text in texts:
                waiting += text
                while len(waiting) > self.max_bytes:
                    cut = waiting.rfind(b"\n", 0, self.max_bytes + 1)
                    if cut < 0:
                        part, waiting = self._long(waiting, texts)
                        yield part
                        continue
                    yield from self._part(waiting[:cut])
                    waiting = waiting[cut + 1 :]
        except Broken as broken:
            whole, _, rest = waiting.rpartition(b"\n")
            yield from self._part(whole)
            raise Broken(str(broken), broken.sample or rest) from broken
        yield from self._part(waiting.removesuffix(b"\n"))

    def _part(self, text: bytes) -> Iterator[Part]:
        """Yield the lines of a text as parts, cut at headers."""
        first, self.position = self.position, self.position + len(text) + 1
        for section in sections(text, self.line_format):
            self.line_format = section.line_format
            if section.text:
                lines = section.text.count(b"\n") + 1
                yield Part(self.line_format, section.text, first + section.begin, first + section.end, lines)

    def _long(self, waiting: bytes, texts: Iterator[bytes]) -> tuple[Part, bytes]:
        """Skip to the end of a long line. Return a part with its beginning, and the text after it."""
        kept, first = waiting[: self.max_bytes], self.position
        while (end := waiting.find(b"\n")) < 0:
            self.position += len(waiting)
            waiting = next(texts, b"")
            if not waiting:
                break
        self.position += end + 1
        return Part(self.line_format, kept, first, self.position, 1, LONG_LINE), waiting[end + 1 :]


def _separated(texts: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """End the last line of a gzip member if it has no end and the next member begins with a header.

    A member may also end inside a line or a header, so no other line is ended. Each text has the number of
    its member.
    """
    member, tail, waiting = 1, b"", b""
    for number, text in texts:
        piece = waiting + text if waiting else text
        if number > member and tail:
            line, is_whole, _ = piece.partition(b"\n")
            if not is_whole and len(line) <= HEADER_MAX_BYTES:
                waiting = piece
                continue
            if header_of(line) and not header_of(tail + line):
                yield b"\n"
        member, waiting = number, b""
        end = piece.rfind(b"\n")
        tail = piece[end + 1 :] if end >= 0 else (tail + piece)[: HEADER_MAX_BYTES + 1]
        yield piece
    if waiting:
        yield waiting


def _inflated(chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the text of an object in pieces of bounded size, with the number of its gzip member.

    Members may be concatenated (RFC 1952).
    """
    first = beginning(chunks)
    if not first.startswith(_GZIP_MAGIC):
        for chunk in chain([first], chunks):
            yield 1, chunk
        return
    inflater, members, left = isal_zlib.decompressobj(wbits=_GZIP_WBITS), 1, INFLATED_MAX_BYTES
    for chunk in chain([first], chunks):
        data, text = chunk, b""
        while data or len(text) == _STEP_BYTES:  # A full step may leave more in the inflater.
            if inflater.eof:
                data = data.lstrip(BETWEEN_MEMBERS)
                if not data:
                    break
                if not data.startswith(_GZIP_MAGIC[: len(data)]):
                    raise Broken("broken gzip", data)
                inflater, members = isal_zlib.decompressobj(wbits=_GZIP_WBITS), members + 1
            text = _step(inflater, data)
            left -= len(text)
            if left < 0 or members > MEMBERS_MAX:
                raise Broken("inflates beyond the cap" if left < 0 else "too many gzip members")
            if text:
                yield members, text
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        raise Broken("truncated gzip")


def _step(inflater: isal_zlib.Decompress, data: bytes) -> bytes:
    try:
        text: bytes = inflater.decompress(data, _STEP_BYTES)
    except isal_zlib.error as error:  # type: ignore[misc]  # no child of zlib.error, whatever its name says
        raise Broken("broken gzip") from error
    return text
