"""RemoveTagsFromStream. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import LONG, Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("List", "TagKeys"),
        *wrong("String", "TagKeys.0", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("RemoveTagsFromStream", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'tagKeys' Member must not be null"]),
        (
            {"StreamName": "", "TagKeys": []},
            [
                "Value '[]' at 'tagKeys' Member must have length greater than or equal to 1",
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "s", "TagKeys": ["a", LONG, "b"]},
            [
                (
                    f"Value '[a, {LONG}, b]' at 'tagKeys' Member must satisfy constraint: [Member must "
                    "have length less than or equal to 128, Member must have length greater than or equal "
                    "to 1]"
                )
            ],
        ),
        (
            {"StreamName": "s", "TagKeys": ["a"] * 51},
            [
                (
                    "Value '[a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, "
                    "a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]' at "
                    "'tagKeys' Member must have length less than or equal to 50"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("RemoveTagsFromStream", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("RemoveTagsFromStream", StreamName="none", TagKeys=[";"]) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal("RemoveTagsFromStream", StreamARN=kinesis.arn("none"), TagKeys=[";"]) == (
        "ResourceNotFoundException",
        message,
    )


@pytest.mark.parametrize("text", ["abc;def", "abc\tdef", "abc\ndef", "abc,def"])
def test_some_characters_may_not_be_in_keys(kinesis: Api, name: str, text: str) -> None:
    code, message = kinesis.refusal("RemoveTagsFromStream", StreamName=name, TagKeys=[text])
    assert code == "InvalidArgumentException"
    assert message.startswith("Some tags contain invalid characters. Valid characters: Unicode letters,")


def test_a_percent_sign_has_a_sentence_of_its_own(kinesis: Api, name: str) -> None:
    code, message = kinesis.refusal("RemoveTagsFromStream", StreamName=name, TagKeys=["abc%def"])
    assert code == "InvalidArgumentException"
    assert message.startswith(
        f"Failed to remove tags from stream {name} under account {kinesis.account} because"
    )


def test_tags_go_and_others_stay(kinesis: Api) -> None:
    name = kinesis.stream(Tags={"a": "1", "b": "2"})
    assert kinesis.call("RemoveTagsFromStream", StreamName=name, TagKeys=["a", "never there"]) == {}
    assert kinesis.call("ListTagsForStream", StreamName=name)["Tags"] == [{"Key": "b", "Value": "2"}]
