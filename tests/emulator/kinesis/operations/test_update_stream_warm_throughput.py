"""UpdateStreamWarmThroughput. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "StreamName", "StreamARN", "StreamId"),
        *wrong("Integer", "WarmThroughputMiBps"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UpdateStreamWarmThroughput", field, value) == (
        "SerializationException",
        sentence,
    )


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'warmThroughputMiBps' Member must not be null"]),
        (
            {"StreamName": "", "WarmThroughputMiBps": -1},
            [
                ("Value '-1' at 'warmThroughputMiBps' Member must have value greater than or equal to 0"),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UpdateStreamWarmThroughput", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("UpdateStreamWarmThroughput", StreamName="none", WarmThroughputMiBps=1) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal(
        "UpdateStreamWarmThroughput", StreamARN=kinesis.arn("none"), WarmThroughputMiBps=1
    ) == ("ResourceNotFoundException", message)


def test_a_stream_gets_a_shard_for_each_mebibyte(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.on_demand_stream()
    api.call("UpdateAccountSettings", MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    assert api.call("UpdateStreamWarmThroughput", StreamName=name, WarmThroughputMiBps=7) == {
        "StreamName": name,
        "StreamARN": api.arn(name),
        "WarmThroughput": {"TargetMiBps": 7, "CurrentMiBps": 4},
    }
    assert api.summary(name)["StreamStatus"] == "UPDATING"
    summary = api.settle(name)
    assert summary["OpenShardCount"] == 7
    assert summary["WarmThroughput"] == {"TargetMiBps": 7, "CurrentMiBps": 7}
    refused = api.refusal("UpdateStreamWarmThroughput", StreamName=name, WarmThroughputMiBps=10_241)
    assert refused[0] == "LimitExceededException"


def test_only_on_demand_and_with_a_commitment(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    for name in (api.stream(), api.on_demand_stream()):
        refused = api.refusal("UpdateStreamWarmThroughput", StreamName=name, WarmThroughputMiBps=1)
        assert refused[0] == "InvalidArgumentException"
        assert "WarmThroughput" not in api.summary(name)
