"""One line for the kernel: from its separators to a record of numbers. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from connectors.event_time import FIRST_S, MILLISECONDS_FROM
from streams.compiled import inlined
from streams.sums import fields
from streams.sums.lines import (
    ACTION,
    BYTES,
    CODES,
    DSTADDR,
    DSTPORT,
    END,
    ENTITY,
    FLOW_DIRECTION,
    NUMBER_MAX,
    PACKETS,
    PKT_DSTADDR,
    PKT_SRCADDR,
    PROTOCOL,
    PROTOCOL_ABSENT,
    REJECT,
    SRCADDR,
    SRCPORT,
    START,
    STATUS,
    TCP_FLAGS,
    ParsedLine,
)

FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a, 64 bits

# The words of a record: a number has the index of its code in `lines` (PROTOCOL … TCP_FLAGS), and then follow
# the values below. A number is -1 if it is absent. ID_KIND is that of `fields.interface_id`. ADDRESSES are
# the high and low words of SRCADDR, DSTADDR, PKT_SRCADDR and PKT_DSTADDR. N_ADDRESSES is 0, 2 or 4: a format
# without both ends has no conversation. LAST_TOTAL is the row of totals of the line before, WINDOW the number
# of its window.
LO, ID_KIND, ACTION_WORD, DIRECTION, SOURCE_HASH, N_ADDRESSES, LAST_TOTAL, WINDOW, ADDRESSES = range(
    CODES, CODES + 9
)
RECORD_WORDS = ADDRESSES + 8

_SPACE, _NEWLINE = 32, 10
_NUMBER_MAX, _PROTOCOL_MAX = NUMBER_MAX, 255
_FNV_OFFSET, _FNV_PRIME = uint64(FNV_OFFSET), uint64(FNV_PRIME)


@inlined
def _bounds(seps, at, column):  # type: ignore[no-untyped-def]
    """Return the begin and the end of a token; separator `at` is the one in front of the line."""
    return np.int64(seps[at + column]) + 1, np.int64(seps[at + column + 1])


@inlined
def _is_shaped(text, seps, at, columns):  # type: ignore[no-untyped-def]
    """Return True if single spaces divide the line into nonempty tokens, and a newline ends it."""
    last = at + columns
    good = text[seps[last]] == _NEWLINE and seps[last] - seps[last - 1] > 1
    for separator in range(at + 1, last):
        good &= (text[seps[separator]] == _SPACE) & (seps[separator] - seps[separator - 1] > 1)
    return good


@inlined
def _numbers(text, seps, at, columns, record):  # type: ignore[no-untyped-def]
    """Write the numbers to the record; return False for a line that `lines` must read."""
    good = True
    for code in range(PROTOCOL, TCP_FLAGS + 1):
        if columns[code] >= 0:
            begin, end = _bounds(seps, at, columns[code])
            record[code] = found = fields.number(text, begin, end)
            good &= (found >= 0) | (code > DSTPORT)
    if columns[END] < 0:
        record[END] = record[START]
    start, end = record[START], record[END]
    good &= record[PROTOCOL] <= _PROTOCOL_MAX or columns[PROTOCOL] < 0
    good &= max(record[PACKETS], record[BYTES], record[DSTPORT]) <= _NUMBER_MAX
    return good and start >= FIRST_S and max(start, end) < MILLISECONDS_FROM


@inlined
def _words(text, seps, at, columns, record):  # type: ignore[no-untyped-def]
    """Write interface, action and direction to the record; return False for a line that `lines` must read."""
    begin, end = _bounds(seps, at, columns[ENTITY])
    lo, record[ID_KIND] = fields.interface_id(text, begin, end)
    record[LO] = np.int64(lo)
    begin, end = _bounds(seps, at, columns[ACTION])
    record[ACTION_WORD] = fields.action(text, begin, end)
    if columns[STATUS] >= 0:
        begin, end = _bounds(seps, at, columns[STATUS])
        if not fields.is_ok(text, begin, end):
            return False
    if columns[FLOW_DIRECTION] >= 0:
        begin, end = _bounds(seps, at, columns[FLOW_DIRECTION])
        record[DIRECTION] = fields.direction(text, begin, end)
    return record[ID_KIND] >= 0 and record[ACTION_WORD] >= 0


@inlined
def _addresses(text, seps, at, columns, record):  # type: ignore[no-untyped-def]
    """Write the addresses to the record; return False for a line that `lines` must read."""
    good = True
    for nth in range(record[N_ADDRESSES]):
        column = columns[SRCADDR + nth]
        if column >= 0:
            begin, end = _bounds(seps, at, column)
            known, hi, lo = fields.address(text, begin, end)
            record[ADDRESSES + 2 * nth], record[ADDRESSES + 2 * nth + 1] = np.int64(hi), np.int64(lo)
            good &= known
    return good


@inlined
def parse(text, seps, at, columns, record):  # type: ignore[no-untyped-def]
    """Write the values of a line to the record; return False for a line that `lines` must read.

    `seps` are the offsets of separators; the line is between separators `at` and `at` + number of columns.
    `columns` holds the column of each code of `lines`, -1 if the format lacks it, then their number.
    """
    good = (
        _is_shaped(text, seps, at, columns[CODES])
        and _words(text, seps, at, columns, record)
        and _numbers(text, seps, at, columns, record)
        and _addresses(text, seps, at, columns, record)
    )
    if good and record[ACTION_WORD] == 1:
        record[SOURCE_HASH] = np.int64(_source_hash(text, seps, at, columns[SRCADDR]))
    return good


@inlined
def _source_hash(text, seps, at, column):  # type: ignore[no-untyped-def]
    """Return the hash of the text of the source, of no text if the format lacks it."""
    found = _FNV_OFFSET
    if column >= 0:
        begin, end = _bounds(seps, at, column)
        for place in range(begin, end):
            found = (found ^ uint64(text[place])) * _FNV_PRIME
    return found


def new_record(columns: Any) -> Any:
    """Return an empty record for lines of a format; see `parse` for `columns`."""
    record = np.zeros(RECORD_WORDS, np.int64)
    record[PROTOCOL] = PROTOCOL_ABSENT
    record[[DSTPORT, SRCPORT, TCP_FLAGS]] = fields.NO_NUMBER
    if min(columns[SRCADDR], columns[DSTADDR]) >= 0:
        record[N_ADDRESSES] = 4 if max(columns[PKT_SRCADDR], columns[PKT_DSTADDR]) >= 0 else 2
    return record


def record_of(row: ParsedLine, lo: int, kind: int) -> Any:
    """Return the record of a line that `lines` parsed; `lo` and `kind` are the numbers of its entity."""
    record = np.zeros(RECORD_WORDS, np.int64)
    record[[PROTOCOL, PACKETS, BYTES, START, END]] = row.protocol, row.packets, row.bytes, row.start, row.end
    record[[LO, ID_KIND, ACTION_WORD]] = _signed(lo), kind, row.action
    record[[DSTPORT, SRCPORT]] = row.dstport, fields.NO_NUMBER
    if row.action == REJECT:
        record[SOURCE_HASH] = _signed(hash_of(row.srcaddr))
    if ends := row.ends:
        # The maps have port 0 for an absent one.
        record[DSTPORT] = row.dstport or ends.dstport
        record[[SRCPORT, TCP_FLAGS, DIRECTION]] = ends.srcport, ends.tcp_flags, ends.direction
        record[N_ADDRESSES] = 4
        words = (*ends.source, *ends.destination, *ends.pkt_source, *ends.pkt_destination)
        record[ADDRESSES:] = [_signed(word) for word in words]
    return record


def hash_of(source: bytes) -> int:
    """Return the hash of the text of a source, as the kernel computes it."""
    found = FNV_OFFSET
    for byte in source:
        found = ((found ^ byte) * FNV_PRIME) & (1 << 64) - 1
    return found


def _signed(word: int) -> int:
    """Return the signed number with the same 64 bits."""
    return word - (1 << 64) if word >> 63 else word
