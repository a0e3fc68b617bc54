"""AddTagsToStream. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import LONG, LONG_VALUE, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Map", "Tags"),
        *wrong("String", "Tags.a", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("AddTagsToStream", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'tags' Member must not be null"]),
        (
            {"StreamName": "", "Tags": {}},
            [
                "Value '{}' at 'tags' Member must have length greater than or equal to 1",
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "s", "Tags": {"a": "1", LONG: "3"}},
            [
                (
                    f"Value '{{a=1, {LONG}=3}}' at 'tags' Map keys must satisfy constraint: [Member must "
                    "have length less than or equal to 128, Member must have length greater than or equal "
                    "to 1]"
                )
            ],
        ),
        (
            {"StreamName": "s", "Tags": {"a": LONG_VALUE}},
            [
                (
                    f"Value '{{a={LONG_VALUE}}}' at 'tags' Map value must satisfy constraint: [Member must "
                    "have length less than or equal to 256, Member must have length greater than or equal "
                    "to 0]"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("AddTagsToStream", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("AddTagsToStream", StreamName="none", Tags={"a;": "b"}) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal("AddTagsToStream", StreamARN=kinesis.arn("none"), Tags={"a;": "b"}) == (
        "ResourceNotFoundException",
        message,
    )


@pytest.mark.parametrize("text", ["abc;def", "abc\tdef", "abc\ndef", "abc,def"])
def test_some_characters_may_not_be_in_tags(kinesis: Api, name: str, text: str) -> None:
    message = (
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white "
        "space, _ . / = + "
        "- % @."
    )
    for tags in ({text: "1"}, {"a": text}):
        assert kinesis.refusal("AddTagsToStream", StreamName=name, Tags=tags) == (
            "InvalidArgumentException",
            message,
        )


def test_a_percent_sign_has_a_sentence_of_its_own(kinesis: Api, name: str) -> None:
    assert kinesis.refusal("AddTagsToStream", StreamName=name, Tags={"abc%def": "1"}) == (
        "InvalidArgumentException",
        f"Failed to add tags to stream {name} under account {kinesis.account} because some tags "
        "contained illegal "
        "characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
    )


def test_tags_are_added_and_changed(kinesis: Api) -> None:
    name = kinesis.stream()
    tags = {"a": "a", "ü0 _.": "a", "/=+-@": "a", "b": "ü0 _./=+-@:", "c": ""}
    assert kinesis.call("AddTagsToStream", StreamName=name, Tags=tags) == {}
    kinesis.call("AddTagsToStream", StreamARN=kinesis.arn(name), Tags={"a": "b"})
    listed = kinesis.call("ListTagsForStream", StreamName=name)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in listed} == tags | {"a": "b"}


def test_fifty_are_the_most(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.call("AddTagsToStream", StreamName=name, Tags={f"k{at}": "" for at in range(50)})
    kinesis.call("AddTagsToStream", StreamName=name, Tags={"k0": "again"})
    assert kinesis.refusal("AddTagsToStream", StreamName=name, Tags={"one more": ""}) == (
        "InvalidArgumentException",
        f"Failed to add tags to stream {name} under account {kinesis.account} because a given stream "
        "cannot have "
        "more than 10 tags associated with it.",
    )


def test_not_while_the_stream_is_being_made(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    api.call("CreateStream", StreamName="s", ShardCount=1)
    refused = api.refusal("AddTagsToStream", StreamName="s", Tags={"a": "b"})
    message = f"Stream s under account {api.account} not ACTIVE, instead in state CREATING"
    assert refused == ("ResourceInUseException", message)
