"""EnableEnhancedMonitoring: more metrics of shards are said to be published; none is, here."""

from __future__ import annotations

from collections.abc import Collection

from emulator.kinesis.call import Call, Output
from emulator.kinesis.shapes.streams import METRICS
from emulator.kinesis.state.streams import Stream


def enable_enhanced_monitoring(call: Call) -> Output:
    """Add metrics; answer with those before and after."""
    stream = call.idle_stream()
    asked = metrics_meant(call)
    return change_metrics(stream, {*stream.metrics, *asked})


def metrics_meant(call: Call) -> Collection[str]:
    """Return the metrics that are named, all of them by `ALL`."""
    named = call.texts("ShardLevelMetrics")
    return METRICS if "ALL" in named else named


def change_metrics(stream: Stream, desired: Collection[str]) -> Output:
    """Set a stream's metrics; return the answer that both calls give."""
    current = list(stream.metrics)
    stream.set_metrics(metric for metric in METRICS if metric in desired)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardLevelMetrics": current,
        "DesiredShardLevelMetrics": list(stream.metrics),
    }
