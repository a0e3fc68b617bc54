"""Headers inside a text: which lines are headers, and which lines each of them applies to. Pure.

A header applies from where it stands to the next header, or to the end of its source: a record of Kinesis or
Firehose, a user record of a KPL aggregate, an object of S3, a file. Each connector cuts its text here, so
that a block never mixes formats. `flowlog.header_of` decides what a header is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from connectors.formats.flowlog import BOM, header_of, log_format

# Possessive quantifiers: a candidate costs its length once, whatever follows it.
_LINE = rb"(?:\xef\xbb\xbf)?[ \t]*+[a-z][a-z0-9_-]*+(?:[ \t]++[a-z][a-z0-9_-]*+)++[ \t\r]*+(?=\n|\Z)"
_FIRST = re.compile(_LINE)
_ANY_LATER = re.compile(rb"\n[a-z\xef \t]")
_LATER = re.compile(rb"\n" + _LINE)  # A literal first byte: `re` finds the candidates with memchr.


class Section(NamedTuple):
    """Consecutive lines that share a format.

    `line_format` is that of the header above them, or what `sections` was given if no header is above them.
    In the text it was cut from, it begins at `begin`, and what follows it at `end`.
    """

    line_format: str
    text: bytes
    begin: int
    end: int


def may_have_header(text: bytes) -> bool:
    """Return whether a text may have a header; a text of version 2 has none for microseconds a megabyte.

    Such text has no letter of `start`, without which no line of a format can be summed.
    """
    has_letters = b"t" in text and b"r" in text
    return has_letters and (not text[:1].isdigit() or _ANY_LATER.search(text) is not None)


def sections(text: bytes, line_format: str = "") -> list[Section]:
    """Cut whole lines, without the last line end, at their headers, which are left out.

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
    """Yield where each header begins, where the line after it does, and its format."""
    first = _FIRST.match(text)
    for match in chain((first,) if first else (), _LATER.finditer(text)):
        if names := header_of(match[0].lstrip(b"\n")):
            yield match.start() + (match is not first), match.end() + 1, log_format(names)
