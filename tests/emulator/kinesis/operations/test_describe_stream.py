"""DescribeStream. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "Limit"),
        *wrong("String", "ExclusiveStartShardId", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("DescribeStream", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {"StreamName": "", "Limit": 0, "ExclusiveStartShardId": ""},
            [
                "Value '0' at 'limit' Member must have value greater than or equal to 1",
                (
                    "Value '' at 'exclusiveStartShardId' Member must satisfy regular expression pattern: "
                    "[a-zA-Z0-9_.-]+"
                ),
                ("Value '' at 'exclusiveStartShardId' Member must have length greater than or equal to 1"),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "s", "Limit": 100000},
            ["Value '100000' at 'limit' Member must have value less than or equal to 10000"],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("DescribeStream", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("DescribeStream", StreamName="none") == ("ResourceNotFoundException", message)
    assert kinesis.refusal("DescribeStream", StreamARN=kinesis.arn("none")) == (
        "ResourceNotFoundException",
        message,
    )


def test_shards_come_in_pages(kinesis: Api, name: str) -> None:
    first = kinesis.call("DescribeStream", StreamName=name, Limit=2)["StreamDescription"]
    assert [shard["ShardId"][-1] for shard in first["Shards"]] == ["0", "1"]
    assert first["HasMoreShards"] is True
    last = first["Shards"][-1]["ShardId"]
    rest = kinesis.call("DescribeStream", StreamARN=kinesis.arn(name), ExclusiveStartShardId=last)
    assert [shard["ShardId"][-1] for shard in rest["StreamDescription"]["Shards"]] == ["2"]
    assert rest["StreamDescription"]["HasMoreShards"] is False


def test_a_fresh_stream(kinesis: Api) -> None:
    name = kinesis.stream()
    described = kinesis.call("DescribeStream", StreamName=name)["StreamDescription"]
    assert described.pop("StreamCreationTimestamp") > 1e9
    (shard,) = described.pop("Shards")
    assert len(shard.pop("SequenceNumberRange")["StartingSequenceNumber"]) == 56
    assert shard == {
        "ShardId": "shardId-000000000000",
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)},
    }
    assert described == {
        "StreamName": name,
        "StreamARN": kinesis.arn(name),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "HasMoreShards": False,
        "RetentionPeriodHours": 24,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }
