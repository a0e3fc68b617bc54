"""The reference parser of a flow-log line: it returns a row, nothing, or the reason of a refusal.

`kernel.py` is a fast parser of ordinary lines and passes every other line to this one. Tests verify that both
give equal results. The rules: `-` is an absent value. Runs of spaces and a carriage return are accepted. A
prefix of CloudWatch Logs is removed: an ISO time, as in exports and `aws logs tail --format short`, or a time
and the log stream, as `aws logs tail` prints. A header line is no data. NODATA and SKIPDATA lines describe
the log itself.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from typing import Final

from connectors.event_time import AHEAD_S, FIRST_S, MILLISECONDS_FROM
from connectors.formats.flowlog import BOM, ENTITY_FIELDS, Format, is_header, missing_fields, without_prefix
from connectors.formats.json_records import line_shape

NUMBER_MAX: Final = 1 << 45  # 35 TB in one record; no interface transfers that much in ten minutes
LINE_MAX_BYTES: Final = 64 << 10
PROTOCOL_ABSENT: Final = 256  # above the IANA numbers 0 to 255

ACTIONS: Final = ("ACCEPT", "REJECT", "NODATA", "SKIPDATA", "-")
ACCEPT, REJECT, NODATA, SKIPDATA, NO_ACTION = range(5)

SKIP, ENTITY, SRCADDR, DSTPORT, PROTOCOL, PACKETS, BYTES, START, END, ACTION, STATUS = range(11)
_CODES: Final = {
    "interface-id": ENTITY,
    "srcaddr": SRCADDR,
    "dstport": DSTPORT,
    "protocol": PROTOCOL,
    "packets": PACKETS,
    "bytes": BYTES,
    "start": START,
    "end": END,
    "action": ACTION,
    "log-status": STATUS,
}
_DIGITS = re.compile(rb"[0-9]+")
_ABSENT = (b"-", b"None", b"")  # the library flowlogs-reader also accepts `None`

NO_LIMIT: Final = 1 << 62

ENCODING_REASON: Final = "not text"
LENGTH_REASON: Final = "line too long"
COUNT_REASON: Final = "wrong number of fields"
NUMBER_REASON: Final = "not a number"
RANGE_REASON: Final = "number out of range"
START_REASON: Final = "no start time"
TIME_REASON: Final = "implausible time"
ACTION_REASON: Final = "unknown action"
STATUS_REASON: Final = "unknown log-status"


class UnusableFormat(ValueError):
    """The format has no field for the window or the entity; the message names the missing fields."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The code of each column of a format, and the columns that may hold the entity."""

    names: Format
    codes: tuple[int, ...]
    entities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """The values of one line: one flow of an entity, an action and a protocol. Times are epoch seconds."""

    entity: str
    action: int
    protocol: int
    packets: int
    bytes: int
    start: int
    end: int
    srcaddr: builtins.bytes
    dstport: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """The result for a line without a record: empty, or a header."""


NOTHING: Final = Nothing()


def plan(names: Format) -> ColumnPlan:
    """Return the plan of a format. Raises `UnusableFormat` if the window or the entity has no field."""
    if lacks := missing_fields(names):
        raise UnusableFormat(lacks)
    entities = tuple(names.index(name) for name in ENTITY_FIELDS if name in names)
    return ColumnPlan(names, tuple(_CODES.get(name, SKIP) for name in names), entities)


def latest_start(arrived_s: int) -> int:
    """Return the newest plausible `start` of a line that arrived at `arrived_s`; no limit if that is 0.

    Both are epoch seconds; an arrival of 0 is unknown.
    """
    return arrived_s + AHEAD_S if arrived_s else NO_LIMIT


def parse_line(line: bytes, by: ColumnPlan, latest: int = NO_LIMIT) -> ParsedLine | Nothing | str:
    """Return the row of a line, `NOTHING` for an empty or header line, or the reason of a refusal.

    `latest` is the newest plausible `start` (`latest_start`), epoch seconds.
    """
    if len(line) > LINE_MAX_BYTES:
        return LENGTH_REASON
    tokens = line.removeprefix(BOM).split()
    if not tokens or is_header(line):
        return NOTHING
    tokens = without_prefix(tokens, len(by.names))
    if len(tokens) != len(by.names):
        return _shape_reason(line) or COUNT_REASON
    try:
        row = _row(tokens, by)
    except _Refused as why:
        return _shape_reason(line) or str(why)
    return row if FIRST_S <= row.start <= latest else TIME_REASON


def _shape_reason(line: bytes) -> str:
    """Return the reason to refuse a binary or JSON line, also after a time and a log stream; else ""."""
    if b"\0" in line:
        return ENCODING_REASON
    return line_shape(line[max(line.find(b"{"), 0) :] if line[:1].isdigit() else line)


class _Refused(Exception):
    """The reason to refuse a line; internal to this module."""


def _row(tokens: list[bytes], by: ColumnPlan) -> ParsedLine:
    seen = dict(zip(by.codes, tokens, strict=True))
    status = seen.get(STATUS, b"OK")
    if status not in (b"OK", b"NODATA", b"SKIPDATA", b"-"):
        raise _Refused(STATUS_REASON)
    action = _action(seen.get(ACTION, b"-"), status)
    start = _seconds(seen[START])
    if start is None:
        raise _Refused(START_REASON)
    end = _seconds(seen.get(END, b"-"))
    traffic = action not in (NODATA, SKIPDATA)
    protocol = _number(seen.get(PROTOCOL, b"-"), PROTOCOL_ABSENT)
    if protocol >= PROTOCOL_ABSENT and seen.get(PROTOCOL, b"-") not in _ABSENT:
        raise _Refused(RANGE_REASON)
    packets, size = _number(seen.get(PACKETS, b"-"), 0), _number(seen.get(BYTES, b"-"), 0)
    dstport = _number(seen.get(DSTPORT, b"-"), 0)
    return ParsedLine(
        entity=_entity(tokens, by),
        action=action,
        protocol=protocol if traffic else PROTOCOL_ABSENT,
        packets=packets if traffic else 0,
        bytes=size if traffic else 0,
        start=start,
        end=start if end is None else end,
        srcaddr=seen.get(SRCADDR, b""),
        dstport=dstport,
    )


def _action(action: bytes, status: bytes) -> int:
    if status == b"NODATA":
        return NODATA
    if status == b"SKIPDATA":
        return SKIPDATA
    if action == b"ACCEPT":
        return ACCEPT
    if action == b"REJECT":
        return REJECT
    if action in _ABSENT:
        return NO_ACTION
    raise _Refused(ACTION_REASON)


def _entity(tokens: list[bytes], by: ColumnPlan) -> str:
    for at in by.entities:
        if tokens[at] not in _ABSENT:
            try:
                return tokens[at].decode("ascii")
            except UnicodeDecodeError:
                raise _Refused(ENCODING_REASON) from None
    return "-"


def _number(token: bytes, absent: int) -> int:
    if token in _ABSENT:
        return absent
    if not _DIGITS.fullmatch(token):
        raise _Refused(NUMBER_REASON)
    if len(token) > 19 or (value := int(token)) > NUMBER_MAX:
        raise _Refused(RANGE_REASON)
    return value


def _seconds(token: bytes) -> int | None:
    """Return an epoch time in seconds, also of milliseconds (accepted by the library flowlogs-reader)."""
    value = _number(token, -1)
    if value < 0:
        return None
    return value // 1000 if value >= MILLISECONDS_FROM else value
