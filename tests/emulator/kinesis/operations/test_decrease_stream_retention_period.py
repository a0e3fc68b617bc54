"""DecreaseStreamRetentionPeriod. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.kinesis.operations.api import HOUR_MS, Api, OwnApi


def test_it_can_only_decrease(kinesis: Api, name: str) -> None:
    assert kinesis.refusal("DecreaseStreamRetentionPeriod", StreamName=name, RetentionPeriodHours=25) == (
        "InvalidArgumentException",
        f"Requested retention period (25 hours) for stream {name} can not be longer than existing "
        "retention period "
        "(24 hours). Use IncreaseRetentionPeriod API.",
    )


def test_older_records_go_at_once(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    name = api.stream()
    api.call("IncreaseStreamRetentionPeriod", StreamName=name, RetentionPeriodHours=48)
    api.put(name, "old")
    api.now_ms += 30 * HOUR_MS
    api.put(name, "new")
    assert len(api.call("GetRecords", ShardIterator=api.iterator(name))["Records"]) == 2
    api.call("DecreaseStreamRetentionPeriod", StreamARN=api.arn(name), RetentionPeriodHours=24)
    assert api.summary(name)["RetentionPeriodHours"] == 24
    api.call("IncreaseStreamRetentionPeriod", StreamName=name, RetentionPeriodHours=48)
    (record,) = api.call("GetRecords", ShardIterator=api.iterator(name))["Records"]
    assert record["PartitionKey"] == "new"
