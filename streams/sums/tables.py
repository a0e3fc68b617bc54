"""The tables of the kernel: rows in the order of their first use, found by hash indexes. Pure.

A row of any table begins with its key, three 64-bit words that are compared in full. An index is an
open-addressing hash table of row numbers, at most half full. Rows are dense, so the result of a flush is a
slice of columns, and a table grows by a copy.

`totals`: one row for each (entity, window, action and protocol); the key is `LO`, `WINDOW`, `KIND`.
`maps`: two bit maps for each row of rejected traffic, by the number in `map_of`; map 0 remains empty.
`conversations`: one row for each conversation. The key holds the number of its row of totals; ports,
direction and the forms of the addresses; and four addresses of 32 bits.
`addresses`: IPv6 addresses. A conversation holds the number of an IPv6 address, and IPv4 addresses directly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import uint64

from streams.compiled import inlined, uncounted

KEY_WORDS = 3
# A row of totals. LO and the kind of the id determine the entity, see `entities`. WINDOW is the number of the
# window. KIND: bits 0-2 action, 3-11 protocol, 12-17 the kind of the id.
LO, WINDOW, KIND, FLOWS, PACKETS, BYTES, FIRST, LAST = range(8)
ACTION_BITS, PROTOCOL_BITS = 3, 9
ID_KIND_AT = ACTION_BITS + PROTOCOL_BITS

# A row of conversations; PACKETS to LAST are as in totals. FLOWS_FLAGS: bits 0-15 TCP flags, 16 and up flows.
CONTEXT, ENDS, PKT_ENDS, FLOWS_FLAGS = range(4)
# CONTEXT: bits 0-23 the row of totals, 24-40 the port + 1, 41-43 the rule, 44-45 the direction, 46-53 the
# forms of source, destination, packet source and packet destination, two bits each.
PORT_AT, RULE_AT, DIRECTION_AT, FORMS_AT = 24, 41, 44, 46
FLAG_BITS = 16
# The form of an address: absent, 32 bits of IPv4, the row number of an IPv6 address.
FORM_ABSENT, FORM_V4, FORM_V6 = range(3)

WORDS = 8
ADDRESS_WORDS = KEY_WORDS  # high, low, 0
ADDRESSES_A_LINE = 4

MAP_BITS = 1024  # per map; `partials.estimate` states the error
MAP_WORDS = MAP_BITS // 64

N_TOTALS, N_MAPS, N_CONVERSATIONS, N_ADDRESSES, COUNTS = range(5)

_MIX = uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)
# The finalizer of MurmurHash3 (fmix64), which mixes fully.
FMIX_1, FMIX_2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
_FMIX_1, _FMIX_2, _FMIX_SHIFT = uint64(FMIX_1), uint64(FMIX_2), uint64(33)
_TAG = uint64(0xFFFFFFFF00000000)  # of an index entry: bits of the hash; the other half is the row number + 1


class Tables(NamedTuple):
    """The arrays of the kernel, and the number of used rows of each (`N_TOTALS` …) in `counts`."""

    counts: Any
    totals: Any
    totals_index: Any
    map_of: Any
    maps: Any
    conversations: Any
    conversations_index: Any
    addresses: Any
    addresses_index: Any


def new_tables(totals: int, conversations: int, addresses: int) -> Tables:
    """Return empty tables for so many rows; all must be powers of two."""
    return Tables(
        counts=np.zeros(COUNTS, np.int64),
        totals=np.zeros((totals, WORDS), np.int64),
        totals_index=np.zeros(2 * totals, np.uint64),
        map_of=np.zeros(totals, np.int64),
        maps=np.zeros((totals + 1, 2 * MAP_WORDS), np.uint64),
        conversations=np.zeros((conversations, WORDS), np.int64),
        conversations_index=np.zeros(2 * conversations, np.uint64),
        addresses=np.zeros((addresses, ADDRESS_WORDS), np.int64),
        addresses_index=np.zeros(2 * addresses, np.uint64),
    )


def larger(tables: Tables, rows: int) -> Tables:
    """Return tables with the same rows, of which each has space for as many more, and for `rows` more."""
    totals, _, conversations, addresses = tables.counts.tolist()
    more = (totals + rows, conversations + rows, addresses + ADDRESSES_A_LINE)
    sizes = (
        max(len(old), 1 << (2 * used - 1).bit_length())
        for used, old in zip(more, (tables.totals, tables.conversations, tables.addresses), strict=True)
    )
    found = new_tables(*sizes)
    found.counts[:] = tables.counts
    found.maps[: tables.counts[N_MAPS] + 1] = tables.maps[: tables.counts[N_MAPS] + 1]
    found.map_of[:totals] = tables.map_of[:totals]
    for name, n in (("totals", totals), ("conversations", conversations), ("addresses", addresses)):
        table = getattr(found, name)
        table[:n] = getattr(tables, name)[:n]
        enter(getattr(found, f"{name}_index"), table, n)
    return found


def clear(tables: Tables) -> None:
    """Delete all rows."""
    totals, maps, *_ = tables.counts.tolist()
    tables.map_of[:totals] = 0
    tables.maps[: maps + 1] = 0
    for index in (tables.totals_index, tables.conversations_index, tables.addresses_index):
        index.fill(0)
    tables.counts.fill(0)


def newest_first(tables: Tables) -> int:
    """Return the newest `FIRST` of a row of totals in which a flow begins, epoch seconds, -1 for none."""
    rows = tables.totals[: tables.counts[N_TOTALS]]
    return int(rows[rows[:, FLOWS] > 0, FIRST].max(initial=-1))


@inlined
def fmix(value):  # type: ignore[no-untyped-def]
    """Return a 64-bit value in which every bit depends on all bits of `value`."""
    value ^= value >> _FMIX_SHIFT
    value *= _FMIX_1
    value ^= value >> _FMIX_SHIFT
    value *= _FMIX_2
    return value ^ value >> _FMIX_SHIFT


@inlined
def place(index, rows, used, a, b, c):  # type: ignore[no-untyped-def]
    """Return the number of the row with this key.

    If no row has it, enter it into the index and return `used`; the caller must then write that row.
    """
    h = uint64(a) * _MIX
    h = (h ^ h >> _FMIX_SHIFT ^ uint64(b)) * _FMIX_1
    h = (h ^ h >> _FMIX_SHIFT ^ uint64(c)) * _FMIX_2
    h ^= h >> _FMIX_SHIFT
    mask = uint64(index.shape[0] - 1)
    at = h & mask
    while True:
        entry = index[at]
        if entry == 0:
            index[at] = h & _TAG | uint64(used + 1)
            return used
        if (entry ^ h) & _TAG == 0:
            number = np.int64(entry & ~_TAG) - 1
            if rows[number, 0] == a and rows[number, 1] == b and rows[number, 2] == c:
                return number
        at = at + uint64(1) & mask


@uncounted
def enter(index, rows, used):  # type: ignore[no-untyped-def]
    """Enter the first `used` rows, which have different keys, into an empty index."""
    for number in range(used):
        place(index, rows, number, rows[number, 0], rows[number, 1], rows[number, 2])


@inlined
def has_room(tables, rows):  # type: ignore[no-untyped-def]
    """Return True if every table has space for one line of so many windows."""
    counts = tables.counts
    return (
        counts[N_TOTALS] + rows <= tables.totals.shape[0]
        and counts[N_CONVERSATIONS] + rows <= tables.conversations.shape[0]
        and counts[N_ADDRESSES] + ADDRESSES_A_LINE <= tables.addresses.shape[0]
    )


@inlined
def form_of(tables, hi, lo):  # type: ignore[no-untyped-def]
    """Return the form of an address, and its 32 bits. A new IPv6 address is added to the table."""
    if hi == 0 and lo >> uint64(32) == uint64(0xFFFF):
        return uint64(FORM_V4), lo & uint64(0xFFFFFFFF)
    if hi == 0 and lo == 0:
        return uint64(FORM_ABSENT), uint64(0)
    used = tables.counts[N_ADDRESSES]
    a, b = np.int64(hi), np.int64(lo)
    number = place(tables.addresses_index, tables.addresses, used, a, b, np.int64(0))
    if number == used:
        tables.addresses[number, 0], tables.addresses[number, 1], tables.addresses[number, 2] = a, b, 0
        tables.counts[N_ADDRESSES] = used + 1
    return uint64(FORM_V6), uint64(number)
