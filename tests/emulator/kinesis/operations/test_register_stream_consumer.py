"""RegisterStreamConsumer. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import T0_MS, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "ConsumerName", "StreamARN", "StreamId"),
        *wrong("Map", "Tags"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("RegisterStreamConsumer", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'consumerName' Member must not be null",
                "Value null at 'streamARN' Member must not be null",
            ],
        ),
        (
            {"ConsumerName": "", "StreamARN": "a"},
            [
                (
                    "Value '' at 'consumerName' Member must satisfy regular expression pattern: "
                    "[a-zA-Z0-9_.-]+"
                ),
                "Value '' at 'consumerName' Member must have length greater than or equal to 1",
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("RegisterStreamConsumer", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    refused = kinesis.refusal("RegisterStreamConsumer", StreamARN=kinesis.arn("none"), ConsumerName="c")
    assert refused == ("ResourceNotFoundException", message)


def test_a_consumer_is_creating_then_active(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.stream()
    made = api.call("RegisterStreamConsumer", StreamARN=api.arn(name), ConsumerName="c", Tags={"a": "b"})
    second = T0_MS // 1000
    assert made["Consumer"] == {
        "ConsumerName": "c",
        "ConsumerARN": f"{api.arn(name)}/consumer/c:{second}",
        "ConsumerStatus": "CREATING",
        "ConsumerCreationTimestamp": second + 0.1,
    }
    arn = made["Consumer"]["ConsumerARN"]
    assert api.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    api.settle_consumer(arn)
    described = api.call("DescribeStreamConsumer", ConsumerARN=arn)["ConsumerDescription"]
    assert described["ConsumerStatus"] == "ACTIVE"
    assert api.summary(name)["ConsumerCount"] == 1


def test_a_name_is_taken_once(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.consumer(name)
    refused = kinesis.refusal("RegisterStreamConsumer", StreamARN=kinesis.arn(name), ConsumerName="c")
    message = f"Consumer c under stream {name} already exists for account {kinesis.account}."
    assert refused == ("ResourceInUseException", message)


def test_twenty_are_the_most_and_fifty_with_a_commitment(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    names = [api.stream(), api.on_demand_stream()]
    api.call("UpdateAccountSettings", MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    for name, most in zip(names, (20, 50), strict=True):
        for at in range(most):
            api.consumer(name, f"c{at}")
        refused = api.refusal("RegisterStreamConsumer", StreamARN=api.arn(name), ConsumerName="more")
        assert refused[0] == "LimitExceededException"


def test_five_at_a_time(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    arn = api.arn(api.stream())
    for at in range(5):
        api.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=f"c{at}")
    refused = api.refusal("RegisterStreamConsumer", StreamARN=arn, ConsumerName="c5")
    assert refused[0] == "LimitExceededException"
    api.now_ms += 100
    api.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName="c5")


def test_not_while_the_stream_is_being_made(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    api.call("CreateStream", StreamName="s", ShardCount=1)
    refused = api.refusal("RegisterStreamConsumer", StreamARN=api.arn("s"), ConsumerName="c")
    assert refused[0] == "ResourceInUseException"
