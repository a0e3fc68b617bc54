"""The framing of `application/vnd.amazon.eventstream`, the encoding of a subscription's events.

A message is a prelude (total length, headers' length, CRC-32 of these eight bytes), headers, a payload, and a
CRC-32 of everything before it. All headers here are strings (type 7). The first message is the response of
the call (`initial-response`); botocore and the Java SDK require it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from zlib import crc32

from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import Format

_STRING = 7
_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_FRAME_BYTES = 16  # The prelude with its CRC, and the last CRC.


def event(name: str, payload: bytes, format: Format) -> bytes:
    """Return the message of one event."""
    return message(_headers("event", ":event-type", name, format.value), payload)


def initial_response(format: Format) -> bytes:
    """Return the first message of a stream: the call's response, which has no fields."""
    return event("initial-response", wire.write({}, format), format)


def exception(refused: Refused, format: Format) -> bytes:
    """Return the message that ends a stream with an error."""
    payload = wire.write({"message": refused.message}, format)
    return message(_headers("exception", ":exception-type", refused.code, format.value), payload)


def message(headers: bytes, payload: bytes) -> bytes:
    """Frame one message."""
    prelude = _PRELUDE.pack(_FRAME_BYTES + len(headers) + len(payload), len(headers))
    checked = b"".join((prelude, _CRC.pack(crc32(prelude)), headers, payload))
    return checked + _CRC.pack(crc32(checked))


@lru_cache(maxsize=64)
def _headers(message_type: str, kind: str, name: str, content_type: str) -> bytes:
    pairs = ((":message-type", message_type), (kind, name), (":content-type", content_type))
    return b"".join(_header(key, value) for key, value in pairs)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return b"%c%b%c%b%b" % (len(key), key, _STRING, struct.pack(">H", len(text)), text)
