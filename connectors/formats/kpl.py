"""KPL aggregates: Kinesis records into which the Kinesis Producer Library packs many user records.

An aggregate is the magic, a protobuf message, and the MD5 of that message. The connector needs three fields
of the message, so this module reads the wire format itself instead of with generated code. The index of a
user record in the list is its sub-sequence number, as in KCL. Keys and tags are skipped: keys only choose the
shard, and no library writes tags. Sources: "KPL Aggregated Record Format" of awslabs/amazon-kinesis-producer;
protobuf.dev, "Encoding".

KCL (`AggregatorUtil.deaggregate`) returns an aggregate with a bad checksum or a broken message as a plain
record. This module refuses it: the magic is not UTF-8, so no text begins with it, and damaged bytes must not
be counted as lines.

If a shard is split, KPL sends again the user records whose hash key belongs to another shard. Until it knows
the new shards (before 0.15.11: always), it also sends the rest of their aggregate again (its `retrier.cc`).
KCL drops an aggregate that has a user record of another shard. That loses records if KPL does not send the
rest again, and with aggregators that know no shards, as AWS's own kinesis-aggregation (its issue 11). A
record does not show which case it is. This module keeps all records: some may be counted twice, none is lost.
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
_RECORD = 3 << 3 | _BYTES  # of AggregatedRecord: a user record
_DATA = 3 << 3 | _BYTES  # of Record: the data of the user record
_FIELD_FROM, _FIELD_TO = 1 << 3, 1 << 32  # field numbers are 1 to 2^29 - 1
_VARINT_MAX_BITS = 70  # ten bytes of seven


class BadAggregate(ValueError):
    """The bytes are not a whole KPL aggregate; the message is the reason, one of a few phrases."""


def is_aggregate(data: bytes) -> bool:
    """Return whether a record begins as a KPL aggregate does."""
    return data.startswith(MAGIC)


def split(data: bytes) -> list[bytes]:
    """Return the user records of an aggregate, in order. Raises `BadAggregate` for any other bytes."""
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
            found = data[begin:after]  # The last one of a repeated field counts.
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
    """Return the number at `at`, seven bits per byte, the lowest first, and the offset after it."""
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
