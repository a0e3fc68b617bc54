"""The hot loop: it parses lines and sums them in an open-addressing table, in one pass.

The loop sums only lines that it parses with certainty: exact field count, single spaces, plain decimal
numbers, a canonical `eni-` id, `ACCEPT` or `REJECT`, `OK`, and optionally an ISO time in front. It returns
the offsets of every other line for `lines.parse_line`. A table row is eight 64-bit words, one cache line;
keys are compared in full. Only rows of rejected traffic have bit maps of ports and sources, as rows of a
second array. The loop measured 6.5 M lines per CPU-second, Polars 2 to 3 M.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from connectors.event_time import FIRST_S
from streams.compiled import kernel

WORDS = 8
LO, WINDOW, PACKED, FLOWS, PACKETS, BYTES, FIRST, LAST = range(WORDS)
# PACKED: bit 0 in use, bits 1-2 action, 3-11 protocol, 12 a 17-digit id, 13-16 its first digit: these are
# part of the key. Bits 32 and up: the number of the maps of the row, 0 for none.
MAPS_AT = 32

MAP_BITS = 1024  # per map; `partials.estimate` states the error
MAP_WORDS = MAP_BITS // 64

MIX = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a, 64 bits
# Fibonacci hashing spreads an arithmetic progression more evenly than random values, but linear counting
# assumes random values. The maps therefore use the finalizer of MurmurHash3 (fmix64), which mixes fully.
FMIX_1, FMIX_2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53

DONE, TABLE_FULL, ODD_FULL = 0, 1, 2

_SPACE, _NEWLINE, _ZERO = 32, 10, 48
_TIME = np.frombuffer(b"0000-00-00T00:00:00", np.uint8)  # a zero matches any digit
_TIME_SIZE = len(_TIME)
_MIX, _FNV_OFFSET, _FNV_PRIME = uint64(MIX), uint64(FNV_OFFSET), uint64(FNV_PRIME)
_WINDOW_MIX, _FMIX_SHIFT = uint64(0xC2B2AE3D27D4EB4F), uint64(33)
_FMIX_1, _FMIX_2 = uint64(FMIX_1), uint64(FMIX_2)
_KEY = np.int64((1 << MAPS_AT) - 1)
_BIT_AT = uint64(64 - MAP_BITS.bit_length() + 1)


@kernel
def _is_time(buf, at):  # type: ignore[no-untyped-def]
    """Return True if an ISO time begins at `at`, as in lines that CloudWatch Logs exports."""
    for i in range(_TIME_SIZE):
        c = buf[at + i]
        if _TIME[i] == _ZERO:
            if c < 48 or c > 57:
                return False
        elif c != _TIME[i]:
            return False
    return True


@kernel
def _bit(value):  # type: ignore[no-untyped-def]
    """Return the number of the bit of a value in a map."""
    value ^= value >> _FMIX_SHIFT
    value *= _FMIX_1
    value ^= value >> _FMIX_SHIFT
    value *= _FMIX_2
    value ^= value >> _FMIX_SHIFT
    return value >> _BIT_AT


@kernel
def scan(buf, at, codes, width_s, latest, table, used, used_n, maps, maps_n, odd):  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0913, PLR0915, PLR0917
    """Sum the lines from offset `at` on.

    Returns status, next offset, used rows, used maps, number of odd lines, and number of summed lines. An odd
    line is one that `lines.parse_line` must parse; `odd` receives its start and end. A line with a `start`
    after `latest` (epoch seconds), or before flow logs existed, is odd. `maps` has one row for each row of
    the table that can be used, and row 0 remains empty.
    """
    n = buf.shape[0]
    columns = codes.shape[0]
    mask = table.shape[0] - 1
    room = table.shape[0] // 2
    odd_n = 0
    summed = 0
    while at < n:
        if used_n >= room:
            return TABLE_FULL, at, used_n, maps_n, odd_n, summed
        if odd_n >= odd.shape[0]:
            return ODD_FULL, at, used_n, maps_n, odd_n, summed
        begin = at
        ok = True
        lo = uint64(0)
        packed = uint64(1)
        action = 4
        protocol = uint64(256)
        packets = 0
        size = 0
        start = -1
        end = -1
        source = _FNV_OFFSET
        port = 0
        if at + _TIME_SIZE < n and buf[at + 4] == 45 and buf[at + 10] == 84 and _is_time(buf, at):
            after = at + _TIME_SIZE
            while after < n and buf[after] > _SPACE:
                after += 1
            if after < n and buf[after] == _SPACE:
                at = after + 1
        for column in range(columns):
            code = codes[column]
            token = at
            if code == 1:
                # eni- and 17 (bits 12-16 set) or 8 lower-case hexadecimal digits
                if (
                    at + 12 > n
                    or buf[at] != 101
                    or buf[at + 1] != 110
                    or buf[at + 2] != 105
                    or buf[at + 3] != 45
                ):
                    ok = False
                    break
                at += 4
                first = at
                nibble = uint64(0)
                while at < n:
                    c = buf[at]
                    if 48 <= c <= 57:
                        digit = uint64(c - 48)
                    elif 97 <= c <= 102:
                        digit = uint64(c - 87)
                    else:
                        break
                    if at == first:
                        nibble = digit
                    lo = (lo << uint64(4)) | digit
                    at += 1
                if at - first == 17:
                    packed |= (uint64(1) << uint64(12)) | (nibble << uint64(13))
                elif at - first != 8:
                    ok = False
                    break
            elif code == 0:
                while at < n and buf[at] > _SPACE:
                    at += 1
            elif code == 2:
                while at < n and buf[at] > _SPACE:
                    source = (source ^ uint64(buf[at])) * _FNV_PRIME
                    at += 1
            elif code == 9:
                # ACCEPT or REJECT, compared in full
                if at + 6 > n:
                    ok = False
                    break
                a, b, c, d, e, f = buf[at], buf[at + 1], buf[at + 2], buf[at + 3], buf[at + 4], buf[at + 5]
                if a == 65 and b == 67 and c == 67 and d == 69 and e == 80 and f == 84:
                    action = 0
                elif a == 82 and b == 69 and c == 74 and d == 69 and e == 67 and f == 84:
                    action = 1
                else:
                    ok = False
                    break
                at += 6
            elif code == 10:
                if at + 2 > n or buf[at] != 79 or buf[at + 1] != 75:
                    ok = False
                    break
                at += 2
            else:
                value = 0
                while at < n:
                    digit10 = buf[at] - _ZERO
                    if digit10 < 0 or digit10 > 9 or at - token > 13:
                        break
                    value = value * 10 + digit10
                    at += 1
                if code == 3:
                    port = value
                elif code == 4:
                    if value > 255:
                        ok = False
                        break
                    protocol = uint64(value)
                elif code == 5:
                    packets = value
                elif code == 6:
                    size = value
                elif code == 7:
                    start = value
                else:
                    end = value
            if at == token:
                ok = False
                break
            if column + 1 < columns:
                if at >= n or buf[at] != _SPACE:
                    ok = False
                    break
                at += 1
        if ok and (at < n and buf[at] != _NEWLINE):
            ok = False
        # 35 TB, the year 5138, 64 KiB: see NUMBER_MAX, MILLISECONDS_FROM and LINE_MAX_BYTES of `lines`
        if packets > 35184372088832 or size > 35184372088832 or start >= 100000000000 or end >= 100000000000:
            ok = False
        if port > 35184372088832 or at - begin > 65536 or start > latest or start < FIRST_S:
            ok = False
        if not ok or action == 4:
            while at < n and buf[at] != _NEWLINE:
                at += 1
            odd[odd_n, 0] = begin
            odd[odd_n, 1] = at
            odd_n += 1
            at += 1
            continue
        at += 1
        summed += 1
        if end < 0:
            end = start
        window = start // width_s
        packed |= (uint64(action) << uint64(1)) | (protocol << uint64(3))
        h = lo * _MIX ^ uint64(window) * _WINDOW_MIX ^ packed * _FNV_PRIME
        h ^= h >> uint64(29)
        k = np.int64(h & uint64(mask))
        while True:
            row = table[k]
            if row[2] == 0:
                row[0] = np.int64(lo)
                row[1] = window
                row[2] = np.int64(packed)
                if action == 1:
                    maps_n += 1
                    row[2] |= np.int64(maps_n) << MAPS_AT
                row[6] = start
                row[7] = end
                used[used_n] = k
                used_n += 1
                break
            if row[0] == np.int64(lo) and row[1] == window and row[2] & _KEY == np.int64(packed):
                row[6] = min(row[6], start)
                row[7] = max(row[7], end)
                break
            k = (k + 1) & mask
        row[3] += 1
        row[4] += packets
        row[5] += size
        if action == 1:
            bits = maps[row[2] >> MAPS_AT]
            bit = _bit(uint64(port))
            bits[np.int64(bit >> uint64(6))] |= uint64(1) << (bit & uint64(63))
            bit = _bit(source)
            bits[MAP_WORDS + np.int64(bit >> uint64(6))] |= uint64(1) << (bit & uint64(63))
    return DONE, at, used_n, maps_n, odd_n, summed


@kernel
def rehash(old, used, used_n, table):  # type: ignore[no-untyped-def]
    """Copy the used rows of `old` to the larger, empty `table`; `used` receives their new indexes."""
    mask = table.shape[0] - 1
    for i in range(used_n):
        row = old[used[i]]
        h = uint64(row[0]) * _MIX ^ uint64(row[1]) * _WINDOW_MIX ^ uint64(row[2] & _KEY) * _FNV_PRIME
        h ^= h >> uint64(29)
        k = np.int64(h & uint64(mask))
        while table[k, 2] != 0:
            k = (k + 1) & mask
        table[k] = row
        used[i] = k


def port_bit(port: int) -> int:
    """Return the bit of a destination port in the first map, as `scan` computes it."""
    return _bit_of(port)


def source_bit(address: bytes) -> int:
    """Return the bit of a source address in the second map, as `scan` computes it."""
    h = FNV_OFFSET
    for byte in address:
        h = ((h ^ byte) * FNV_PRIME) & (2**64 - 1)
    return _bit_of(h)


def _bit_of(value: int) -> int:
    """Return the result of `_bit`, computed with Python integers."""
    value ^= value >> 33
    value = value * FMIX_1 & (2**64 - 1)
    value ^= value >> 33
    value = value * FMIX_2 & (2**64 - 1)
    value ^= value >> 33
    return value >> 64 - (MAP_BITS.bit_length() - 1)


def new_table(rows: int) -> Any:
    """Return an empty table; `rows` must be a power of two."""
    return np.zeros((rows, WORDS), np.int64)


def new_maps(rows: int) -> Any:
    """Return empty maps for a table of `rows` rows, of which half can be used."""
    return np.zeros((rows // 2 + 2, 2 * MAP_WORDS), np.uint64)
