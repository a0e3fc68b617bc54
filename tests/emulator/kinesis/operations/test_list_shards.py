"""ListShards. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import HOUR_MS, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "MaxResults"),
        *wrong(
            "String",
            "ExclusiveStartShardId",
            "NextToken",
            "ShardFilter.Type",
            "ShardFilter.ShardId",
            "StreamName",
            "StreamARN",
            "StreamId",
        ),
        *wrong("Timestamp", "StreamCreationTimestamp", "ShardFilter.Timestamp"),
        *wrong("Structure", "ShardFilter"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("ListShards", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {"StreamName": "", "NextToken": "", "MaxResults": 0, "ExclusiveStartShardId": ""},
            [
                (
                    "Value '' at 'exclusiveStartShardId' Member must satisfy regular expression pattern: "
                    "[a-zA-Z0-9_.-]+"
                ),
                ("Value '' at 'exclusiveStartShardId' Member must have length greater than or equal to 1"),
                "Value '0' at 'maxResults' Member must have value greater than or equal to 1",
                "Value '' at 'nextToken' Member must have length greater than or equal to 1",
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "s", "ShardFilter": {"Type": "X"}},
            [
                (
                    "Value 'X' at 'shardFilter.type' Member must satisfy enum value set: [AFTER_SHARD_ID, "
                    "AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP]"
                )
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("ListShards", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("ListShards", StreamName="none") == ("ResourceNotFoundException", message)
    assert kinesis.refusal("ListShards", StreamARN=kinesis.arn("none")) == (
        "ResourceNotFoundException",
        message,
    )


def test_a_stream_or_a_token(kinesis: Api) -> None:
    message = "Either NextToken or StreamName should be provided."
    assert kinesis.refusal("ListShards") == ("InvalidArgumentException", message)


@pytest.mark.parametrize(
    "more",
    [
        {"StreamName": "s"},
        {"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s"},
        {"ExclusiveStartShardId": "shardId-0"},
        {"ShardFilter": {"Type": "AT_LATEST"}},  # apache/beam#33478
        {"StreamCreationTimestamp": 1},
    ],
)
def test_a_token_stands_for_all_else(kinesis: Api, more: dict[str, Any]) -> None:
    (field,) = more
    message = f"NextToken and {field} cannot be provided together."
    assert kinesis.refusal("ListShards", NextToken="t", **more) == ("InvalidArgumentException", message)


def test_shards_come_in_pages(kinesis: Api, name: str) -> None:
    first = kinesis.call("ListShards", StreamName=name, MaxResults=2)
    rest = kinesis.call("ListShards", NextToken=first["NextToken"])
    assert [shard["ShardId"][-1] for shard in first["Shards"] + rest["Shards"]] == ["0", "1", "2"]
    assert "NextToken" not in rest
    assert kinesis.shard_ids(name, ExclusiveStartShardId="shardId-000000000001") == [2]
    assert kinesis.refusal("ListShards", NextToken="nonsense")[0] == "InvalidArgumentException"


def test_tokens_expire(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    token = api.call("ListShards", StreamName=api.stream(2), MaxResults=1)["NextToken"]
    api.now_ms += 300_001
    assert api.refusal("ListShards", NextToken=token)[0] == "ExpiredNextTokenException"


def test_filters_look_at_when_a_shard_was_open(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    name = api.stream()
    created_s = api.now_ms / 1000
    api.now_ms += HOUR_MS
    api.call("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey="99")
    api.now_ms += HOUR_MS

    def ids(kind: str, **more: object) -> list[int]:
        return api.shard_ids(name, ShardFilter={"Type": kind, **more})

    assert api.shard_ids(name) == ids("FROM_TRIM_HORIZON") == [0, 1, 2]
    assert ids("AT_LATEST") == [1, 2]
    assert ids("AT_TRIM_HORIZON") == [0]
    assert ids("AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2]
    assert ids("AT_TIMESTAMP", Timestamp=created_s + 1) == [0]
    assert ids("AT_TIMESTAMP", Timestamp=created_s + 3601) == [1, 2]
    assert ids("FROM_TIMESTAMP", Timestamp=created_s) == [0, 1, 2]
    assert ids("FROM_TIMESTAMP", Timestamp=created_s + 3601) == [1, 2]
    api.now_ms += 23 * HOUR_MS - 1
    assert api.shard_ids(name) == [0, 1, 2]
    api.now_ms += 1
    assert api.shard_ids(name) == ids("AT_TRIM_HORIZON") == [1, 2]


@pytest.mark.parametrize("kind", ["AFTER_SHARD_ID", "AT_TIMESTAMP", "FROM_TIMESTAMP"])
def test_some_filters_need_more(kinesis: Api, name: str, kind: str) -> None:
    refused = kinesis.refusal("ListShards", StreamName=name, ShardFilter={"Type": kind})
    assert refused[0] == "InvalidArgumentException"
