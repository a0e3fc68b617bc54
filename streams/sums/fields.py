"""The values of the tokens of a line, for the kernel: numbers, addresses, interface ids, words. Pure.

A token is `text[begin:end]`. Every function reads only spellings that it knows with certainty, without a
loop over characters where tokens are short: a mispredicted branch costs more than a whole number. `lines`
reads all other spellings.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from streams.compiled import inlined, uncounted
from streams.sums.words import dots16, load64, lowest, other_than_digits16

NO_NUMBER = -1

_DIGITS_MAX = 16
_HEX_MAX = 4
_GROUPS = 8
_V4_MAX = 15
_COLON, _DOT, _DASH = 58, 46, 45
_LONG_ID, _SHORT_ID = 21, 12

_BYTES = uint64(0x0101010101010101)
_LOW_NIBBLES, _HIGH_NIBBLES = uint64(0x0F0F0F0F0F0F0F0F), uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = uint64(0x0606060606060606)
_ZEROS = uint64(0x3030303030303030)
_HIGH_BITS = uint64(0x8080808080808080)
_ABOVE_NINE = uint64(0x7676767676767676)
_LOW_BYTE = uint64(0xFF)
_MAPPED = uint64(0xFFFF << 32)
_ENI = uint64(int.from_bytes(b"eni-", "little"))
_LOW_4, _LOW_6, _LOW_7 = uint64((1 << 32) - 1), uint64((1 << 48) - 1), uint64((1 << 56) - 1)
_ACCEPT, _REJECT = (uint64(int.from_bytes(word, "little")) for word in (b"ACCEPT", b"REJECT"))
_INGRESS, _EGRESS = (uint64(int.from_bytes(word, "little")) for word in (b"ingress", b"egress"))
_OK = uint64(int.from_bytes(b"OK", "little"))


@inlined
def _eight_digits(digits):  # type: ignore[no-untyped-def]
    """Return the number of eight digits, one a byte, the first in the lowest byte; -1 if one is no digit."""
    if ((digits + _ABOVE_NINE) | digits) & _HIGH_BITS:
        return NO_NUMBER
    digits = digits * uint64(10) + (digits >> uint64(8))
    pairs = digits & uint64(0x00FF00FF00FF00FF)
    pairs = pairs * uint64(100) + (pairs >> uint64(16))
    fours = pairs & uint64(0x0000FFFF0000FFFF)
    fours = fours * uint64(10_000) + (fours >> uint64(32))
    return np.int64(fours & _LOW_4)


@inlined
def number(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the decimal number of a token of at most 16 digits, `NO_NUMBER` for any other token."""
    size = end - begin
    first = load64(text, begin) ^ _ZEROS
    if size <= 8:
        return _eight_digits(first << uint64(64 - 8 * size & 63)) if size > 0 else NO_NUMBER
    if size > _DIGITS_MAX:
        return NO_NUMBER
    head = _eight_digits(first << uint64(128 - 8 * size & 63))
    tail = _eight_digits(load64(text, end - 8) ^ _ZEROS)
    return head * 100_000_000 + tail if head >= 0 and tail >= 0 else NO_NUMBER


@inlined
def _octet(text, begin, size):  # type: ignore[no-untyped-def]
    """Return the number of one to three digits, 256 or more if it is no octet as `ipaddress` reads it."""
    digits = (load64(text, begin) ^ _ZEROS) << uint64(64 - 8 * size & 63) >> uint64(40)
    value = (digits & _LOW_BYTE) * uint64(100) + (digits >> uint64(8) & _LOW_BYTE) * uint64(10)
    value += digits >> uint64(16)
    least = 0 if size == 1 else (10 if size == 2 else 100)
    return value if 0 < size <= 3 and value >= uint64(least) else uint64(256)


@inlined
def ipv4(text, begin, size):  # type: ignore[no-untyped-def]
    """Return the 32 bits of a dotted address of `size` characters; more than 32 bits if it is none."""
    inside = (uint64(1) << uint64(size & 63)) - uint64(1)
    dots = other_than_digits16(text, begin) & inside
    if dots != dots16(text, begin) & inside:
        return uint64(1) << uint64(63)
    a = lowest(dots)
    dots &= dots - uint64(1)
    b = lowest(dots)
    dots &= dots - uint64(1)
    c = lowest(dots)
    if dots == 0 or dots & (dots - uint64(1)) or size > _V4_MAX:
        return uint64(1) << uint64(63)
    first, second = _octet(text, begin, a), _octet(text, begin + a + 1, b - a - 1)
    third, fourth = _octet(text, begin + b + 1, c - b - 1), _octet(text, begin + c + 1, size - c - 1)
    # An octet of 256 sets a bit above its place, in `over`.
    over = (first | second | third | fourth) >> uint64(8)
    return over << uint64(32) | first << uint64(24) | second << uint64(16) | third << uint64(8) | fourth


@inlined
def _hex_group(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the number of the one to four lower-case hexadecimal digits at `begin`, and the next offset."""
    value, at = np.int64(0), begin
    while at < end and at - begin <= _HEX_MAX:
        c = np.int64(text[at])
        if 48 <= c <= 57:
            value = value << 4 | c - 48
        elif 97 <= c <= 102:
            value = value << 4 | c - 87
        else:
            break
        at += 1
    return value, at


@inlined
def _filled(hi, lo, groups, gap):  # type: ignore[no-untyped-def]
    """Return True and an address of `groups` groups, with zeros inserted at group `gap` (-1: nowhere).

    Returns False if that does not make eight groups. The words hold the groups in their low bits.
    """
    if gap < 0:
        return groups == _GROUPS, hi, lo
    if groups >= _GROUPS:
        return False, hi, lo
    tail = uint64(16 * (groups - gap))  # bits after the gap
    head = uint64(16 * (_GROUPS - gap))  # bits to move the groups before the gap by
    before_hi, before_lo = _right(hi, lo, tail)
    before_hi, before_lo = _left(before_hi, before_lo, head)
    after_hi, after_lo = _left(hi, lo, uint64(128) - tail)
    after_hi, after_lo = _right(after_hi, after_lo, uint64(128) - tail)
    return True, before_hi | after_hi, before_lo | after_lo


@inlined
def _left(hi, lo, bits):  # type: ignore[no-untyped-def]
    """Shift 128 bits to the left by a multiple of 16 bits, up to 128."""
    while bits >= uint64(64):
        hi, lo, bits = lo, uint64(0), bits - uint64(64)
    if bits:
        return hi << bits | lo >> (uint64(64) - bits), lo << bits
    return hi, lo


@inlined
def _right(hi, lo, bits):  # type: ignore[no-untyped-def]
    """Shift 128 bits to the right by a multiple of 16 bits, up to 128."""
    while bits >= uint64(64):
        hi, lo, bits = uint64(0), hi, bits - uint64(64)
    if bits:
        return hi >> bits, lo >> bits | hi << (uint64(64) - bits)
    return hi, lo


@uncounted
def _ipv6(text, begin, end):  # type: ignore[no-untyped-def]
    """Return True and the two words of an IPv6 address in lower case, else False."""
    bits_hi, bits_lo = uint64(0), uint64(0)  # the groups so far, as the low bits of 128
    groups, gap, at = 0, -1, begin
    no = (False, uint64(0), uint64(0))
    if text[at] == _COLON:
        if text[at + 1] != _COLON:
            return no
        gap, at = 0, at + 2
    while at < end:
        value, after = _hex_group(text, at, end)
        width = 1
        if after < end and text[after] == _DOT:
            mapped = ipv4(text, at, end - at)
            if mapped >> uint64(32):
                return no
            bits_hi, bits_lo = bits_hi << uint64(32) | bits_lo >> uint64(32), bits_lo << uint64(32) | mapped
            width, after = 2, end
        elif after == at or after - at > _HEX_MAX:
            return no
        else:
            bits_hi, bits_lo = (
                bits_hi << uint64(16) | bits_lo >> uint64(48),
                bits_lo << uint64(16) | uint64(value),
            )
        groups, at = groups + width, after
        if at < end:
            at += 1
            if text[at - 1] != _COLON or at == end:
                return no
            if text[at] == _COLON:
                if gap >= 0:
                    return no
                gap, at = groups, at + 1
    return _filled(bits_hi, bits_lo, groups, gap)


@inlined
def address(text, begin, end):  # type: ignore[no-untyped-def]
    """Return True and the two words of an address as AWS writes it; `-` is the address of zeros.

    Returns False for any other token. IPv4 is the mapped IPv6.
    """
    size = end - begin
    dotted = ipv4(text, begin, size)
    if dotted >> uint64(32) == 0:
        return True, uint64(0), _MAPPED | dotted
    if size == 1 and text[begin] == _DASH:
        return True, uint64(0), uint64(0)
    return _ipv6(text, begin, end)


@inlined
def _eight_hex(chars):  # type: ignore[no-untyped-def]
    """Return the number of eight lower-case hexadecimal digits, `NO_NUMBER` for any other eight bytes."""
    digits = (chars & _LOW_NIBBLES) + (chars >> uint64(6) & _BYTES) * uint64(9)
    letters = (digits + _SIXES) >> uint64(4) & _BYTES
    spelled = digits + _ZEROS + letters * uint64(39)  # "a" is 39 after the place of a tenth digit
    if (spelled ^ chars) | (digits & _HIGH_NIBBLES):
        return NO_NUMBER
    pairs = (digits << uint64(4) | digits >> uint64(8)) & uint64(0x00FF00FF00FF00FF)
    fours = (pairs << uint64(8) | pairs >> uint64(16)) & uint64(0x0000FFFF0000FFFF)
    return np.int64((fours << uint64(16) | fours >> uint64(32)) & _LOW_4)


@inlined
def interface_id(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the low 64 bits and the kind of an id as AWS writes it, the kind `NO_NUMBER` for other tokens.

    The kind is 0 for 8 digits, and 1 plus twice the first digit for 17 digits.
    """
    size = end - begin
    if load64(text, begin) & _LOW_4 != _ENI or size not in (_LONG_ID, _SHORT_ID):
        return uint64(0), NO_NUMBER
    if size == _SHORT_ID:
        low = _eight_hex(load64(text, begin + 4))
        return uint64(low), np.int64(0) if low >= 0 else NO_NUMBER
    # The first digit is read as the last of eight: zeros stand before it.
    first = _eight_hex(load64(text, begin + 4) << uint64(56) | _ZEROS >> uint64(8))
    high, low = _eight_hex(load64(text, begin + 5)), _eight_hex(load64(text, begin + 13))
    if first < 0 or high < 0 or low < 0:
        return uint64(0), NO_NUMBER
    return uint64(high) << uint64(32) | uint64(low), 1 + 2 * first


@inlined
def action(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the number of ACCEPT or REJECT (`lines.ACTIONS`), `NO_NUMBER` for other tokens."""
    word = load64(text, begin) & _LOW_6
    if end - begin != 6 or word not in (_ACCEPT, _REJECT):
        return NO_NUMBER
    return np.int64(word == _REJECT)


@inlined
def is_ok(text, begin, end):  # type: ignore[no-untyped-def]
    """Return True for the log status OK."""
    return end - begin == 2 and load64(text, begin) & uint64(0xFFFF) == _OK


@inlined
def direction(text, begin, end):  # type: ignore[no-untyped-def]
    """Return the number of a direction (`conversations.DIRECTIONS`), 0 for any other token."""
    word, size = load64(text, begin), end - begin
    if size == 7 and word & _LOW_7 == _INGRESS:
        return 1
    return 2 if size == 6 and word & _LOW_6 == _EGRESS else 0
