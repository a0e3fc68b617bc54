"""GetShardIterator: returns an iterator for one of the five iterator types.

A sequence number or a time before the trim horizon means the horizon, as in AWS.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.state import sequence_numbers
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.tokens import iterators


def get_shard_iterator(call: Call) -> Output:
    """Answer with an iterator."""
    number = sequence_numbers.shard_of(call.text("ShardId"))
    scope, name = call.stream_place()
    if number is None:
        raise errors.no_shard(call.text("ShardId"), name, call.scope.account)
    stream = call.find(scope, name)
    shard = None if stream is None else stream.shard(number, call.now_ms)
    if stream is None or shard is None:
        raise errors.shard_not_found(sequence_numbers.shard_id(number), name, call.scope.account)
    if call.store.throttle is not None:
        call.store.throttle.check_iterator(stream, shard, call.now_ms)
    call.store.expire(stream, shard, call.now_ms)
    index = starting_index(call, stream, shard)
    if call.flag("DryRun"):
        raise errors.dry_run()
    place = iterators.ShardIterator(call.scope.region, name, stream.created_ms, number, index)
    return {"ShardIterator": iterators.make(place, call.now_ms)}


def starting_index(call: Call, stream: Stream, shard: Shard) -> int:
    """Return the record index that a call names, also for `SubscribeToShard`. Raises `Refused`."""
    kind, number = call.text("ShardIteratorType"), call.text("StartingSequenceNumber")
    by_number = kind in {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"}
    if by_number and not number:
        raise _mismatch(f"{kind} and no StartingSequenceNumber")
    if number and kind in {"TRIM_HORIZON", "LATEST"}:
        raise _mismatch(f"{kind} and also a StartingSequenceNumber")
    if by_number:
        index = _index_of_number(call, stream, shard) + (kind == "AFTER_SEQUENCE_NUMBER")
        # A closed shard's ending sequence number is far beyond its last record.
        return index if shard.ended_ms is None else min(index, shard.next_index)
    if kind == "TRIM_HORIZON":
        return shard.first_index
    if kind == "LATEST":
        return shard.next_index
    return shard.index_at_time(_timestamp_ms(call))


def _index_of_number(call: Call, stream: Stream, shard: Shard) -> int:
    text = call.text("StartingSequenceNumber")
    used = (
        f"StartingSequenceNumber {text} used in GetShardIterator on shard {shard.shard_id} in stream "
        f"{stream.name} under account {call.scope.account} is invalid"
    )
    parsed = sequence_numbers.parse(text)
    if parsed is None:
        raise errors.invalid_argument(f"{used}.")
    if parsed.shard != shard.number:
        raise errors.invalid_argument(
            f"Invalid StartingSequenceNumber. It encodes {sequence_numbers.shard_id(parsed.shard)}, while it "
            f"was used in a call to a shard with {shard.shard_id}"
        )
    if parsed.created_s != shard.created_s:
        raise errors.invalid_argument(f"{used} because it did not come from this stream.")
    return parsed.index


def _timestamp_ms(call: Call) -> int:
    at_ms = call.time_ms("Timestamp")
    if at_ms is None:
        raise errors.invalid_argument(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has "
            "no timestamp parameter."
        )
    if at_ms > call.now_ms:
        raise errors.invalid_argument(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
            f"timestampInMillis: {at_ms}, currentTimestampInMillis: {call.now_ms}"
        )
    return at_ms


def _mismatch(specified: str) -> errors.Refused:
    return errors.invalid_argument(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
        f"(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {specified}."
    )
