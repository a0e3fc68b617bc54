"""GetRecords: the records at an iterator, and the next iterator.

An answer has at most 10,000 records and 10 MiB of payload. If it contains the last record of a closed shard,
or nothing is left to read, it names the child shards and has no next iterator.
"""

from __future__ import annotations

import orjson

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.protocol import cbor
from emulator.kinesis.protocol.record_texts import in_list
from emulator.kinesis.protocol.wire import Format
from emulator.kinesis.state import sequence_numbers
from emulator.kinesis.state.shards import LastRead, Shard, Slice
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.subscription import children_of
from emulator.kinesis.tokens import iterators

MOST_RECORDS = 10_000
MOST_PAYLOAD_BYTES = 10 << 20


def get_records(call: Call) -> Output:
    """Answer with records."""
    # AWS accepts an iterator in quotes, as the AWS CLI prints it (LocalStack's suite, validated against
    # AWS: `test_get_records_shard_iterator_with_surrounding_quotes`).
    place = iterators.read(_unquoted(call.text("ShardIterator")), call.now_ms)
    stream, shard = _find(call, place)
    throttle = call.store.throttle
    if throttle is not None:
        throttle.check_read(stream, shard, call.now_ms)
    call.store.expire(stream, shard, call.now_ms)
    limit = call.number("Limit", MOST_RECORDS)
    part = shard.read(place.index, limit, MOST_PAYLOAD_BYTES, call.now_ms)
    if call.flag("DryRun"):
        raise errors.dry_run()
    if throttle is not None:
        throttle.count_read(stream, shard, part.payload_bytes, call.now_ms)
    shard.last_read = LastRead(call.now_ms, part.millis_behind_latest)
    children: list[dict[str, object]] | None = None
    token = ""
    if shard.ended_ms is not None and part.next_index >= shard.next_index:
        children = children_of(stream, shard)
    else:
        token = iterators.make(place.then(part.next_index), call.now_ms)
    return _written(part, token, children, call.format)


def _unquoted(token: str) -> str:
    return token[1:-1] if token.startswith('"') and token.endswith('"') else token


def _written(part: Slice, token: str, children: list[dict[str, object]] | None, format: Format) -> bytes:
    """Return the encoded answer. The records are already encoded."""
    if format is Format.JSON:
        end = (
            b'"NextShardIterator":"%b"' % token.encode()
            if children is None
            else b'"ChildShards":%b' % orjson.dumps(children)
        )
        after = b',"MillisBehindLatest":%d,%b}' % (part.millis_behind_latest, end)
        return in_list(b'{"Records":', part.texts, after, format)
    end = (
        cbor.text("NextShardIterator") + cbor.text(token)
        if children is None
        else cbor.text("ChildShards") + cbor.dumps_value(children)
    )
    behind = cbor.text("MillisBehindLatest") + cbor.integer(part.millis_behind_latest)
    return in_list(b"\xa3" + cbor.text("Records"), part.texts, behind + end, format)


def _find(call: Call, place: iterators.ShardIterator) -> tuple[Stream, Shard]:
    if place.region != call.scope.region:
        raise errors.invalid_argument("Invalid ShardIterator.")
    scope, name = call.stream_place() if call.text("StreamARN") else (call.scope, place.stream_name)
    if name != place.stream_name:
        # AWS's message for this error is not published.
        raise errors.invalid_argument("The ShardIterator is not of the stream that StreamARN names.")
    stream = call.find(scope, name)
    if stream is None or stream.created_ms != place.created_ms or place.shard >= len(stream.shards):
        raise errors.shard_not_found(sequence_numbers.shard_id(place.shard), place.stream_name, scope.account)
    return stream, stream.shards[place.shard]
