"""SplitShard. Sentences are kinesalite's, whose suite ran against AWS, unless another is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.kinesis.state.sequence_numbers import MAX_INDEX, parse
from tests.emulator.kinesis.operations.api import HOUR_MS, Api, OwnApi, wrong

MAX = 2**128 - 1
HALF = str(2**127)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    wrong("String", "NewStartingHashKey", "StreamName", "ShardToSplit", "StreamARN", "StreamId"),
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("SplitShard", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'newStartingHashKey' Member must not be null",
                "Value null at 'shardToSplit' Member must not be null",
            ],
        ),
        (
            {"StreamName": "", "ShardToSplit": "", "NewStartingHashKey": ""},
            [
                "Value '' at 'newStartingHashKey' Member must satisfy regular expression pattern: "
                r"0|([1-9]\d{0,38})",
                "Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
                "Value '' at 'shardToSplit' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
                "Value '' at 'shardToSplit' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": "a" * 129, "ShardToSplit": "b" * 129, "NewStartingHashKey": "0"},
            [
                f"Value '{'a' * 129}' at 'streamName' Member must have length less than or equal to 128",
                f"Value '{'b' * 129}' at 'shardToSplit' Member must have length less than or equal to 128",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("SplitShard", **request_) == sentences


@pytest.mark.parametrize("shard", ["2147483647", "abc-2147483647", "a-00002147483647", "-00002147483647"])
def test_the_stream_is_looked_for_before_the_shard(kinesis: Api, shard: str) -> None:
    code, message = kinesis.refusal(
        "SplitShard", StreamName="none", ShardToSplit=shard, NewStartingHashKey="0"
    )
    assert (code, message) == (
        "ResourceNotFoundException",
        f"Stream none under account {kinesis.account} not found.",
    )


@pytest.mark.parametrize("shard", ["2147483648", "shardId-002147483648", "ABKLFD8", "2.14E4"])
def test_a_name_that_is_no_shard_is_refused_before_the_stream_is_looked_for(kinesis: Api, shard: str) -> None:
    code, message = kinesis.refusal(
        "SplitShard", StreamName="none", ShardToSplit=shard, NewStartingHashKey="0"
    )
    assert (code, message) == (
        "ResourceNotFoundException",
        f"Could not find shard {shard} in stream none under account {kinesis.account}.",
    )


@pytest.mark.parametrize(
    ("shard", "key", "start", "end"),
    [
        (0, 1, 0, MAX // 3 - 1),
        (0, MAX // 3 - 1, 0, MAX // 3 - 1),
        (2, 10**39 - 1, MAX // 3 * 2, MAX),
    ],
)
def test_the_key_must_be_well_within_the_shard(
    kinesis: Api, name: str, shard: int, key: int, start: int, end: int
) -> None:
    refused = kinesis.refusal(
        "SplitShard", StreamName=name, ShardToSplit=str(shard), NewStartingHashKey=str(key)
    )
    assert refused == (
        "InvalidArgumentException",
        f"NewStartingHashKey {key} used in SplitShard() on shard shardId-{shard:012d} in stream {name} under "
        f"account {kinesis.account} is not both greater than one plus the shard's StartingHashKey {start} "
        f"and less than the shard's EndingHashKey {end}.",
    )


def test_a_shard_becomes_two(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.put(name, "a")
    assert kinesis.call("SplitShard", StreamName=name, ShardToSplit="any-0", NewStartingHashKey="2") == {}
    kinesis.settle(name)
    parent, left, right = kinesis.shards(name)
    assert left["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": "1"}
    assert right["HashKeyRange"] == {"StartingHashKey": "2", "EndingHashKey": str(MAX)}
    assert [each.get("ParentShardId") for each in (parent, left, right)] == [
        None,
        *["shardId-000000000000"] * 2,
    ]
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert "EndingSequenceNumber" not in left["SequenceNumberRange"]
    assert kinesis.put(name, ExplicitHashKey="1")["ShardId"].endswith("1")
    assert kinesis.put(name, ExplicitHashKey="2")["ShardId"].endswith("2")
    refused = kinesis.refusal("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey=HALF)
    assert refused == (  # seen by moto
        "InvalidArgumentException",
        f"Shard shardId-000000000000 in stream {name} under account {kinesis.account} has already been "
        "merged or split, and thus is not eligible for merging or splitting.",
    )


def test_the_parent_takes_records_while_updating_and_is_read_to_its_end(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=500)
    name = api.stream()
    api.call("SplitShard", StreamARN=api.arn(name), ShardToSplit="0", NewStartingHashKey=HALF)
    assert api.summary(name)["StreamStatus"] == "UPDATING"
    assert len(api.shards(name)) == 1
    assert api.put(name)["ShardId"].endswith("0")
    refused = api.refusal("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey="2")
    message = f"Stream {name} under account {api.account} not ACTIVE, instead in state UPDATING"
    assert refused == ("ResourceInUseException", message)
    api.settle(name)
    assert api.shard_ids(name) == [0, 1, 2]
    answer = api.call("GetRecords", ShardIterator=api.iterator(name))
    assert len(answer["Records"]) == 1
    assert "NextShardIterator" not in answer
    assert [child["ShardId"][-1] for child in answer["ChildShards"]] == ["1", "2"]
    last = api.shards(name)[0]["SequenceNumberRange"]["EndingSequenceNumber"]
    at_end = api.iterator(name, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=last)
    assert api.call("GetRecords", ShardIterator=at_end)["Records"] == []
    api.now_ms += 24 * HOUR_MS
    assert api.shard_ids(name) == [1, 2]
    refused = api.refusal("GetShardIterator", StreamName=name, ShardId="0", ShardIteratorType="LATEST")
    assert refused[0] == "ResourceNotFoundException"


def test_numbers_of_children_are_higher_and_the_parents_end_is_the_highest(
    own: Callable[..., OwnApi],
) -> None:
    api = own(transition_ms=500)
    name = api.stream()
    api.call("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey=HALF)
    api.settle(name)
    parent, left, _ = (shard["SequenceNumberRange"] for shard in api.shards(name))
    parsed = parse(parent["EndingSequenceNumber"])
    assert int(left["StartingSequenceNumber"]) > int(parent["EndingSequenceNumber"])
    assert parsed is not None
    assert parsed.index == MAX_INDEX


def test_the_account_has_a_shard_limit(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, shard_limit=1)
    name = api.stream()
    refused = api.refusal("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey=HALF)
    assert refused[0] == "LimitExceededException"
    assert "Current shard count for the account: 1. Limit: 1. Number of additional shards that" in refused[1]


def test_an_on_demand_stream_is_not_split_by_hand(kinesis: Api) -> None:
    name = kinesis.on_demand_stream()
    refused = kinesis.refusal("SplitShard", StreamName=name, ShardToSplit="0", NewStartingHashKey="2")
    message = f"Request is invalid. Stream {name} under account {kinesis.account} is in On-Demand mode."
    assert refused == ("ValidationException", message)
