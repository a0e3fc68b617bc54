"""DescribeStreamSummary: a stream without its shards."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_stream_head


def describe_stream_summary(call: Call) -> Output:
    """Describe a stream."""
    stream = call.stream()
    is_there = bool(stream.visible_shards(call.now_ms))
    return {
        "StreamDescriptionSummary": {
            **describe_stream_head(stream, call.now_ms),
            "OpenShardCount": len(stream.open_shards) if is_there else 0,
            "ConsumerCount": 0,
            "MaxRecordSizeInKiB": stream.wanted.max_record_kib,
        }
    }
