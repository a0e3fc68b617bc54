"""SplitShard: splits a shard in two. The new shards open when the stream is ACTIVE again.

The order of checks is AWS's (kinesalite's suite): the format of the shard id, the stream, its state, the
shard, the account's shard limit, the hash key.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.state import sequence_numbers
from emulator.kinesis.state.resharding import Split
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream


def split_shard(call: Call) -> Output:
    """Start to split a shard. The answer is empty."""
    number = shard_number(call, "ShardToSplit")
    stream = call.stream()
    (shard,) = find_open(call, stream, [number])
    call.store.check_shard_limit(stream.scope, 1, call.now_ms)
    key = int(call.text("NewStartingHashKey"))
    if not shard.starting_hash_key + 1 < key < shard.ending_hash_key:
        raise errors.invalid_argument(
            f"NewStartingHashKey {key} used in SplitShard() on shard {shard.shard_id} in stream "
            f"{stream.name} under account {stream.scope.account} is not both greater than one plus the "
            f"shard's StartingHashKey {shard.starting_hash_key} and less than the shard's EndingHashKey "
            f"{shard.ending_hash_key}."
        )
    stream.start_update(Split(shard.number, key), call.now_ms)
    return None


def shard_number(call: Call, field: str) -> int:
    """Return the number in the shard id of a field. The shard need not exist."""
    shard_id = call.text(field)
    number = sequence_numbers.shard_of(shard_id)
    if number is None:
        _, stream_name = call.stream_place()
        raise errors.no_shard(shard_id, stream_name, call.scope.account)
    return number


def find_open(call: Call, stream: Stream, numbers: Sequence[int]) -> list[Shard]:
    """Return the open shards with these numbers. Raises `Refused`, also if the stream cannot be resharded."""
    account = stream.scope.account
    if stream.mode == "ON_DEMAND":
        raise errors.stream_on_demand(stream.name, account)
    call.check_idle(stream)
    found = []
    for number in numbers:
        shard = stream.shard(number, call.now_ms)
        if shard is None:
            raise errors.no_shard(sequence_numbers.shard_id(number), stream.name, account)
        found.append(shard)
    for shard in found:
        if shard.ended_ms is not None:
            raise errors.shard_closed(shard.shard_id, stream.name, account)
    return found
