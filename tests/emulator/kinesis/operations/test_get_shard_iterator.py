"""GetShardIterator. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong(
            "String",
            "ShardId",
            "ShardIteratorType",
            "StartingSequenceNumber",
            "StreamName",
            "StreamARN",
            "StreamId",
        ),
        *wrong("Timestamp", "Timestamp"),
        *wrong("Boolean", "DryRun"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("GetShardIterator", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'shardId' Member must not be null",
                "Value null at 'shardIteratorType' Member must not be null",
            ],
        ),
        (
            {"StreamName": "", "ShardIteratorType": "", "ShardId": "", "StartingSequenceNumber": ""},
            [
                ("Value '' at 'shardId' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'shardId' Member must have length greater than or equal to 1",
                (
                    "Value '' at 'shardIteratorType' Member must satisfy enum value set: "
                    "[AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
                ),
                (
                    "Value '' at 'startingSequenceNumber' Member must satisfy regular expression pattern: "
                    "0|([1-9]\\d{0,128})"
                ),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("GetShardIterator", **request_) == sentences


@pytest.mark.parametrize("shard", ["2147483648", "shardId-002147483648", "ABKLFD8", "2.14E4"])
def test_a_name_that_is_no_shard(kinesis: Api, shard: str) -> None:
    refused = kinesis.refusal(
        "GetShardIterator", StreamName="none", ShardId=shard, ShardIteratorType="LATEST"
    )
    message = f"Could not find shard {shard} in stream none under account {kinesis.account}."
    assert refused == ("ResourceNotFoundException", message)


def test_a_shard_that_is_not_there(kinesis: Api, name: str) -> None:
    for stream in ("none", name):
        refused = kinesis.refusal(
            "GetShardIterator", StreamName=stream, ShardId="5", ShardIteratorType="LATEST"
        )
        message = (
            f"Shard shardId-000000000005 in stream {stream} under account {kinesis.account} does not exist"
        )
        assert refused == ("ResourceNotFoundException", message)


@pytest.mark.parametrize(
    ("kind", "number", "specified"),
    [
        ("LATEST", "5", "LATEST and also a StartingSequenceNumber."),
        ("TRIM_HORIZON", "5", "TRIM_HORIZON and also a StartingSequenceNumber."),
        ("AT_SEQUENCE_NUMBER", None, "AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
        ("AFTER_SEQUENCE_NUMBER", None, "AFTER_SEQUENCE_NUMBER and no StartingSequenceNumber."),
    ],
)
def test_a_number_with_the_types_that_need_it(
    kinesis: Api, name: str, kind: str, number: str | None, specified: str
) -> None:
    refused = kinesis.refusal(
        "GetShardIterator",
        StreamName=name,
        ShardId="0",
        ShardIteratorType=kind,
        StartingSequenceNumber=number,
    )
    assert refused == (
        "InvalidArgumentException",
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
        "StartingSequenceNumber or (2) "
        f"TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {specified}",
    )


def test_every_type_on_a_closed_shard(kinesis: Api) -> None:
    name = kinesis.stream()
    first, second = (kinesis.put(name, key)["SequenceNumber"] for key in ("a", "b"))
    created = kinesis.summary(name)["StreamCreationTimestamp"]
    kinesis.call("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey="99")
    kinesis.settle(name)

    def keys(kind: str, **more: Any) -> list[str]:
        answer = kinesis.call("GetRecords", ShardIterator=kinesis.iterator(name, kind, **more))
        assert len(answer["ChildShards"]) == 2
        return [record["PartitionKey"] for record in answer["Records"]]

    assert keys("TRIM_HORIZON") == keys("AT_TIMESTAMP", Timestamp=created) == ["a", "b"]
    assert keys("AT_SEQUENCE_NUMBER", StartingSequenceNumber=second) == ["b"]
    assert keys("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first) == ["b"]
    assert keys("LATEST") == []


def test_not_of_the_future(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    request = {"StreamName": api.stream(), "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP"}
    later_ms = api.now_ms + 1000
    assert api.refusal("GetShardIterator", **request, Timestamp=later_ms / 1000) == (
        "InvalidArgumentException",
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
        "timestampInMillis: "
        f"{later_ms}, currentTimestampInMillis: {api.now_ms}",
    )
