"""MergeShards: merges two adjacent shards. The new shard opens when the stream is ACTIVE again."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.split_shard import find_open, shard_number
from emulator.kinesis.state.resharding import Merge


def merge_shards(call: Call) -> Output:
    """Start to merge two shards, named in the order of their hash keys. The answer is empty."""
    fields = ("ShardToMerge", "AdjacentShardToMerge")
    numbers = [shard_number(call, field) for field in fields]
    stream = call.stream()
    shard, adjacent = find_open(call, stream, numbers)
    if shard.ending_hash_key + 1 != adjacent.starting_hash_key:
        raise errors.invalid_argument(
            f"Shards {shard.shard_id} and {adjacent.shard_id} in stream {stream.name} under account "
            f"{stream.scope.account} are not an adjacent pair of shards eligible for merging"
        )
    stream.start_update(Merge(shard.number, adjacent.number), call.now_ms)
    return None
