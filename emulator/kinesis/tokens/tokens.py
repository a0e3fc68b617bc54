"""Opaque strings that the service hands out and gets back: shard iterators and page tokens.

A token is base64 of eight version bytes, as AWS's shard iterators have them, a list of plain values and a
checksum. The checksum is against accidents, not against forgers: an emulator has nothing to steal.
Tokens hold the whole truth, so that they survive a restart of the server.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import orjson
import pybase64

_VERSION = bytes(7) + b"\x01"
_CHECKSUM_BYTES = 4

Value = str | int


def seal(values: Sequence[Value]) -> str:
    """Return the token that holds these values."""
    payload = _VERSION + orjson.dumps(list(values))
    checksum = zlib.crc32(payload).to_bytes(_CHECKSUM_BYTES, "big")
    return pybase64.b64encode(payload + checksum).decode("ascii")


def unseal(token: str) -> tuple[Value, ...] | None:
    """Return the values in a token, or None when it is not one of ours, whole."""
    try:
        raw = pybase64.b64decode(token, validate=True)
    except ValueError:  # binascii.Error is one
        return None
    payload, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if not payload.startswith(_VERSION) or zlib.crc32(payload).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
        return None
    return tuple(orjson.loads(payload[len(_VERSION) :]))
