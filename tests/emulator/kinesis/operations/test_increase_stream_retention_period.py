"""IncreaseStreamRetentionPeriod. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.kinesis.operations.api import HOUR_MS, Api, OwnApi


def test_it_can_only_increase(kinesis: Api) -> None:
    name = kinesis.stream()
    for _ in range(2):
        assert kinesis.call("IncreaseStreamRetentionPeriod", StreamName=name, RetentionPeriodHours=25) == {}
        assert kinesis.settle(name)["RetentionPeriodHours"] == 25
    assert kinesis.refusal("IncreaseStreamRetentionPeriod", StreamName=name, RetentionPeriodHours=24) == (
        "InvalidArgumentException",
        f"Requested retention period (24 hours) for stream {name} can not be shorter than existing retention "
        "period (25 hours). Use DecreaseRetentionPeriod API.",
    )


def test_what_has_expired_stays_so(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    name = api.stream()
    api.put(name)
    api.now_ms += 24 * HOUR_MS + 1
    api.call("IncreaseStreamRetentionPeriod", StreamName=name, RetentionPeriodHours=48)
    assert api.call("GetRecords", ShardIterator=api.iterator(name))["Records"] == []
