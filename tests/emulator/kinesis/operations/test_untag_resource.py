"""UntagResource. Sentences that nobody has published are ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("List", "TagKeys"),
        *wrong("String", "TagKeys.0", "ResourceARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UntagResource", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'tagKeys' Member must not be null",
                "Value null at 'resourceARN' Member must not be null",
            ],
        ),
        (
            {"ResourceARN": "a", "TagKeys": []},
            [
                "Value '[]' at 'tagKeys' Member must have length greater than or equal to 1",
                (
                    "Value 'a' at 'resourceARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UntagResource", **request_) == sentences


def test_a_resource_that_nobody_has(kinesis: Api) -> None:
    arn = kinesis.arn("none")
    message = f"Stream {arn} under account {kinesis.account} not found."  # seen by moto
    assert kinesis.refusal("UntagResource", ResourceARN=arn, TagKeys=["a"]) == (
        "ResourceNotFoundException",
        message,
    )
    consumer = f"{arn}/consumer/c:1"
    message = f"Consumer {consumer}, account {kinesis.account} not found."
    assert kinesis.refusal("UntagResource", ResourceARN=consumer, TagKeys=["a"]) == (
        "ResourceNotFoundException",
        message,
    )


def test_tags_go_and_others_stay(kinesis: Api) -> None:
    name = kinesis.stream(Tags={"a": "1", "b": "2"})
    for arn in (kinesis.arn(name), kinesis.consumer(name, Tags={"a": "1", "b": "2"})):
        assert kinesis.call("UntagResource", ResourceARN=arn, TagKeys=["a", "never there"]) == {}
        assert kinesis.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
