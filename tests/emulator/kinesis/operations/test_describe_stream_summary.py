"""DescribeStreamSummary. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("DescribeStreamSummary", field, value) == ("SerializationException", sentence)


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
            {"StreamARN": "a", "StreamId": "a"},
            [
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                ),
                (
                    "Value 'a' at 'streamId' Member must satisfy regular expression pattern: "
                    "[a-z0-9]{20}-[a-z0-9]{3}"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("DescribeStreamSummary", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("DescribeStreamSummary", StreamName="none") == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal("DescribeStreamSummary", StreamARN=kinesis.arn("none")) == (
        "ResourceNotFoundException",
        message,
    )


def test_a_fresh_stream(kinesis: Api, name: str) -> None:
    summary = kinesis.call("DescribeStreamSummary", StreamARN=kinesis.arn(name))["StreamDescriptionSummary"]
    assert summary.pop("StreamCreationTimestamp") > 1e9
    assert summary == {
        "StreamName": name,
        "StreamARN": kinesis.arn(name),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": 24,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
        "OpenShardCount": 3,
        "ConsumerCount": 0,
        "MaxRecordSizeInKiB": 1024,
    }
