"""ListTagsForStream. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import LONG, Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "Limit"),
        *wrong("String", "ExclusiveStartTagKey", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("ListTagsForStream", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {"StreamName": "", "ExclusiveStartTagKey": "", "Limit": 0},
            [
                "Value '0' at 'limit' Member must have value greater than or equal to 1",
                ("Value '' at 'exclusiveStartTagKey' Member must have length greater than or equal to 1"),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "s", "ExclusiveStartTagKey": LONG, "Limit": 51},
            [
                "Value '51' at 'limit' Member must have value less than or equal to 50",
                (
                    f"Value '{LONG}' at 'exclusiveStartTagKey' Member must have length less than or equal "
                    "to 128"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("ListTagsForStream", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("ListTagsForStream", StreamName="none") == ("ResourceNotFoundException", message)
    assert kinesis.refusal("ListTagsForStream", StreamARN=kinesis.arn("none")) == (
        "ResourceNotFoundException",
        message,
    )


def test_tags_come_by_key_in_pages(kinesis: Api) -> None:
    name = kinesis.stream(Tags={"b": "2", "a": "1", "c": "3"})
    first = kinesis.call("ListTagsForStream", StreamName=name, Limit=2)
    assert first == {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], "HasMoreTags": True}
    rest = kinesis.call("ListTagsForStream", StreamName=name, ExclusiveStartTagKey="b")
    assert rest == {"Tags": [{"Key": "c", "Value": "3"}], "HasMoreTags": False}
