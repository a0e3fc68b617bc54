"""DescribeStream: a stream and up to 100 of its shards."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_shard, describe_stream_head, shards_after

MOST_SHARDS = 100  # DescribeStreamInput.Limit: "at most 100 results are returned"


def describe_stream(call: Call) -> Output:
    """Describe a stream, with the shards after `ExclusiveStartShardId`."""
    stream = call.stream()
    after = shards_after(stream.visible_shards(call.now_ms), call.text("ExclusiveStartShardId"))
    limit = min(call.number("Limit", MOST_SHARDS), MOST_SHARDS)
    return {
        "StreamDescription": {
            **describe_stream_head(stream, call.now_ms),
            "Shards": [describe_shard(shard) for shard in after[:limit]],
            "HasMoreShards": len(after) > limit,
        }
    }
