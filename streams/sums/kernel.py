"""The hot loop: it parses lines, and sums totals and conversations in one pass.

The loop sums only lines that it parses with certainty: exact field count, single spaces, plain decimal
numbers, a canonical `eni-` id, `ACCEPT` or `REJECT`, `OK`, addresses as AWS writes them, and optionally an
ISO time in front. It returns the offsets of every other line for `lines.parse_line`.

The loop works in chunks that remain in the cache of the CPU. It first finds the separators of a chunk; every
token has then a known place. `parsing` reads the tokens that are summed, and `addition` adds them to
`tables`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import uint64

from streams.compiled import inlined, uncounted
from streams.sums import parsing
from streams.sums.addition import add_line
from streams.sums.lines import CODES, LINE_MAX_BYTES, SPREAD_MAX_S, START, ColumnPlan
from streams.sums.tables import has_room
from streams.sums.words import lowest, separators32

CHUNK_BYTES = 1 << 15
DONE, TABLE_FULL, ODD_FULL = 0, 1, 2

_NEWLINE, _ZERO = 10, 48
_TIME = np.frombuffer(b"0000-00-00T00:00:00", np.uint8)  # a zero matches any digit
_TIME_SIZE = len(_TIME)
_LINE_MAX = LINE_MAX_BYTES


def columns_of(by: ColumnPlan) -> Any:
    """Return the column of each code of `lines`, -1 if the format lacks it; then the number of columns."""
    found = np.full(CODES + 1, -1, np.int64)
    for column, code in enumerate(by.codes):
        found[code] = column
    found[CODES] = len(by.codes)
    return found


class Rules(NamedTuple):
    """The rules of a call, as numbers. `windows_a_line` is the most windows that one line is added to."""

    window_s: int
    latest: int
    is_spread: int
    windows_a_line: int

    @classmethod
    def of(cls, window_s: int, latest: int, *, is_spread: bool) -> Rules:
        """Return the rules; `latest` is the newest plausible `start`, epoch seconds."""
        return cls(window_s, latest, int(is_spread), SPREAD_MAX_S // window_s + 2 if is_spread else 1)


class Work(NamedTuple):
    """The arrays that a call works in: the separators of a chunk, odd lines, and the record of a line."""

    separators: Any
    odd: Any
    record: Any


def new_separators() -> Any:
    """Return space for the separators of a chunk, and for the one before it."""
    return np.zeros(CHUNK_BYTES + 1, np.int32)


@inlined
def _separators(text, begin, end, seps):  # type: ignore[no-untyped-def]
    """Write the offsets of all separators of a part of the text, after one in front; return their number."""
    seps[0] = begin - 1
    count = 1
    for at in range(begin, end, 32):
        mask = separators32(text, at)
        if end - at < 32:
            mask &= (uint64(1) << uint64(end - at)) - uint64(1)
        while mask:
            seps[count] = at + lowest(mask)
            count += 1
            mask &= mask - uint64(1)
    return count


@inlined
def _has_time(text, begin, end):  # type: ignore[no-untyped-def]
    """Return True if a token begins with an ISO time, as in lines that CloudWatch Logs exports."""
    if end - begin < _TIME_SIZE or text[begin + 4] != 45 or text[begin + 10] != 84:
        return False
    for i in range(_TIME_SIZE):
        c = text[begin + i]
        if _TIME[i] == _ZERO:
            if c < 48 or c > 57:
                return False
        elif c != _TIME[i]:
            return False
    return True


@inlined
def _odd(text, seps, count, at, odd, odd_n):  # type: ignore[no-untyped-def]
    """Write the offsets of the line after separator `at` to `odd`; return its newline, `count` for none."""
    begin = seps[at] + 1
    at += 1
    while at < count and text[seps[at]] != _NEWLINE:
        at += 1
    if at < count:
        odd[odd_n, 0], odd[odd_n, 1] = begin, seps[at]
    return at


@inlined
def _line(text, seps, count, at, columns, record):  # type: ignore[no-untyped-def]
    """Parse the line after separator `at`; return its newline, or -1 for a line that `lines` must read."""
    begin, first = np.int64(seps[at]) + 1, at
    if at + 1 < count and text[seps[at + 1]] == 32 and _has_time(text, begin, seps[at + 1]):
        first += 1
    last = first + columns[CODES]
    if last < count and seps[last] - begin <= _LINE_MAX and parsing.parse(text, seps, first, columns, record):
        return last
    return -1


@uncounted
def _chunk(text, seps, count, columns, rules, found, record, odd, odd_n):  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    """Sum the lines of a chunk. Returns as `scan`; the next offset is the begin of the first unread line."""
    at, summed = 0, 0
    rows = rules.windows_a_line
    while at < count - 1:
        if not has_room(found, rows):
            return TABLE_FULL, np.int64(seps[at]) + 1, odd_n, summed
        if odd_n == odd.shape[0]:
            return ODD_FULL, np.int64(seps[at]) + 1, odd_n, summed
        after = _line(text, seps, count, at, columns, record)
        if after >= 0 and record[START] <= rules.latest:
            add_line(found, record, rules)
            summed += 1
            at = after
            continue
        after = _odd(text, seps, count, at, odd, odd_n)
        if after == count:
            break
        odd_n += 1
        at = after
    return DONE, np.int64(seps[at]) + 1, odd_n, summed


@uncounted
def scan(text, at, end, columns, rules, found, work):  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    """Sum the lines from offset `at` to `end`, which follows a newline.

    Returns status, next offset, number of odd lines, and number of summed lines. `SLACK` bytes of the text
    must follow `end`. An odd line is one that `lines.parse_line` must parse; `work.odd` receives its start
    and end. A line with a `start` after `rules.latest` (epoch seconds), or before flow logs existed, is odd.
    """
    odd_n, summed = 0, 0
    while at < end:
        count = _separators(text, at, min(at + CHUNK_BYTES, end), work.separators)
        status, after, odd_n, more = _chunk(
            text, work.separators, count, columns, rules, found, work.record, work.odd, odd_n
        )
        summed += more
        if status != DONE:
            return status, after, odd_n, summed
        if after == at:
            # The line is longer than a chunk.
            if odd_n == work.odd.shape[0]:
                return ODD_FULL, at, odd_n, summed
            while text[after] != _NEWLINE:
                after += 1
            work.odd[odd_n, 0], work.odd[odd_n, 1] = at, after
            odd_n, after = odd_n + 1, after + 1
        at = after
    return DONE, at, odd_n, summed


@uncounted
def add_parsed(rules, found, record):  # type: ignore[no-untyped-def]
    """Add a line that `lines.parse_line` parsed, and return True; return False if a table is full."""
    if not has_room(found, rules.windows_a_line):
        return False
    add_line(found, record, rules)
    return True
