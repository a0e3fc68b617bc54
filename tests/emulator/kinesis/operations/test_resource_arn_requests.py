"""How calls that take a ResourceARN alone are told which resource is meant.

Sentences that nobody has published are ours.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong

pytestmark = pytest.mark.parametrize(
    "operation", ["DeleteResourcePolicy", "ListTagsForResource", "GetResourcePolicy"]
)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "ResourceARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, operation: str, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped(operation, field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'resourceARN' Member must not be null"]),
        (
            {"ResourceARN": "a"},
            [
                (
                    "Value 'a' at 'resourceARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, operation: str, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints(operation, **request_) == sentences


def test_a_resource_that_nobody_has(kinesis: Api, operation: str) -> None:
    arn = kinesis.arn("none")
    message = f"Stream {arn} under account {kinesis.account} not found."  # seen by moto
    assert kinesis.refusal(operation, ResourceARN=arn) == ("ResourceNotFoundException", message)
    consumer = f"{arn}/consumer/c:1"
    message = f"Consumer {consumer}, account {kinesis.account} not found."
    assert kinesis.refusal(operation, ResourceARN=consumer) == (
        "ResourceNotFoundException",
        message,
    )
