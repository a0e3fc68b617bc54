"""EnableEnhancedMonitoring: adds shard-level metrics to the described list. No metrics are published."""

from __future__ import annotations

from collections.abc import Collection

from emulator.kinesis.call import Call, Output
from emulator.kinesis.shapes.streams import METRICS
from emulator.kinesis.state.streams import Stream


def enable_enhanced_monitoring(call: Call) -> Output:
    """Add metrics. Answer with the lists before and after."""
    stream = call.idle_stream()
    asked = metrics_meant(call)
    return change_metrics(stream, {*stream.metrics, *asked})


def metrics_meant(call: Call) -> Collection[str]:
    """Return the metrics in a request. `ALL` stands for all of them."""
    named = call.texts("ShardLevelMetrics")
    return METRICS if "ALL" in named else named


def change_metrics(stream: Stream, desired: Collection[str]) -> Output:
    """Set a stream's metrics. Return the answer of both calls."""
    current = list(stream.metrics)
    stream.set_metrics(metric for metric in METRICS if metric in desired)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardLevelMetrics": current,
        "DesiredShardLevelMetrics": list(stream.metrics),
    }
