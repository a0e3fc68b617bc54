"""What EnableEnhancedMonitoring and DisableEnhancedMonitoring refuse alike.

Sentences that nobody has published are ours.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong

pytestmark = pytest.mark.parametrize("operation", ["EnableEnhancedMonitoring", "DisableEnhancedMonitoring"])


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("List", "ShardLevelMetrics"),
        *wrong("String", "ShardLevelMetrics.0", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, operation: str, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped(operation, field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'shardLevelMetrics' Member must not be null"]),
        (
            {"StreamName": "", "ShardLevelMetrics": []},
            [
                ("Value '[]' at 'shardLevelMetrics' Member must have length greater than or equal to 1"),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "s", "ShardLevelMetrics": ["ALL", "all"]},
            [
                (
                    "Value '[ALL, all]' at 'shardLevelMetrics' Member must satisfy constraint: [Member "
                    "must satisfy enum value set: [IncomingBytes, IncomingRecords, OutgoingBytes, "
                    "OutgoingRecords, WriteProvisionedThroughputExceeded, "
                    "ReadProvisionedThroughputExceeded, IteratorAgeMilliseconds, ALL]]"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, operation: str, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints(operation, **request_) == sentences


ALL_METRICS = {
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
}


def test_a_stream_that_nobody_has(kinesis: Api, operation: str) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal(operation, StreamName="none", ShardLevelMetrics=["ALL"]) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal(operation, StreamARN=kinesis.arn("none"), ShardLevelMetrics=["ALL"]) == (
        "ResourceNotFoundException",
        message,
    )
