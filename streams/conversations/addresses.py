"""The text of many addresses at once: columns of words in, a column of strings out. Pure.

IPv4 is dotted. IPv6 is compressed lower case (RFC 5952), as Python's `ipaddress` and AWS write it. The absent
address is "".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numba import uint64

from streams.compiled import kernel

_TEXT_MAX = 39
_MAPPED = uint64(0xFFFF)
_DOT, _COLON, _ZERO, _LETTER = 46, 58, 48, 87


def to_text(hi: Any, lo: Any) -> pl.Series:
    """Return the text of each address; `hi` and `lo` are its words as 64-bit integers."""
    if not len(hi) or not (hi.any() or lo.any()):
        return pl.Series([""], dtype=pl.String).new_from_index(0, len(hi))
    out = np.empty(len(hi) * _TEXT_MAX, np.uint8)
    ends = np.zeros(len(hi) + 1, np.int64)
    size = _render(
        np.ascontiguousarray(hi).view(np.uint64), np.ascontiguousarray(lo).view(np.uint64), out, ends
    )
    # `_from_buffers` is Polars' constructor for its interchange protocol. A list of Python strings costs ten
    # times as much.
    return pl.Series._from_buffers(pl.String, [pl.Series(out[:size]), pl.Series(ends)])


@kernel
def _render(hi, lo, out, ends):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(hi)):
        if hi[i] == 0 and lo[i] >> uint64(32) == _MAPPED:
            at = _ipv4(out, at, lo[i])
        elif hi[i] != 0 or lo[i] != 0:
            at = _ipv6(out, at, hi[i], lo[i])
        ends[i + 1] = at
    return at


@kernel
def _ipv4(out, at, lo):  # type: ignore[no-untyped-def]
    for n in range(4):
        if n:
            out[at] = _DOT
            at += 1
        part = (lo >> uint64(24 - 8 * n)) & uint64(255)
        if part >= 100:
            out[at] = _ZERO + part // uint64(100)
            at += 1
        if part >= 10:
            out[at] = _ZERO + part // uint64(10) % uint64(10)
            at += 1
        out[at] = _ZERO + part % uint64(10)
        at += 1
    return at


@kernel
def _group(hi, lo, n):  # type: ignore[no-untyped-def]
    word = hi if n < 4 else lo
    return (word >> uint64(48 - 16 * (n % 4))) & uint64(0xFFFF)


@kernel
def _ipv6(out, at, hi, lo):  # type: ignore[no-untyped-def]
    """Write an address. The first longest run of at least two zero groups becomes `::`."""
    best, longest, run = -1, 1, 0
    for n in range(8):
        run = run + 1 if _group(hi, lo, n) == 0 else 0
        if run > longest:
            best, longest = n - run + 1, run
    n = 0
    while n < 8:
        if n == best:
            out[at] = _COLON
            out[at + 1] = _COLON
            at += 2
            n += longest
            continue
        if (n and n != best + longest) or (n and best < 0):
            out[at] = _COLON
            at += 1
        at = _hex(out, at, _group(hi, lo, n))
        n += 1
    return at


@kernel
def _hex(out, at, value):  # type: ignore[no-untyped-def]
    is_begun = False
    for shift in (12, 8, 4, 0):
        digit = (value >> uint64(shift)) & uint64(15)
        if digit or is_begun or shift == 0:
            out[at] = _ZERO + digit if digit < 10 else _LETTER + digit
            at += 1
            is_begun = True
    return at
