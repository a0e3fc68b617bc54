"""MergeShards. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "ShardToMerge", "AdjacentShardToMerge", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("MergeShards", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'shardToMerge' Member must not be null",
                "Value null at 'adjacentShardToMerge' Member must not be null",
            ],
        ),
        (
            {"StreamName": "", "ShardToMerge": "", "AdjacentShardToMerge": ""},
            [
                (
                    "Value '' at 'shardToMerge' Member must satisfy regular expression pattern: "
                    "[a-zA-Z0-9_.-]+"
                ),
                "Value '' at 'shardToMerge' Member must have length greater than or equal to 1",
                (
                    "Value '' at 'adjacentShardToMerge' Member must satisfy regular expression pattern: "
                    "[a-zA-Z0-9_.-]+"
                ),
                ("Value '' at 'adjacentShardToMerge' Member must have length greater than or equal to 1"),
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("MergeShards", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal(
        "MergeShards", StreamName="none", ShardToMerge="0", AdjacentShardToMerge="x-2147483647"
    ) == ("ResourceNotFoundException", message)
    assert kinesis.refusal(
        "MergeShards", StreamARN=kinesis.arn("none"), ShardToMerge="0", AdjacentShardToMerge="x-2147483647"
    ) == ("ResourceNotFoundException", message)


@pytest.mark.parametrize("shard", ["2147483648", "shardId-002147483648", "ABKLFD8", "2.14E4"])
@pytest.mark.parametrize("field", ["ShardToMerge", "AdjacentShardToMerge"])
def test_a_name_that_is_no_shard_is_refused_before_the_stream_is_looked_for(
    kinesis: Api, field: str, shard: str
) -> None:
    request = {"StreamName": "none", "ShardToMerge": "0", "AdjacentShardToMerge": "0", field: shard}
    assert kinesis.refusal("MergeShards", **request) == (
        "ResourceNotFoundException",
        f"Could not find shard {shard} in stream none under account {kinesis.account}.",
    )


@pytest.mark.parametrize(("left", "right"), [(0, 2), (1, 0)])
def test_shards_must_be_neighbours_and_the_left_one_named_first(
    kinesis: Api, name: str, left: int, right: int
) -> None:
    assert kinesis.refusal(
        "MergeShards", StreamName=name, ShardToMerge=f"x-{left}", AdjacentShardToMerge=f"x-{right}"
    ) == (
        "InvalidArgumentException",
        f"Shards shardId-{left:012d} and shardId-{right:012d} in stream {name} under account "
        f"{kinesis.account} are not an adjacent pair of shards eligible for merging",
    )


def test_two_shards_become_one(kinesis: Api) -> None:
    name = kinesis.stream(3)
    assert kinesis.call("MergeShards", StreamName=name, ShardToMerge="1", AdjacentShardToMerge="2") == {}
    kinesis.settle(name)
    *_, child = kinesis.shards(name)
    assert child["ShardId"] == "shardId-000000000003"
    assert (child["ParentShardId"][-1], child["AdjacentParentShardId"][-1]) == ("1", "2")
    assert kinesis.ranges(name)[1][1] == 2**128 - 1
    closed = kinesis.refusal("MergeShards", StreamName=name, ShardToMerge="1", AdjacentShardToMerge="2")
    assert closed[0] == "InvalidArgumentException"
    assert "has already been merged or split" in closed[1]


def test_both_parents_name_the_child_at_their_end(kinesis: Api) -> None:
    name = kinesis.stream(2)
    kinesis.call("MergeShards", StreamName=name, ShardToMerge="0", AdjacentShardToMerge="1")
    kinesis.settle(name)
    for shard in (0, 1):
        answer = kinesis.call("GetRecords", ShardIterator=kinesis.iterator(name, "LATEST", shard))
        assert "NextShardIterator" not in answer
        (child,) = answer["ChildShards"]
        assert child["ParentShards"] == ["shardId-000000000000", "shardId-000000000001"]
