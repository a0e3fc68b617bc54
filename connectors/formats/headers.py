"""Headers inside a text, and the lines that each of them applies to. Pure.

A header applies up to the next header, or to the end of its source: a record of Kinesis or
Firehose, a user record of a KPL aggregate, an object of S3, a file. Each connector cuts its text here, so
that a block never mixes formats. `flowlog.header_of` recognises headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from connectors.formats.flowlog import BOM, header_of, log_format

# Possessive quantifiers: a candidate is scanned once, whatever follows it.
_LINE = rb"(?:\xef\xbb\xbf)?[ \t]*+[a-z][a-z0-9_-]*+(?:[ \t]++[a-z][a-z0-9_-]*+)++[ \t\r]*+(?=\n|\Z)"
_FIRST = re.compile(_LINE)
_ANY_LATER = re.compile(rb"\n[a-z\xef \t]")
_LATER = re.compile(rb"\n" + _LINE)  # A literal first byte: `re` finds the candidates with memchr.


class Section(NamedTuple):
    """Consecutive lines that share a format.

    `line_format` is that of the header above them, or the argument of `sections` if no header is above them.
    `begin` is the offset of the section in the text, `end` the offset after it and its line end.
    """

    line_format: str
    text: bytes
    begin: int
    end: int


def may_have_header(text: bytes) -> bool:
    """Return whether a text may have a header, at a cost of microseconds per megabyte.

    Lines of version 2 lack a letter of `start`, the field that every summed format has.
    """
    has_letters = b"t" in text and b"r" in text
    return has_letters and (not text[:1].isdigit() or _ANY_LATER.search(text) is not None)


def sections(text: bytes, line_format: str = "") -> list[Section]:
    """Cut whole lines, without the last line end, at their headers, and drop the headers.

    Only the last section may be empty; its format applies to what follows the text.
    """
    found: list[Section] = []
    begin = len(BOM) if text.startswith(BOM) else 0
    if may_have_header(text):
        for at, end, names in _headers(text):
            if at > begin:
                found.append(Section(line_format, text[begin : at - 1], begin, at))
            line_format, begin = names, end
    found.append(Section(line_format, text[begin:] if begin else text, begin, len(text) + 1))
    return found


def _headers(text: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield the offset of each header, the offset of the line after it, and its format."""
    first = _FIRST.match(text)
    for match in chain((first,) if first else (), _LATER.finditer(text)):
        if names := header_of(match[0].lstrip(b"\n")):
            yield match.start() + (match is not first), match.end() + 1, log_format(names)
