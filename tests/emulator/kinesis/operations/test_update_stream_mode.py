"""UpdateStreamMode. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import HOUR_MS, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "StreamARN", "StreamModeDetails.StreamMode", "StreamId"),
        *wrong("Structure", "StreamModeDetails"),
        *wrong("Integer", "WarmThroughputMiBps"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UpdateStreamMode", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'streamARN' Member must not be null",
                "Value null at 'streamModeDetails' Member must not be null",
            ],
        ),
        (
            {"StreamARN": "a", "StreamModeDetails": {"StreamMode": "FAST"}, "WarmThroughputMiBps": -1},
            [
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                ),
                (
                    "Value 'FAST' at 'streamModeDetails.streamMode' Member must satisfy enum value set: "
                    "[PROVISIONED, ON_DEMAND]"
                ),
                ("Value '-1' at 'warmThroughputMiBps' Member must have value greater than or equal to 0"),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UpdateStreamMode", **request_) == sentences


ON_DEMAND, PROVISIONED = {"StreamMode": "ON_DEMAND"}, {"StreamMode": "PROVISIONED"}


def test_both_ways_and_the_shards_stay(kinesis: Api) -> None:
    name = kinesis.stream(3)
    for mode in (ON_DEMAND, PROVISIONED):
        assert kinesis.call("UpdateStreamMode", StreamARN=kinesis.arn(name), StreamModeDetails=mode) == {}
        summary = kinesis.settle(name)
        assert (summary["StreamModeDetails"], summary["OpenShardCount"]) == (mode, 3)


def test_it_is_updating_meanwhile(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.stream()
    api.call("UpdateStreamMode", StreamARN=api.arn(name), StreamModeDetails=ON_DEMAND)
    assert api.summary(name)["StreamStatus"] == "UPDATING"
    refused = api.refusal("UpdateStreamMode", StreamARN=api.arn(name), StreamModeDetails=PROVISIONED)
    assert refused[0] == "ResourceInUseException"


def test_twice_a_day_with_limits_on(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, as_aws=True)
    name = api.stream()
    for mode in (ON_DEMAND, PROVISIONED):
        api.call("UpdateStreamMode", StreamARN=api.arn(name), StreamModeDetails=mode)
    refused = api.refusal("UpdateStreamMode", StreamARN=api.arn(name), StreamModeDetails=ON_DEMAND)
    assert refused[0] == "LimitExceededException"
    api.now_ms += 24 * HOUR_MS
    api.call("UpdateStreamMode", StreamARN=api.arn(name), StreamModeDetails=ON_DEMAND)


def test_an_account_has_so_many_on_demand_streams(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, on_demand_stream_limit=1)
    api.on_demand_stream()
    arn = api.arn(api.stream())
    assert api.refusal("UpdateStreamMode", StreamARN=arn, StreamModeDetails=ON_DEMAND) == (
        "LimitExceededException",  # hashicorp/terraform-provider-aws#38094
        "This request would exceed the limit on the number of On-Demand streams for the account 000000000000 "
        "in us-east-1. Current On-Demand streams count: 1. Limit: 1.",
    )


def test_an_on_demand_stream_grows_with_limits_on(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, as_aws=True)
    name = api.on_demand_stream()
    records = [{"Data": "A" * 16384, "PartitionKey": str(key)} for key in range(500)]
    for _ in range(3):
        api.now_ms += 1000
        api.call("PutRecords", StreamName=name, Records=records)
    seen_bytes = 500 * (12288 + 3)
    wanted = -(-2 * seen_bytes // (1 << 20))
    assert api.summary(name)["OpenShardCount"] == wanted == 12
    assert api.summary(name)["StreamStatus"] == "ACTIVE"
