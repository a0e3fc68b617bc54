"""The content of a record: its lines by format and log group, or the reason of its refusal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors.formats.headers import may_have_header, sections

FORMATS_MAX = 100
"""Formats of one record; each has its own block on Kafka."""
_DIGITS = frozenset(b"%d" % digit for digit in range(10))
_KPL_IN_BASE64 = b"84ma"


class Text(NamedTuple):
    """Newline-joined lines of one format.

    `line_format` is from the record itself: from a header, or from the keys of JSON rows. If it is empty, the
    log group or the setting decides. `account` and `log_group` are those of an envelope.
    """

    lines: bytes
    line_format: str = ""
    account: str = ""
    log_group: str = ""


class Unwrapped(NamedTuple):
    """One record's content: `texts` (may be empty), or the reason it was `refused`.

    `control` counts CloudWatch's health-check messages, which are dropped. `refused_parts` are
    refused parts of a record that is not refused itself: (number, why, data) of user records of an aggregate
    and of events of an envelope.
    """

    texts: tuple[Text, ...] = ()
    control: int = 0
    refused: str | None = None
    refused_parts: tuple[tuple[int, str, bytes], ...] = ()

    @property
    def lines(self) -> bytes:
        """Return all lines, without their formats."""
        return b"\n".join([text.lines for text in self.texts])

    @property
    def size(self) -> int:
        """Return the size of all lines in bytes."""
        return sum([len(text.lines) for text in self.texts])

    @property
    def log_groups(self) -> set[str]:
        """Return the log groups that its envelopes name."""
        return {text.log_group for text in self.texts if text.log_group}


class Refused(Exception):
    """The reason to refuse a record; `unwrap` catches it."""


def is_plain(data: bytes) -> bool:
    """Return whether bytes are lines of one format, by a fast check: they begin with a digit."""
    return data[:1] in _DIGITS and not may_have_header(data) and not data.startswith(_KPL_IN_BASE64)


def plain(text: bytes, account: str = "", log_group: str = "") -> tuple[Text, ...]:
    """Return lines with the formats of the headers among them. Raises `Refused`."""
    text = text.removesuffix(b"\n")
    if is_plain(text):
        return (Text(text, "", account, log_group),)
    found = sections(text)
    return gathered([Text(one.text, one.line_format, account, log_group) for one in found if one.text])


def gathered(texts: list[Text]) -> tuple[Text, ...]:
    """Return one text for each format and log group, in their first order. Raises `Refused`."""
    if len(texts) <= 1:
        return tuple(texts)
    by_kind: dict[tuple[str, str, str], list[bytes]] = {}
    for lines, *kind in texts:
        by_kind.setdefault((kind[0], kind[1], kind[2]), []).append(lines)
    if len({line_format for line_format, _, _ in by_kind}) > FORMATS_MAX:
        raise Refused("too many formats in a record")
    return tuple(Text(b"\n".join(lines), *kind) for kind, lines in by_kind.items())


def joined(parts: Iterable[Unwrapped]) -> Unwrapped:
    """Return the content of several parts of a record as one. Raises `Refused`."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    return Unwrapped(
        gathered([text for part in parts for text in part.texts]),
        sum(part.control for part in parts),
        refused_parts=tuple(one for part in parts for one in part.refused_parts),
    )
