"""How DescribeStreamConsumer and DeregisterStreamConsumer are told which consumer is meant.

Sentences that nobody has published are ours.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong

pytestmark = pytest.mark.parametrize("operation", ["DescribeStreamConsumer", "DeregisterStreamConsumer"])


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "ConsumerARN", "ConsumerName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, operation: str, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped(operation, field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {"ConsumerARN": "a", "ConsumerName": "", "StreamARN": "a"},
            [
                (
                    "Value 'a' at 'consumerARN' Member must satisfy regular expression pattern: "
                    ""
                    ""
                    ""
                    "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+"
                ),
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
def test_validation(kinesis: Api, operation: str, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints(operation, **request_) == sentences


def test_a_consumer_that_nobody_has(kinesis: Api, operation: str, name: str) -> None:
    arn = f"{kinesis.arn(name)}/consumer/none:1"
    message = f"Consumer {arn}, account {kinesis.account} not found."  # seen by moto
    assert kinesis.refusal(operation, ConsumerARN=arn) == (
        "ResourceNotFoundException",
        message,
    )
    refused = kinesis.refusal(operation, StreamARN=kinesis.arn(name), ConsumerName="none")
    assert refused == ("ResourceNotFoundException", f"Consumer none, account {kinesis.account} not found.")


@pytest.mark.parametrize("given", [(), ("ConsumerName",), ("StreamARN",)])
def test_it_must_be_said_which(kinesis: Api, operation: str, name: str, given: tuple[str, ...]) -> None:
    fields = {"ConsumerName": "c", "StreamARN": kinesis.arn(name)}
    refused = kinesis.refusal(operation, **{field: fields[field] for field in given})
    assert refused[0] == "InvalidArgumentException"


def test_what_is_said_must_agree(kinesis: Api, operation: str) -> None:
    arn = kinesis.consumer(kinesis.stream())
    refused = kinesis.refusal(operation, ConsumerARN=arn, ConsumerName="other")
    assert refused[0] == "InvalidArgumentException"
