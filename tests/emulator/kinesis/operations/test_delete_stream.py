"""DeleteStream. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "StreamName", "StreamARN", "StreamId"),
        *wrong("Boolean", "EnforceConsumerDeletion"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("DeleteStream", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {"StreamName": ""},
            [
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamARN": "a"},
            [
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("DeleteStream", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("DeleteStream", StreamName="none") == ("ResourceNotFoundException", message)
    assert kinesis.refusal("DeleteStream", StreamARN=kinesis.arn("none")) == (
        "ResourceNotFoundException",
        message,
    )


def test_a_stream_is_deleting_then_gone(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.stream()
    assert api.call("DeleteStream", StreamName=name) == {}
    assert api.summary(name)["StreamStatus"] == "DELETING"
    message = f"Stream {name} under account {api.account} not ACTIVE, instead in state DELETING"
    assert api.refusal("DeleteStream", StreamName=name) == ("ResourceInUseException", message)
    api.now_ms += 100
    assert api.refusal("DescribeStream", StreamName=name)[0] == "ResourceNotFoundException"
    assert api.call("ListStreams")["StreamNames"] == []


def test_consumers_are_in_the_way_unless_they_may_go(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.consumer(name)
    assert kinesis.refusal("DeleteStream", StreamName=name) == (  # rebuy-de/aws-nuke#497
        "ResourceInUseException",
        f"DeleteStream can't delete {kinesis.account}:{name} because there are consumers associated "
        "with this data "
        f"stream. To delete {name} anyway, set the EnforceConsumerDeletion parameter to true to force "
        "the deletion "
        "of all the consumers that are associated with it.",
    )
    assert kinesis.call("DeleteStream", StreamName=name, EnforceConsumerDeletion=True) == {}


def test_it_must_be_said_which(kinesis: Api, name: str) -> None:
    assert kinesis.refusal("DeleteStream")[0] == "InvalidArgumentException"
    refused = kinesis.refusal("DeleteStream", StreamName="other", StreamARN=kinesis.arn(name))
    assert refused[0] == "InvalidArgumentException"
