"""The encoding of opaque tokens: shard iterators and pagination tokens.

A token is base64 of eight version bytes, as in AWS's shard iterators, a list of plain values and a checksum.
The checksum detects damaged tokens; it does not prevent forgery. The server keeps no state for tokens, so
they remain valid across a restart.
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
    """Return the token of a list of values."""
    payload = _VERSION + orjson.dumps(list(values))
    checksum = zlib.crc32(payload).to_bytes(_CHECKSUM_BYTES, "big")
    return pybase64.b64encode(payload + checksum).decode("ascii")


def unseal(token: str) -> tuple[Value, ...] | None:
    """Return the values in a token, or None if it is damaged or foreign."""
    try:
        raw = pybase64.b64decode(token, validate=True)
    except ValueError:  # The base class of binascii.Error.
        return None
    payload, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if not payload.startswith(_VERSION) or zlib.crc32(payload).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
        return None
    return tuple(orjson.loads(payload[len(_VERSION) :]))
