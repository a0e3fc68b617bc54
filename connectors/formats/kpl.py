"""Split a KPL aggregate: one Kinesis record into which Amazon's producer library packed many user records.

It is the magic, a protobuf message, and the MD5 of that message. Of the message three fields matter, so the
wire format is read here, in a page, instead of by a dependency with generated code. A user record's place in
the list is its sub-sequence number, as KCL counts them. Keys and tags are skipped: keys chose the shard, and
no library writes tags. Sources: "KPL Aggregated Record Format" of awslabs/amazon-kinesis-producer;
protobuf.dev, "Encoding".

KCL (`AggregatorUtil.deaggregate`) hands on an aggregate with a bad checksum or a broken message as if it were
a plain record. Here it is refused: the magic is no UTF-8, so no text begins with it, and what is damaged must
not be counted as lines by chance.

When a shard was split under KPL, it puts again the user records whose hash key is another shard's, and until
it knows the new shard (before 0.15.11: always) the rest of their aggregate, too (its `retrier.cc`). KCL drops
an aggregate in which one is another shard's. Not here: that loses the rest when KPL does not put it again,
and aggregators that know no shards, as AWS's own kinesis-aggregation, lose records by it (its issue 11). No
record says which it is, so the choice is between lost and twice, and is twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5

MAGIC = b"\xf3\x89\x9a\xc2"
USER_RECORDS_MAX = 1 << 16  # KPL fills 1 MiB at most (AggregationMaxSize): 34,000 of the shortest lines
TRUNCATED_REASON = "truncated KPL aggregate"
CHECKSUM_REASON = "KPL aggregate with a bad checksum"
BROKEN_REASON = "broken KPL aggregate"
COUNT_REASON = "too many user records"

_DIGEST_BYTES = 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types; those of groups, 3 and 4, are in no message
_RECORD = 3 << 3 | _BYTES  # of AggregatedRecord: one user record
_DATA = 3 << 3 | _BYTES  # of Record: what the user put
_FIELD_FROM, _FIELD_TO = 1 << 3, 1 << 32  # field numbers are 1 to 2^29 - 1
_VARINT_MAX_BITS = 70  # ten bytes of seven


class BadAggregate(ValueError):
    """The bytes are no whole KPL aggregate; the message is why, one of a few phrases."""


def is_aggregate(data: bytes) -> bool:
    """Say whether a record begins as a KPL aggregate does."""
    return data.startswith(MAGIC)


def split(data: bytes) -> list[bytes]:
    """Return the user records of an aggregate, in order. Raises `BadAggregate`, whatever the bytes are."""
    end = len(data) - _DIGEST_BYTES
    if not is_aggregate(data):
        raise BadAggregate("no KPL aggregate")
    if end < len(MAGIC):
        raise BadAggregate(TRUNCATED_REASON)
    message = memoryview(data)[len(MAGIC) : end]
    if md5(message, usedforsecurity=False).digest() != data[end:]:
        raise BadAggregate(CHECKSUM_REASON)
    found: list[bytes] = []
    for field, begin, after in _fields(data, len(MAGIC), end):
        if field == _RECORD:
            if len(found) == USER_RECORDS_MAX:
                raise BadAggregate(COUNT_REASON)
            found.append(_user_data(data, begin, after))
    return found


def _user_data(data: bytes, at: int, end: int) -> bytes:
    found = None
    for field, begin, after in _fields(data, at, end):
        if field == _DATA:
            found = data[begin:after]  # Of a field that is there twice, the last one counts.
    if found is None:
        raise BadAggregate(BROKEN_REASON)
    return found


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield each field of the message `data[at:end]`: its number and wire type, its value's begin and end."""
    while at < end:  # Most numbers are of one byte, and a call would cost more than reading it.
        field, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at, end)
        wire = field & 7
        if wire == _BYTES:
            size, at = (data[at], at + 1) if at < end and data[at] < 0x80 else _varint(data, at, end)
            after = at + size
        elif wire == _VARINT:
            _, after = _varint(data, at, end)
        elif wire in (_FIXED64, _FIXED32):
            after = at + (8 if wire == _FIXED64 else 4)
        else:
            raise BadAggregate(BROKEN_REASON)
        if after > end or not _FIELD_FROM <= field < _FIELD_TO:
            raise BadAggregate(BROKEN_REASON)
        yield field, at, after
        at = after


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, the lowest first; return it and the place after it."""
    value = 0
    for bits in range(0, _VARINT_MAX_BITS, 7):
        if at == end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << bits
        if byte < 0x80:
            return value, at
    raise BadAggregate(BROKEN_REASON)
