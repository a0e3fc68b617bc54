"""AWS CBOR 1.1, the protocol of AWS's Java SDKs: decoding of requests and encoding of answers.

Differences from JSON 1.1: a blob is a byte string, and a time is tag 1 with integer *milliseconds*, although
RFC 8949 defines seconds (aws-sdk-java-v2 `SdkCborGenerator.writeValue(Instant)`). Decoding converts times to
seconds, as in JSON. All CBOR features that the SDKs do not use (sets, decimals, cycles, non-text keys) are
refused.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NoReturn, Protocol

import cbor2

DEPTH_MAX = 32  # The deepest request has five levels.
_TIME_TAG = 1
_PLAIN = frozenset({str, bytes, int, bool, type(None)})
_BYTE, _SHORT, _WORD = 24, 1 << 8, 1 << 16
_TEXT, _BYTES, _ARRAY = 0x60, 0x40, 0x80

Head = struct.Struct(">BI").pack


class BadCbor(ValueError):
    """The bytes are not CBOR, or use a feature that AWS clients do not use."""


class _Time(Protocol):
    """A time in an answer, in milliseconds since the epoch."""

    ms: int


def _time(value: object, _: bool) -> object:
    if type(value) not in {int, float}:
        raise BadCbor("a time that is not a number")
    return value / 1000  # type: ignore[operator]


def _strange(value: object, _: bool = False) -> NoReturn:
    raise BadCbor(f"a tagged value: {type(value).__name__}")


# All tags that cbor2 decodes; it passes other tags to `tag_hook`.
_DECODERS = {
    **dict.fromkeys(
        (0, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799), _strange
    ),
    _TIME_TAG: _time,
}


def loads(body: bytes) -> object:
    """Decode a body. Raises `BadCbor`."""
    try:
        value = cbor2.loads(body, semantic_decoders=_DECODERS, tag_hook=_strange, max_depth=DEPTH_MAX)
    except (cbor2.CBORError, ValueError, OverflowError) as error:
        raise BadCbor(str(error)) from None
    _check(value, DEPTH_MAX)
    return value


def _check(value: object, depth: int) -> None:
    """Refuse values that JSON does not have, except blobs. Raises `BadCbor`."""
    if not depth:
        raise BadCbor("nested too deep, or in itself")  # Tags 28 and 29 can make a list its own member.
    if type(value) is dict:
        for key, member in value.items():
            if type(key) is not str:
                raise BadCbor("a key that is not a text")
            if type(member) not in _PLAIN:
                _check(member, depth - 1)
    elif type(value) is list:
        for member in value:
            if type(member) not in _PLAIN:
                _check(member, depth - 1)
    elif type(value) is float:
        if value != value:  # noqa: PLR0124  NaN does not exist in JSON, and comparisons with it fail.
            raise BadCbor("not a number")
    elif type(value) not in _PLAIN:
        raise BadCbor(f"a {type(value).__name__}")


def dumps(value: Mapping[str, object], time_type: type[_Time]) -> bytes:
    """Encode an answer. Values of `time_type` have their milliseconds in `.ms`."""

    def default(encoder: cbor2.CBOREncoder, item: object) -> None:
        if not isinstance(item, time_type):
            raise TypeError(f"{type(item).__name__} cannot stand in an answer")
        encoder.encode(cbor2.CBORTag(_TIME_TAG, item.ms))

    return cbor2.dumps(value, default=default)


def dumps_value(value: object) -> bytes:
    """Encode a value without times."""
    return cbor2.dumps(value)


def text(value: str) -> bytes:
    """Encode a text."""
    raw = value.encode()
    return text_head(len(raw)) + raw


def text_head(size: int) -> bytes:
    """Return the head of a text of `size` bytes."""
    return head(_TEXT, size)


def blob_head(size: int) -> bytes:
    """Return the head of a byte string of `size` bytes."""
    return head(_BYTES, size)


def array_head(count: int) -> bytes:
    """Return the head of a list with `count` members."""
    return head(_ARRAY, count)


def time(at_ms: int) -> bytes:
    """Encode a time in milliseconds since the epoch."""
    return b"\xc1\x1b" + at_ms.to_bytes(8, "big")


def integer(value: int) -> bytes:
    """Encode a non-negative integer."""
    return b"\x1b" + value.to_bytes(8, "big")


def head(major: int, size: int) -> bytes:
    """Return the head of a text, a byte string or a list: major type and size."""
    if size < _BYTE:
        return bytes((major + size,))
    if size < _SHORT:
        return bytes((major + 24, size))
    if size < _WORD:
        return bytes((major + 25, size >> 8, size & 255))
    return Head(major + 26, size)
