"""DisableEnhancedMonitoring. Sentences that nobody has published are ours."""

from __future__ import annotations

from tests.emulator.kinesis.operations.api import Api

ALL_METRICS = {
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
}


def test_metrics_are_removed(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.call("EnableEnhancedMonitoring", StreamName=name, ShardLevelMetrics=["ALL"])
    kinesis.settle(name)
    answer = kinesis.call("DisableEnhancedMonitoring", StreamName=name, ShardLevelMetrics=["OutgoingBytes"])
    assert set(answer["CurrentShardLevelMetrics"]) == ALL_METRICS
    assert set(answer["DesiredShardLevelMetrics"]) == ALL_METRICS - {"OutgoingBytes"}
    kinesis.settle(name)
    answer = kinesis.call("DisableEnhancedMonitoring", StreamName=name, ShardLevelMetrics=["ALL"])
    assert answer["DesiredShardLevelMetrics"] == []
    assert kinesis.settle(name)["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
