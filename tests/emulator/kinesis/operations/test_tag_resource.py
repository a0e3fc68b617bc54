"""TagResource. Sentences that nobody has published are ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Map", "Tags"),
        *wrong("String", "Tags.a", "ResourceARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("TagResource", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'tags' Member must not be null",
                "Value null at 'resourceARN' Member must not be null",
            ],
        ),
        (
            {"ResourceARN": "a", "Tags": {}},
            [
                "Value '{}' at 'tags' Member must have length greater than or equal to 1",
                (
                    "Value 'a' at 'resourceARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("TagResource", **request_) == sentences


def test_a_resource_that_nobody_has(kinesis: Api) -> None:
    arn = kinesis.arn("none")
    message = f"Stream {arn} under account {kinesis.account} not found."  # seen by moto
    assert kinesis.refusal("TagResource", ResourceARN=arn, Tags={"a": "b"}) == (
        "ResourceNotFoundException",
        message,
    )
    consumer = f"{arn}/consumer/c:1"
    message = f"Consumer {consumer}, account {kinesis.account} not found."
    assert kinesis.refusal("TagResource", ResourceARN=consumer, Tags={"a": "b"}) == (
        "ResourceNotFoundException",
        message,
    )


def test_streams_and_consumers_have_tags_of_their_own(kinesis: Api) -> None:
    name = kinesis.stream()
    arns = {kinesis.arn(name): "stream", kinesis.consumer(name): "consumer"}
    for arn, what in arns.items():
        assert kinesis.call("TagResource", ResourceARN=arn, Tags={"a": what, "b": ""}) == {}
    for arn, what in arns.items():
        tags = kinesis.call("ListTagsForResource", ResourceARN=arn)["Tags"]
        assert tags == [{"Key": "a", "Value": what}, {"Key": "b", "Value": ""}]
    assert len(kinesis.call("ListTagsForStream", StreamName=name)["Tags"]) == 2


def test_fifty_are_the_most(kinesis: Api) -> None:
    arn = kinesis.consumer(kinesis.stream(), Tags={f"k{at}": "" for at in range(50)})
    refused = kinesis.refusal("TagResource", ResourceARN=arn, Tags={"one more": ""})
    assert refused[0] == "InvalidArgumentException"


def test_keys_of_aws_are_reserved(kinesis: Api, name: str) -> None:
    refused = kinesis.refusal("TagResource", ResourceARN=kinesis.arn(name), Tags={"aws:a": ""})
    assert refused[0] == "InvalidArgumentException"
