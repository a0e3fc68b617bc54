"""ListStreamConsumers. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "MaxResults"),
        *wrong("String", "NextToken", "StreamARN", "StreamId"),
        *wrong("Timestamp", "StreamCreationTimestamp"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("ListStreamConsumers", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'streamARN' Member must not be null"]),
        (
            {"StreamARN": "a", "MaxResults": 0, "NextToken": ""},
            [
                "Value '0' at 'maxResults' Member must have value greater than or equal to 1",
                "Value '' at 'nextToken' Member must have length greater than or equal to 1",
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("ListStreamConsumers", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("ListStreamConsumers", StreamARN=kinesis.arn("none")) == (
        "ResourceNotFoundException",
        message,
    )


def test_consumers_come_by_name_in_pages(kinesis: Api) -> None:
    name = kinesis.stream()
    arn = kinesis.arn(name)
    assert kinesis.call("ListStreamConsumers", StreamARN=arn) == {"Consumers": []}
    for consumer in ("c", "a", "b"):
        kinesis.consumer(name, consumer)
    first = kinesis.call("ListStreamConsumers", StreamARN=arn, MaxResults=2)
    rest = kinesis.call("ListStreamConsumers", StreamARN=arn, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert [each["ConsumerName"] for each in first["Consumers"] + rest["Consumers"]] == ["a", "b", "c"]
    assert rest["Consumers"][0]["ConsumerStatus"] == "ACTIVE"


def test_tokens_expire_and_belong_to_a_stream(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    arn, other = api.arn(api.stream()), api.arn(api.stream())
    for consumer in ("a", "b"):
        api.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=consumer)
    token = api.call("ListStreamConsumers", StreamARN=arn, MaxResults=1)["NextToken"]
    assert (
        api.refusal("ListStreamConsumers", StreamARN=other, NextToken=token)[0] == "InvalidArgumentException"
    )
    refused = api.refusal("ListStreamConsumers", StreamARN=arn, NextToken=token, StreamCreationTimestamp=1)
    assert refused[0] == "InvalidArgumentException"
    api.now_ms += 300_001
    refused = api.refusal("ListStreamConsumers", StreamARN=arn, NextToken=token)
    assert refused[0] == "ExpiredNextTokenException"


def test_the_creation_time_must_be_the_streams(kinesis: Api, name: str) -> None:
    arn, created = kinesis.arn(name), kinesis.summary(name)["StreamCreationTimestamp"]
    assert kinesis.call("ListStreamConsumers", StreamARN=arn, StreamCreationTimestamp=created) == {
        "Consumers": []
    }
    refused = kinesis.refusal("ListStreamConsumers", StreamARN=arn, StreamCreationTimestamp=created - 60)
    assert refused[0] == "ResourceNotFoundException"
