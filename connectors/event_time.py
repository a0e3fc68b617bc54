"""The event time of flow-log lines, from a sample, because a connector does not parse all lines. Pure.

The event time of a line is its field `start`, epoch seconds. A connector reads the last line of a text that
has one, because a text may end with blank lines or with lines that are refused. The sample moves the
watermark only, with the allowed lateness as its tolerance. The worker reads every line.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from connectors.formats.flowlog import BadFormat, parse_format, without_prefix
from connectors.progress import NONE

AHEAD_S = 120
"""`start` may be a minute off (flow log record, VPC guide), clocks a little more."""

FIRST_S = 1_433_894_400
"""2015-06-10, the day on which VPC Flow Logs began: no flow log is older."""

_DIGITS_MAX = 13  # epoch milliseconds, as flowlogs-reader has met them
MILLISECONDS_FROM = 10**11
"""A `start` this large is in milliseconds; in seconds it is the year 5138."""

SAMPLES_MAX = 16  # of one read: each costs 1.5 µs, and the newest lines are at its end
BACK_MAX = 16  # lines that are read from the end of a text until one has a plausible `start`


def is_plausible(start_s: int, arrival_s: int) -> bool:
    """Return whether `start_s` is a possible start of a flow that arrived at `arrival_s` (0: unknown)."""
    return start_s >= FIRST_S and (not arrival_s or start_s <= arrival_s + AHEAD_S)


def start_of(line: bytes, line_format: str) -> int:
    """Return the `start` of a line, epoch seconds, or `NONE` if it has no valid one."""
    at, columns = _start_at(line_format)
    if at < 0:
        return NONE
    fields = line.split(None, at + 1)
    if fields and fields[0][4:5] == b"-" and b"T" in fields[0]:
        fields = without_prefix(line.split(), columns)
    if at >= len(fields) or len(fields[at]) > _DIGITS_MAX or not fields[at].isdigit():
        return NONE
    value = int(fields[at])
    return value // 1000 if value >= MILLISECONDS_FROM else value


def newest_start(texts: Iterable[tuple[bytes, str, int]]) -> int:
    """Return the newest `start` of some texts; each gives its last plausible one.

    A text is (text, line format, arrival in epoch ms). Returns `NONE` if no text has one.
    """
    return max((_last_start(*text) for text in texts), default=NONE)


def _last_start(text: bytes, line_format: str, arrival_ms: int) -> int:
    end = len(text)
    for _ in range(BACK_MAX):
        begin = text.rfind(b"\n", 0, end) + 1
        start = start_of(text[begin:end], line_format)
        if start != NONE and is_plausible(start, arrival_ms // 1000):
            return start
        if not begin:
            break
        end = begin - 1
    return NONE


@lru_cache(maxsize=256)
def _start_at(line_format: str) -> tuple[int, int]:
    """Return the column of `start`, -1 if there is none, and the number of columns."""
    try:
        names = parse_format(line_format)
    except BadFormat:
        return -1, 0
    return (names.index("start") if "start" in names else -1), len(names)
