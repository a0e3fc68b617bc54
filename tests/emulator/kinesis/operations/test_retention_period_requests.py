"""What IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod refuse alike.

Sentences are kinesalite's, whose suite ran against AWS, or named.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong

pytestmark = pytest.mark.parametrize(
    "operation", ["IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod"]
)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "StreamName", "StreamARN", "StreamId"),
        *wrong("Integer", "RetentionPeriodHours"),
    ],
)
def test_serialisation(kinesis: Api, operation: str, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped(operation, field, value) == (
        "SerializationException",
        sentence,
    )


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'retentionPeriodHours' Member must not be null"]),
        (
            {"StreamName": "", "RetentionPeriodHours": 24},
            [
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamARN": "a", "RetentionPeriodHours": 24},
            [
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, operation: str, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints(operation, **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api, operation: str) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal(operation, StreamName="none", RetentionPeriodHours=25) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal(operation, StreamARN=kinesis.arn("none"), RetentionPeriodHours=25) == (
        "ResourceNotFoundException",
        message,
    )


@pytest.mark.parametrize(("hours", "limit"), [(23, "Minimum"), (-1, "Minimum"), (8761, "Maximum")])
def test_a_day_is_the_least_and_a_year_the_most(
    kinesis: Api, operation: str, name: str, hours: int, limit: str
) -> None:
    most, wrong_way = ("24", "short") if limit == "Minimum" else ("8760", "long")
    assert kinesis.refusal(operation, StreamName=name, RetentionPeriodHours=hours) == (
        "InvalidArgumentException",
        f"{limit} allowed retention period is {most} hours. Requested retention period ({hours} hours) is "
        f"too {wrong_way}.",
    )
