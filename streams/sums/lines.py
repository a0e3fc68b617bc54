"""The reference parser of a flow-log line: it returns a row, nothing, or the reason of a refusal.

`kernel.py` is a fast parser of ordinary lines and passes every other line to this one. Tests verify that both
give equal results. An address, a source port, TCP flags or a direction that cannot be read do not refuse a
line: they are absent from its conversation. The rules: `-` is an absent value. Runs of spaces and a carriage
return are accepted. A prefix of CloudWatch Logs is removed: an ISO time, as in exports and `aws logs tail
--format short`, or a time and the log stream, as `aws logs tail` prints. A header line is no data. NODATA and
SKIPDATA lines describe the log itself.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from typing import Final

from connectors.event_time import AHEAD_S, FIRST_S, MILLISECONDS_FROM
from connectors.formats.flowlog import BOM, ENTITY_FIELDS, Format, is_header, missing_fields, without_prefix
from connectors.formats.json_records import line_shape
from streams.sums.conversations import ABSENT, DIRECTIONS, Address, address_of
from streams.sums.service_port import NO_PORT, PORT_MAX

NUMBER_MAX: Final = 1 << 45  # 35 TB in one record; no interface transfers that much in ten minutes
LINE_MAX_BYTES: Final = 64 << 10
TCP_FLAGS_MAX: Final = (1 << 16) - 1
SPREAD_MAX_S: Final = 900  # a longer flow is not divided; AWS's longest interval is 600 s
PROTOCOL_ABSENT: Final = 256  # above the IANA numbers 0 to 255

ACTIONS: Final = ("ACCEPT", "REJECT", "NODATA", "SKIPDATA", "-")
ACCEPT, REJECT, NODATA, SKIPDATA, NO_ACTION = range(5)

# The order of the numbers and of the addresses is that of the kernel's loops.
SKIP, ENTITY, ACTION, STATUS, FLOW_DIRECTION = range(5)
PROTOCOL, PACKETS, BYTES, START, END, DSTPORT, SRCPORT, TCP_FLAGS = range(5, 13)
SRCADDR, DSTADDR, PKT_SRCADDR, PKT_DSTADDR, CODES = range(13, 18)
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
    "dstaddr": DSTADDR,
    "srcport": SRCPORT,
    "tcp-flags": TCP_FLAGS,
    "flow-direction": FLOW_DIRECTION,
    "pkt-srcaddr": PKT_SRCADDR,
    "pkt-dstaddr": PKT_DSTADDR,
}
_DIGITS = re.compile(rb"[0-9]+")
_LENIENT_DIGITS_MAX = 16
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
class Ends:
    """The ends of a flow, for its conversation; see `conversations` for absent values.

    A port is -1 if it is absent. `tcp_flags` and `direction` are 0 if they are absent.
    """

    direction: int
    source: Address
    destination: Address
    pkt_source: Address
    pkt_destination: Address
    srcport: int
    dstport: int
    tcp_flags: int


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """The values of one line: one flow of an entity, an action and a protocol. Times are epoch seconds.

    `ends` is None for a line about the log itself, and if the format lacks `srcaddr` or `dstaddr`.
    """

    entity: str
    action: int
    protocol: int
    packets: int
    bytes: int
    start: int
    end: int
    srcaddr: builtins.bytes
    dstport: int
    ends: Ends | None


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
        ends=_ends(seen) if traffic and {SRCADDR, DSTADDR} <= seen.keys() else None,
    )


def _ends(seen: dict[int, bytes]) -> Ends:
    source, destination = _address(seen, SRCADDR), _address(seen, DSTADDR)
    pkt_source, pkt_destination = _address(seen, PKT_SRCADDR), _address(seen, PKT_DSTADDR)
    dstport = _number(seen.get(DSTPORT, b"-"), NO_PORT)
    direction = seen.get(FLOW_DIRECTION, b"").decode(errors="replace")
    return Ends(
        direction=DIRECTIONS.index(direction) if direction in DIRECTIONS else 0,
        source=source,
        destination=destination,
        pkt_source=ABSENT if pkt_source == source else pkt_source,
        pkt_destination=ABSENT if pkt_destination == destination else pkt_destination,
        srcport=_lenient(seen, SRCPORT, PORT_MAX),
        dstport=dstport if 0 <= dstport <= PORT_MAX else NO_PORT,
        tcp_flags=max(_lenient(seen, TCP_FLAGS, TCP_FLAGS_MAX), 0),
    )


def _address(seen: dict[int, bytes], code: int) -> Address:
    return address_of(seen.get(code, b"").decode(errors="replace"))


def _lenient(seen: dict[int, bytes], code: int, most: int) -> int:
    """Return a number of at most 16 digits that is not above `most`, `NO_PORT` for any other token."""
    token = seen.get(code, b"")
    if not _DIGITS.fullmatch(token) or len(token) > _LENIENT_DIGITS_MAX:
        return NO_PORT
    return int(token) if int(token) <= most else NO_PORT


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
