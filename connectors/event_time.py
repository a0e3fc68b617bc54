"""The event time of flow-log lines, from a sample, because a connector does not parse all lines. Pure.

The event time of a line is its field `start`, epoch seconds. Lines are in no order: a flow log delivers an
interface's minute up to minutes late, and a producer with several calls in flight stores them in any order.
So the newest line of a read can be anywhere in it, and a sample is spread over the whole read. The sample
moves the watermark only, with the allowed lateness as its tolerance. The worker reads every line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from connectors.formats.flowlog import BadFormat, parse_format, without_prefix
from connectors.progress import NONE

_T = TypeVar("_T")

AHEAD_S = 120
"""`start` may be a minute off (flow log record, VPC guide), clocks a little more."""

FIRST_S = 1_433_894_400
"""2015-06-10, the day on which VPC Flow Logs began: no flow log is older."""

_DIGITS_MAX = 13  # epoch milliseconds, as flowlogs-reader has met them
MILLISECONDS_FROM = 10**11
"""A `start` this large is in milliseconds; in seconds it is the year 5138."""

TEXTS_MAX, LAST_TEXTS = 48, 8
"""A sample has lines of so many texts of a read; so many of them are the last ones, which are usually the
newest. Each line costs 1 µs."""

LINES_MIN = 24
"""A sample of fewer texts has about so many lines of them. If their `start` differs by up to five minutes, at
random, 24 lines miss all of the newest two minutes in one of 200,000 reads."""

BACK_MAX = 16
"""Lines read from the end of a text until one has a plausible `start`. A text may end with blank lines, or
with lines that are refused."""


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


def sample(texts: Sequence[_T]) -> Sequence[_T]:
    """Return up to `TEXTS_MAX` of the texts of a read: the last ones, and others at even distances."""
    if len(texts) <= TEXTS_MAX:
        return texts
    spread, first = TEXTS_MAX - LAST_TEXTS, len(texts) - LAST_TEXTS
    return [*(texts[nth * first // spread] for nth in range(spread)), *texts[first:]]


def newest_start(texts: Sequence[tuple[bytes, str, int]]) -> int:
    """Return the newest `start` in a sample of the lines of some texts, or `NONE`."""
    return max(sampled_starts(texts), default=NONE)


def sampled_starts(texts: Sequence[tuple[bytes, str, int]]) -> list[int]:
    """Return the plausible `start` of a sample of the lines of some texts, in no order.

    A text is (text, line format, arrival in epoch ms). The sample has the last line of each text that has a
    plausible `start`. If there are fewer than `LINES_MIN` texts, it has lines at even distances too.
    """
    within = LINES_MIN // max(len(texts), 1)
    starts = []
    for text, line_format, arrival_ms in texts:
        latest_s = arrival_ms // 1000
        starts.append(_last_start(text, line_format, latest_s))
        for line in _spread_lines(text, within):
            start = start_of(line, line_format)
            starts.append(start if is_plausible(start, latest_s) else NONE)
    return [start for start in starts if start != NONE]


def _spread_lines(text: bytes, count: int) -> list[bytes]:
    """Return lines at even distances, up to `count` with the last line, which is left out."""
    found, begin = [], 0
    for nth in range(1, count):
        end = text.find(b"\n", max(begin, (nth - 1) * len(text) // count))
        if end < 0:
            break
        found.append(text[text.rfind(b"\n", 0, end) + 1 : end])
        begin = end + 1
    return found


def _last_start(text: bytes, line_format: str, arrival_s: int) -> int:
    end = len(text)
    for _ in range(BACK_MAX):
        begin = text.rfind(b"\n", 0, end) + 1
        start = start_of(text[begin:end], line_format)
        if start != NONE and is_plausible(start, arrival_s):
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
