"""DisableEnhancedMonitoring: removes shard-level metrics from the described list."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.enable_enhanced_monitoring import change_metrics, metrics_meant


def disable_enhanced_monitoring(call: Call) -> Output:
    """Remove metrics. Answer with the lists before and after."""
    stream = call.idle_stream()
    asked = metrics_meant(call)
    return change_metrics(stream, [metric for metric in stream.metrics if metric not in asked])
