"""EnableEnhancedMonitoring. Sentences that nobody has published are ours."""

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


def test_metrics_are_added(kinesis: Api) -> None:
    name = kinesis.stream()
    metrics = ["OutgoingBytes", "IncomingBytes"]
    answer = kinesis.call("EnableEnhancedMonitoring", StreamName=name, ShardLevelMetrics=metrics)
    assert (answer["StreamName"], answer["StreamARN"]) == (name, kinesis.arn(name))
    assert answer["CurrentShardLevelMetrics"] == []
    assert set(answer["DesiredShardLevelMetrics"]) == set(metrics)
    kinesis.settle(name)
    answer = kinesis.call("EnableEnhancedMonitoring", StreamARN=kinesis.arn(name), ShardLevelMetrics=["ALL"])
    assert set(answer["CurrentShardLevelMetrics"]) == set(metrics)
    assert set(answer["DesiredShardLevelMetrics"]) == ALL_METRICS
    (described,) = kinesis.settle(name)["EnhancedMonitoring"]
    assert set(described["ShardLevelMetrics"]) == ALL_METRICS
