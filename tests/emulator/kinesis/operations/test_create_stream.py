"""CreateStream. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import LONG, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong(
            "String", "StreamName", "StreamModeDetails.StreamMode", "RecordDistributionStrategy", "Tags.a"
        ),
        *wrong("Integer", "ShardCount", "MaxRecordSizeInKiB", "WarmThroughputMiBps"),
        *wrong("Structure", "StreamModeDetails"),
        *wrong("Map", "Tags"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("CreateStream", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'streamName' Member must not be null"]),
        (
            {"StreamName": "", "ShardCount": 0},
            [
                "Value '0' at 'shardCount' Member must have value greater than or equal to 1",
                ("Value '' at 'streamName' Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
                "Value '' at 'streamName' Member must have length greater than or equal to 1",
            ],
        ),
        (
            {"StreamName": LONG, "ShardCount": 100000000000},
            [
                ("Value '2147483647' at 'shardCount' Member must have value less than or equal to 100000"),
                (f"Value '{LONG}' at 'streamName' Member must have length less than or equal to 128"),
            ],
        ),
        (
            {"StreamName": "s", "StreamModeDetails": {"StreamMode": "PROVISIONED"}},
            ["Value null at 'shardCount' Member must not be null"],
        ),
        (
            {"StreamName": "s", "StreamModeDetails": {}},
            ["Value null at 'streamModeDetails.streamMode' Member must not be null"],
        ),
        (
            {"StreamName": "s", "ShardCount": 1, "MaxRecordSizeInKiB": 1, "Tags": {}},
            [
                ("Value '1' at 'maxRecordSizeInKiB' Member must have value greater than or equal to 1024"),
                "Value '{}' at 'tags' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("CreateStream", **request_) == sentences


def test_a_name_is_taken_once(kinesis: Api, name: str) -> None:
    message = f"Stream {name} under account {kinesis.account} already exists."
    assert kinesis.refusal("CreateStream", StreamName=name, ShardCount=1) == (
        "ResourceInUseException",
        message,
    )


def test_the_account_has_a_shard_limit(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, shard_limit=50)
    api.stream(3)
    api.on_demand_stream()
    assert api.refusal("CreateStream", StreamName="s", ShardCount=1000) == (
        "LimitExceededException",
        "This request would exceed the shard limit for the account 000000000000 in us-east-1. "
        "Current shard count "
        "for the account: 3. Limit: 50. Number of additional shards that would have resulted from "
        "this request: "
        "1000. Refer to the AWS Service Limits page "
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits "
        "and how to "
        "request higher limits.",
    )


def test_shards_share_the_hash_keys(kinesis: Api, name: str) -> None:
    third = 113427455640312821154458202477256070485
    assert kinesis.ranges(name) == [(0, third - 1), (third, 2 * third - 1), (2 * third, 2**128 - 1)]


def test_without_a_number_of_shards_it_is_on_demand_and_has_four(kinesis: Api) -> None:
    """LocalStack's snapshot of AWS, `test_create_stream_without_shard_count`."""
    name = kinesis.stream()
    kinesis.call("CreateStream", StreamName=f"{name}-more")
    assert kinesis.settle(f"{name}-more")["OpenShardCount"] == 4
    summary = kinesis.summary(kinesis.on_demand_stream())
    assert (summary["OpenShardCount"], summary["StreamModeDetails"]) == (4, {"StreamMode": "ON_DEMAND"})


def test_every_setting_is_shown(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    api.call("UpdateAccountSettings", MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    settings = {"WarmThroughputMiBps": 6, "RecordDistributionStrategy": "AUTO", "MaxRecordSizeInKiB": 2048}
    name = api.on_demand_stream(**settings, Tags={"a": "b"})
    summary = api.summary(name)
    assert summary["WarmThroughput"] == {"TargetMiBps": 6, "CurrentMiBps": 6}
    assert (summary["RecordDistributionStrategy"], summary["MaxRecordSizeInKiB"]) == ("AUTO", 2048)
    assert api.call("ListTagsForStream", StreamName=name)["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize("more", [{"RecordDistributionStrategy": "AUTO"}, {"WarmThroughputMiBps": 1}])
def test_some_settings_are_for_on_demand_streams_only(kinesis: Api, more: dict[str, Any]) -> None:
    refused = kinesis.refusal("CreateStream", StreamName="s", ShardCount=1, **more)
    assert refused[0] == "InvalidArgumentException"


def test_before_it_is_there(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    assert api.call("CreateStream", StreamName="s", ShardCount=3) == {}
    assert (api.summary("s")["StreamStatus"], api.summary("s")["OpenShardCount"]) == ("CREATING", 0)
    refused = api.refusal("GetShardIterator", StreamName="s", ShardId="shardId-0", ShardIteratorType="LATEST")
    message = f"Shard shardId-000000000000 in stream s under account {api.account} does not exist"
    assert refused == ("ResourceNotFoundException", message)
    message = f"Stream s under account {api.account} not ACTIVE, instead in state CREATING"
    for operation, request in {
        "MergeShards": {"ShardToMerge": "0", "AdjacentShardToMerge": "1"},
        "SplitShard": {"ShardToSplit": "0", "NewStartingHashKey": "2"},
    }.items():
        assert api.refusal(operation, StreamName="s", **request) == ("ResourceInUseException", message)
    refused = api.refusal("PutRecord", StreamName="s", PartitionKey="k", Data="")
    assert refused == ("ResourceNotFoundException", f"Stream s under account {api.account} not found.")


def test_five_at_a_time_with_limits_on(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100, as_aws=True)
    for at in range(5):
        api.call("CreateStream", StreamName=f"s{at}", ShardCount=1)
    assert api.refusal("CreateStream", StreamName="s5", ShardCount=1)[0] == "LimitExceededException"


def test_accounts_and_regions_are_apart(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    for api.account, api.region in (
        ("000000000000", "us-east-1"),
        ("111122223333", "us-east-1"),
        ("0" * 12, "eu"),
    ):
        assert api.call("ListStreams")["StreamNames"] == []
        api.call("CreateStream", StreamName="s", ShardCount=1)
        assert api.summary("s")["StreamARN"] == api.arn("s")
    elsewhere = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
    assert api.refusal("DescribeStream", StreamARN=elsewhere)[0] == "ResourceNotFoundException"
