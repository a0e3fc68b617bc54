"""UpdateShardCount. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import HOUR_MS, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "ScalingType", "StreamName", "StreamARN", "StreamId"),
        *wrong("Integer", "TargetShardCount"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UpdateShardCount", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'scalingType' Member must not be null",
                "Value null at 'targetShardCount' Member must not be null",
            ],
        ),
        (
            {"StreamName": "s", "ScalingType": "", "TargetShardCount": 0},
            [
                "Value '' at 'scalingType' Member must satisfy enum value set: [UNIFORM_SCALING]",
                ("Value '0' at 'targetShardCount' Member must have value greater than or equal to 1"),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UpdateShardCount", **request_) == sentences


UNIFORM = {"ScalingType": "UNIFORM_SCALING"}


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("UpdateShardCount", StreamName="none", TargetShardCount=1, **UNIFORM) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal(
        "UpdateShardCount", StreamARN=kinesis.arn("none"), TargetShardCount=1, **UNIFORM
    ) == ("ResourceNotFoundException", message)


@pytest.mark.parametrize(
    ("before", "target", "made"), [(2, 4, 6), (4, 5, 15), (10, 13, 37), (4, 2, 6), (5, 3, 7)]
)
def test_it_makes_as_many_shards_as_aws(kinesis: Api, before: int, target: int, made: int) -> None:
    """The figures were compared with AWS by moto (`test_update_shard_count`)."""
    name = kinesis.stream(before)
    assert kinesis.call("UpdateShardCount", StreamName=name, TargetShardCount=target, **UNIFORM) == {
        "StreamName": name,
        "StreamARN": kinesis.arn(name),
        "CurrentShardCount": before,
        "TargetShardCount": target,
    }
    assert kinesis.settle(name)["OpenShardCount"] == target
    assert len(kinesis.shards(name)) == made
    ranges = kinesis.ranges(name)
    assert (ranges[0][0], ranges[-1][1]) == (0, 2**128 - 1)
    assert all(left[1] + 1 == right[0] for left, right in pairwise(ranges))


def test_double_or_half_is_the_most_at_a_time(kinesis: Api, name: str) -> None:
    """Alibaba's ROS quotes the first sentence."""
    assert kinesis.refusal("UpdateShardCount", StreamName=name, TargetShardCount=7, **UNIFORM) == (
        "LimitExceededException",
        "UpdateShardCount cannot scale up over double your current open shard count. "
        "Current open shard count: 3 Target shard count: 7",
    )
    code, message = kinesis.refusal("UpdateShardCount", StreamName=name, TargetShardCount=1, **UNIFORM)
    assert code == "LimitExceededException"
    assert message.startswith("UpdateShardCount cannot scale down below half your current open shard count.")


def test_an_on_demand_stream_is_not_scaled_by_hand(kinesis: Api) -> None:
    name = kinesis.on_demand_stream()
    message = f"Request is invalid. Stream {name} under account {kinesis.account} is in On-Demand mode."
    refused = kinesis.refusal("UpdateShardCount", StreamName=name, TargetShardCount=4, **UNIFORM)
    assert refused == ("ValidationException", message)  # seen by moto


def test_ten_times_a_day_with_limits_on(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, as_aws=True)
    name = api.stream(2)
    for _ in range(10):
        api.call("UpdateShardCount", StreamName=name, TargetShardCount=2, **UNIFORM)
        api.now_ms += 1
    refused = api.refusal("UpdateShardCount", StreamName=name, TargetShardCount=2, **UNIFORM)
    assert refused[0] == "LimitExceededException"
    api.now_ms += 24 * HOUR_MS - 10
    api.call("UpdateShardCount", StreamName=name, TargetShardCount=2, **UNIFORM)


def test_the_account_has_a_shard_limit(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, shard_limit=3)
    name = api.stream(2)
    refused = api.refusal("UpdateShardCount", StreamName=name, TargetShardCount=4, **UNIFORM)
    assert refused[0] == "LimitExceededException"
    assert "Number of additional shards that would have resulted from this request: 2." in refused[1]


def test_it_is_updating_meanwhile_and_takes_records(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.stream(2)
    api.call("UpdateShardCount", StreamName=name, TargetShardCount=4, **UNIFORM)
    summary = api.summary(name)
    assert (summary["StreamStatus"], summary["OpenShardCount"]) == ("UPDATING", 2)
    api.put(name)
    refused = api.refusal("UpdateShardCount", StreamName=name, TargetShardCount=4, **UNIFORM)
    assert refused[0] == "ResourceInUseException"
    assert api.settle(name)["OpenShardCount"] == 4
