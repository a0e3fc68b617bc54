"""PutRecord. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong(
            "String",
            "PartitionKey",
            "ExplicitHashKey",
            "StreamName",
            "StreamARN",
            "StreamId",
            "SequenceNumberForOrdering",
        ),
        *wrong("Boolean", "DryRun"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("PutRecord", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'partitionKey' Member must not be null",
                "Value null at 'data' Member must not be null",
            ],
        ),
        (
            {
                "StreamName": "",
                "PartitionKey": "",
                "Data": "",
                "ExplicitHashKey": "",
                "SequenceNumberForOrdering": "",
            },
            [
                (
                    "Value '' at 'sequenceNumberForOrdering' Member must satisfy regular expression "
                    "pattern: 0|([1-9]\\d{0,128})"
                ),
                "Value '' at 'partitionKey' Member must have length greater than or equal to 1",
                (
                    "Value '' at 'explicitHashKey' Member must satisfy regular expression pattern: "
                    "0|([1-9]\\d{0,38})"
                ),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("PutRecord", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("PutRecord", StreamName="none", PartitionKey="k", Data="") == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal("PutRecord", StreamARN=kinesis.arn("none"), PartitionKey="k", Data="") == (
        "ResourceNotFoundException",
        message,
    )


def test_a_hash_key_has_128_bits(kinesis: Api, name: str) -> None:
    request = {"StreamName": name, "PartitionKey": "k", "Data": "", "ExplicitHashKey": str(2**128)}
    assert kinesis.refusal("PutRecord", **request) == (
        "InvalidArgumentException",
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
        f"{2**128}",
    )


def test_a_record_goes_where_its_hash_says(kinesis: Api, name: str) -> None:
    for shard, (start, end) in enumerate(kinesis.ranges(name)):
        for key in (start, end):
            assert kinesis.put(name, ExplicitHashKey=str(key))["ShardId"] == f"shardId-{shard:012d}"


def test_numbers_grow(kinesis: Api) -> None:
    name = kinesis.stream()
    numbers = [int(kinesis.put(name)["SequenceNumber"]) for _ in range(5)]
    assert numbers == sorted(set(numbers))
