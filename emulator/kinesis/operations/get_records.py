"""GetRecords: the records at an iterator, and the iterator after them.

At most 10,000 records and 10 MiB of payload. An ended shard whose last record has been read has no next
iterator, and names its children instead; the answer with that last record may be the one that says so.
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from emulator.kinesis import errors, iterators, sequence_numbers
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_child
from emulator.kinesis.shards import Shard
from emulator.kinesis.streams import Stream

MOST_RECORDS = 10_000
MOST_PAYLOAD_BYTES = 10 << 20


def get_records(call: Call) -> Output:
    """Answer with records."""
    place = iterators.read(call.text("ShardIterator"), call.now_ms)
    stream, shard = _find(call, place)
    call.store.expire(stream, shard, call.now_ms)
    limit = call.number("Limit", MOST_RECORDS)
    part = shard.read(place.index, limit, MOST_PAYLOAD_BYTES, call.now_ms)
    if call.flag("DryRun"):
        raise errors.dry_run()
    if shard.ended_ms is not None and part.next_index >= shard.next_index:
        after = b'"ChildShards":' + _children(stream, shard)
    else:
        token = iterators.make(replace(place, index=part.next_index), call.now_ms)
        after = b'"NextShardIterator":"%s"' % token.encode()
    return b'{"Records":[%s],"MillisBehindLatest":%d,%s}' % (
        b",".join(part.texts),
        part.millis_behind_latest,
        after,
    )


def _find(call: Call, place: iterators.ShardIterator) -> tuple[Stream, Shard]:
    if place.region != call.scope.region:
        raise errors.invalid_argument("Invalid ShardIterator.")
    if call.text("StreamARN") not in {"", call.scope.stream_arn(place.stream_name)}:
        # Nobody has published AWS's sentence for this one.
        raise errors.invalid_argument("The ShardIterator is not of the stream that StreamARN names.")
    stream = call.store.find(call.scope, place.stream_name, call.now_ms)
    if stream is None or stream.created_ms != place.created_ms or place.shard >= len(stream.shards):
        raise errors.shard_not_found(
            sequence_numbers.shard_id(place.shard), place.stream_name, call.scope.account
        )
    return stream, stream.shards[place.shard]


def _children(stream: Stream, shard: Shard) -> bytes:
    return orjson.dumps([describe_child(child) for child in stream.shards if shard.number in child.parents])
