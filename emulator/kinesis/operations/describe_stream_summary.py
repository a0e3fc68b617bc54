"""DescribeStreamSummary: a stream without its shards.

The answer has no `StreamId`, which the model reserves, and no channels or queues, which are not supported.
"""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import describe_stream_head, describe_warm_throughput


def describe_stream_summary(call: Call) -> Output:
    """Describe a stream."""
    stream = call.stream()
    summary: dict[str, object] = {
        **describe_stream_head(stream, call.now_ms),
        "OpenShardCount": len(stream.open_shards) if stream.visible_shards(call.now_ms) else 0,
        "ConsumerCount": len(stream.live_consumers(call.now_ms)),
        "MaxRecordSizeInKiB": stream.max_record_kib,
    }
    if stream.mode == "ON_DEMAND":
        summary["RecordDistributionStrategy"] = stream.strategy
        if call.store.commitment(stream.scope).is_on(call.now_ms):
            summary["WarmThroughput"] = describe_warm_throughput(stream)
    return {"StreamDescriptionSummary": summary}
