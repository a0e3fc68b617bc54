"""The encoded form of stored records: encoded once at the put, in the format of the request.

The first byte identifies the format (`{`, or a CBOR map of four or five fields). For a reader with the same
format the text is used unchanged; for the other format it is converted.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import cast

import orjson
from pybase64 import b64decode, b64encode

from emulator.kinesis.protocol import cbor
from emulator.kinesis.protocol.wire import Format, Time

NUMBER_HEAD = b"\x78\x38"
"""The CBOR head of a sequence number: a text of 56 characters, the length of all numbers here."""
_BRACE = ord("{")
_BRACES = frozenset({_BRACE})
_first = itemgetter(0)
_JSON_HEAD = b'{"SequenceNumber":"'
_JSON_KEY = b'","PartitionKey":'
_ARRIVED = "ApproximateArrivalTimestamp"
_FIELDS = 0xA4  # A CBOR map of four fields; with `EncryptionType`, five.
_NUMBER = cbor.text("SequenceNumber")
_AT, _DATA = cbor.text(_ARRIVED), cbor.text("Data")
# A partition key has at most 256 characters, which are at most 1,024 bytes.
_KEY_HEADS = tuple(cbor.text("PartitionKey") + cbor.text_head(size) for size in range(1025))


class Writer:
    """The encoder of the records of one request and shard, in the format of the request."""

    __slots__ = ("_before", "_blob_bytes", "_blob_head", "_middle")

    def __init__(self, format: Format, arrival_ms: int, encryption_type: str = "") -> None:
        self._blob_bytes, self._blob_head = -1, b""
        if format is Format.JSON:
            kind = f',"EncryptionType":"{encryption_type}"' if encryption_type else ""
            self._middle = f'","{_ARRIVED}":{arrival_ms / 1000}{kind},"Data":"'.encode()
            self._before = _JSON_HEAD
        else:
            kind_bytes = cbor.text("EncryptionType") + cbor.text(encryption_type) if encryption_type else b""
            self._before = bytes((_FIELDS + bool(encryption_type),)) + _NUMBER + NUMBER_HEAD
            self._middle = _AT + cbor.time(arrival_ms) + kind_bytes + _DATA

    def write(self, number: bytes, key: str, data: str | bytes) -> bytes:
        """Return the encoded record. The data is a base64 text for JSON, and bytes for CBOR."""
        if isinstance(data, str):
            parts = (self._before, number, self._middle, data.encode(), _JSON_KEY, orjson.dumps(key), b"}")
            return b"".join(parts)
        key_bytes = key.encode()
        if len(data) != self._blob_bytes:  # A producer's records often have the same size.
            self._blob_bytes = len(data)
            self._blob_head = self._middle + cbor.blob_head(len(data))
        head = _KEY_HEADS[len(key_bytes)]
        return b"".join((self._before, number, self._blob_head, data, head, key_bytes))


def in_format(texts: Iterable[bytes], format: Format) -> list[bytes]:
    """Return records in one format. Records that already have it are not copied."""
    given = list(texts)
    firsts = set(map(_first, given))  # Most streams are read in the format in which they are written.
    if format is Format.JSON:
        return given if firsts <= _BRACES else [t if t[0] == _BRACE else _to_json(t) for t in given]
    return given if _BRACE not in firsts else [t if t[0] != _BRACE else _to_cbor(t) for t in given]


def in_list(before: bytes, texts: list[bytes], after: bytes, format: Format) -> bytes:
    """Return a list of records in one format, between `before` and `after`. The data is copied once."""
    texts = in_format(texts, format)
    if format is Format.CBOR:
        return b"".join((before, cbor.array_head(len(texts)), *texts, after))
    if not texts:
        return b"%b[]%b" % (before, after)
    texts[0] = b"%b[%b" % (before, texts[0])
    texts[-1] = b"%b]%b" % (texts[-1], after)
    return b",".join(texts)


def _to_json(text: bytes) -> bytes:
    record = cast("dict[str, object]", cbor.loads(text))
    record["Data"] = b64encode(cast("bytes", record["Data"])).decode("ascii")
    return orjson.dumps(record)


def _to_cbor(text: bytes) -> bytes:
    record = orjson.loads(text)
    record[_ARRIVED] = Time(round(record[_ARRIVED] * 1000))
    record["Data"] = b64decode(record["Data"])
    return cbor.dumps(record, Time)
