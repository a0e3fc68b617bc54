"""Where a reader begins, what it is given, and where a shard ends for it. Time is a number here."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from emulator.kinesis.state.shards import MAX_HASH_KEY, Shard
from emulator.kinesis.state.streams import Stream
from tests.emulator.kinesis.direct import HOUR_MS, T0_MS, Client, texts


def test_latest_at_timestamp_and_numbers_name_the_right_place() -> None:
    client = Client()
    client.stream()
    numbers = []
    for text in "abc":
        client.now_ms += 1000
        numbers.append(client.put(text)[0]["SequenceNumber"])
    latest = client.iterator("LATEST")
    client.put("d")

    def read(kind: str, **more: Any) -> str:
        return "".join(texts(client.get(client.iterator(kind, **more))))

    assert "".join(texts(client.get(latest))) == "d"
    assert read("TRIM_HORIZON") == "abcd"
    assert read("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == "bcd"
    assert read("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == "cd"
    assert read("AT_TIMESTAMP", Timestamp=(client.now_ms - 1000) / 1000) == "bcd"
    assert read("AT_TIMESTAMP", Timestamp=(client.now_ms - 999) / 1000) == "cd"
    assert read("AT_TIMESTAMP", Timestamp=0) == "abcd"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"ShardIteratorType": "LATEST", "StartingSequenceNumber": "5"}, "LATEST and also a StartingSeq"),
        ({"ShardIteratorType": "AT_SEQUENCE_NUMBER"}, "AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
        ({"ShardIteratorType": "AT_TIMESTAMP"}, "Must specify timestampInMillis parameter"),
        ({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": T0_MS}, "The timestampInMillis parameter cannot"),
        (
            {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "5"},
            "StartingSequenceNumber 5 used in GetShardIterator on shard shardId-000000000000 in stream s "
            "under account 000000000000 is invalid.",
        ),
        (
            {"ShardId": "9", "ShardIteratorType": "LATEST"},
            "Shard shardId-000000000009 in stream s under account 000000000000 does not exist",
        ),
        (
            {"ShardId": "no-shard", "ShardIteratorType": "LATEST"},
            "Could not find shard no-shard in stream s under account 000000000000.",
        ),
    ],
)
def test_a_place_that_cannot_be_is_refused_as_in_aws(request_: dict[str, object], message: str) -> None:
    client = Client()
    client.stream()
    answer = client.call("GetShardIterator", **{"StreamName": "s", "ShardId": "0", **request_})
    assert message in answer["message"]


def test_a_number_of_another_shard_is_refused() -> None:
    client = Client()
    client.stream(shards=2)
    (record,) = client.put("a")
    other = 1 - int(record["ShardId"][-1])
    answer = client.call(
        "GetShardIterator",
        StreamName="s",
        ShardId=str(other),
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=record["SequenceNumber"],
    )
    assert answer["message"] == (
        f"Invalid StartingSequenceNumber. It encodes {record['ShardId']}, while it was used in a call to a "
        f"shard with shardId-00000000000{other}"
    )


def test_a_reader_knows_how_far_behind_it_is() -> None:
    client = Client()
    client.stream()
    client.put("a")
    client.now_ms += 5000
    client.put("b")
    answer = client.get(client.iterator("TRIM_HORIZON"), Limit=1)
    assert (texts(answer), answer["MillisBehindLatest"]) == (["a"], 5000)
    answer = client.get(answer["NextShardIterator"], Limit=1)
    assert (texts(answer), answer["MillisBehindLatest"]) == (["b"], 0)
    client.put("c", "d")
    assert client.get(answer["NextShardIterator"], Limit=1)["MillisBehindLatest"] == 1


def test_an_answer_holds_ten_mebibytes_at_most_and_one_record_at_least() -> None:
    client = Client()
    client.call("CreateStream", StreamName="s", ShardCount=1, MaxRecordSizeInKiB=10_240)
    client.now_ms += 100
    key_bytes = 1
    sizes = [4 << 20, (6 << 20) - 2 * key_bytes, 1, (10 << 20) - key_bytes, 1]
    for size in sizes:
        data = base64.b64encode(bytes(size)).decode()
        assert "ShardId" in client.call("PutRecord", StreamName="s", Data=data, PartitionKey="k")
    answers: list[int] = []
    iterator = client.iterator("TRIM_HORIZON")
    while sum(answers) < len(sizes):
        answer = client.get(iterator)
        iterator = answer["NextShardIterator"]
        answers.append(len(answer["Records"]))
    assert answers == [2, 1, 1, 1]


def split(stream: Stream, now_ms: int) -> None:
    """Close the only shard, and let two children follow it, as SplitShard will."""
    (parent,) = stream.shards
    parent.ended_ms = now_ms
    middle = 2**127
    stream.shards += [
        Shard(1, 0, middle - 1, now_ms, parents=(0,)),
        Shard(2, middle, MAX_HASH_KEY, now_ms, parents=(0,)),
    ]
    stream.route()


def test_a_closed_shard_ends_with_its_last_record_and_names_its_children() -> None:
    client = Client()
    stream = client.stream()
    client.put("a", "b")
    client.now_ms += 1000
    split(stream, client.now_ms)
    assert client.put("c")[0]["ShardId"] != "shardId-000000000000"
    answer = client.get(client.iterator("TRIM_HORIZON"), Limit=1)
    assert "NextShardIterator" in answer
    answer = client.get(answer["NextShardIterator"])
    assert texts(answer) == ["b"]
    assert "NextShardIterator" not in answer
    children = answer["ChildShards"]
    assert [(child["ShardId"], child["ParentShards"]) for child in children] == [
        ("shardId-000000000001", ["shardId-000000000000"]),
        ("shardId-000000000002", ["shardId-000000000000"]),
    ]


def test_shards_can_be_listed_by_when_they_were_open() -> None:
    client = Client(retention_s=3600)
    stream = client.stream()
    client.now_ms += 60_000
    split(stream, client.now_ms)
    client.now_ms += 60_000

    def listed(kind: str, **more: object) -> str:
        answer = client.call("ListShards", StreamName="s", ShardFilter={"Type": kind, **more})
        assert "Shards" in answer, answer
        return "".join(shard["ShardId"][-1] for shard in answer["Shards"])

    split_s = (client.now_ms - 60_000) / 1000
    assert listed("AT_LATEST") == "12"
    assert listed("AT_TRIM_HORIZON") == "0"
    assert listed("FROM_TRIM_HORIZON") == "012"
    assert listed("AT_TIMESTAMP", Timestamp=split_s - 1) == "0"
    assert listed("AT_TIMESTAMP", Timestamp=split_s + 1) == "12"
    assert listed("FROM_TIMESTAMP", Timestamp=split_s + 1) == "12"
    assert listed("AFTER_SHARD_ID", ShardId="shardId-000000000001") == "2"
    client.now_ms += HOUR_MS
    assert listed("FROM_TRIM_HORIZON") == "12"
    answer = client.call("ListShards", StreamName="s", ShardFilter={"Type": "AT_TIMESTAMP"})
    assert answer["__type"] == "InvalidArgumentException"


def test_a_token_of_shards_stands_for_itself_and_expires() -> None:
    client = Client()
    client.stream(shards=3)
    token = client.call("ListShards", StreamName="s", MaxResults=2)["NextToken"]
    (last,) = client.call("ListShards", NextToken=token)["Shards"]
    assert last["ShardId"] == "shardId-000000000002"
    assert client.call("ListShards", NextToken=token, StreamName="s")["message"] == (
        "NextToken and StreamName cannot be provided together."
    )
    assert client.call("ListShards", NextToken="x")["__type"] == "InvalidArgumentException"
    client.now_ms += 300_001
    assert client.call("ListShards", NextToken=token)["__type"] == "ExpiredNextTokenException"
