"""What streams keep and for how long, and where records go. Time is a number here."""

from __future__ import annotations

import base64
from hashlib import md5
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis.state.shards import MAX_HASH_KEY, split_evenly
from emulator.kinesis.state.streams import Stream, Wanted
from emulator.scope import Scope
from tests.emulator.kinesis.direct import HOUR_MS, SCOPE, T0_MS, Client, texts


def test_a_stream_is_creating_then_active_then_deleting_then_gone() -> None:
    client = Client(transition_ms=500)
    client.call("CreateStream", StreamName="s", ShardCount=2)

    def status() -> Any:
        summary = client.call("DescribeStreamSummary", StreamName="s")
        return summary.get("StreamDescriptionSummary", {}).get("StreamStatus") or summary["__type"]

    assert status() == "CREATING"
    assert client.call("DescribeStream", StreamName="s")["StreamDescription"]["Shards"] == []
    assert client.call("PutRecord", StreamName="s", Data="", PartitionKey="k") == {
        "__type": "ResourceNotFoundException",
        "message": "Stream s under account 000000000000 not found.",
    }
    assert client.call("DeleteStream", StreamName="s")["__type"] == "ResourceInUseException"
    client.now_ms += 500
    assert status() == "ACTIVE"
    assert client.call("DeleteStream", StreamName="s") == {}
    assert status() == "DELETING"
    assert client.call("DeleteStream", StreamName="s") == {
        "__type": "ResourceInUseException",
        "message": "Stream s under account 000000000000 not ACTIVE, instead in state DELETING",
    }
    assert client.call("CreateStream", StreamName="s", ShardCount=1)["__type"] == "ResourceInUseException"
    client.now_ms += 500
    assert status() == "ResourceNotFoundException"
    assert client.call("CreateStream", StreamName="s", ShardCount=1) == {}


def test_the_account_has_a_shard_limit() -> None:
    client = Client(shard_limit=5)
    client.stream("a", shards=3)
    answer = client.call("CreateStream", StreamName="b", ShardCount=3)
    assert answer["__type"] == "LimitExceededException"
    assert "Current shard count for the account: 3. Limit: 5." in answer["message"]


def test_an_on_demand_stream_has_four_shards_and_a_provisioned_one_must_say() -> None:
    client = Client(transition_ms=0)
    client.call("CreateStream", StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = client.call("DescribeStreamSummary", StreamName="s")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["StreamModeDetails"]) == (4, {"StreamMode": "ON_DEMAND"})
    mode = {"StreamMode": "PROVISIONED"}
    assert client.call("CreateStream", StreamName="t", StreamModeDetails=mode)["message"] == (
        "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: Member must "
        "not be null"
    )


@given(st.integers(1, 300))
def test_shards_share_all_hash_keys(count: int) -> None:
    shards = split_evenly(count, T0_MS)
    edges = [(shard.starting_hash_key, shard.ending_hash_key) for shard in shards]
    assert edges[0][0] == 0
    assert edges[-1][1] == MAX_HASH_KEY
    assert all(edges[at][1] + 1 == edges[at + 1][0] for at in range(count - 1))


@given(st.integers(1, 50), st.text(min_size=1, max_size=20), st.integers(0, MAX_HASH_KEY))
def test_a_record_goes_to_the_shard_that_has_its_hash(count: int, key: str, hash_key: int) -> None:
    stream = Stream(SCOPE, Wanted("s", count), T0_MS, HOUR_MS, 0)
    digest = int.from_bytes(md5(key.encode(), usedforsecurity=False).digest(), "big")
    for hashed, place in ((digest, stream.place_of_key(key)), (hash_key, stream.place_of_hash(hash_key))):
        shard = stream.open_shards[place]
        assert shard.starting_hash_key <= hashed <= shard.ending_hash_key


def test_an_explicit_hash_key_overrides_the_partition_key() -> None:
    client = Client()
    client.stream(shards=4)
    for shard, hash_key in enumerate(range(0, MAX_HASH_KEY, 2**126)):
        record = client.call(
            "PutRecord", StreamName="s", Data="", PartitionKey="k", ExplicitHashKey=str(hash_key)
        )
        assert record["ShardId"] == f"shardId-{shard:012d}"
    refused = client.call("PutRecord", StreamName="s", Data="", PartitionKey="k", ExplicitHashKey=str(2**128))
    assert refused["message"].startswith("Invalid ExplicitHashKey. ExplicitHashKey must be in the range")


def test_sequence_numbers_grow_when_the_clock_goes_back() -> None:
    client = Client()
    client.stream()
    client.now_ms += HOUR_MS
    numbers = []
    for step_ms in (0, 1500, -90_000, 0, 3_000):
        client.now_ms += step_ms
        numbers += [int(record["SequenceNumber"]) for record in client.put("a", "b")]
    assert numbers == sorted(set(numbers))


def test_records_leave_when_their_retention_ends() -> None:
    client = Client(retention_s=3600)
    client.stream()
    client.put("old")
    iterator_at_old = client.iterator("TRIM_HORIZON")
    client.now_ms += 200_000
    (kept,) = client.put("new")
    client.now_ms += HOUR_MS - 200_000
    assert texts(client.get(client.iterator("TRIM_HORIZON"))) == ["old", "new"]
    client.now_ms += 1
    answer = client.get(client.iterator("TRIM_HORIZON"))
    assert [record["SequenceNumber"] for record in answer["Records"]] == [kept["SequenceNumber"]]
    assert client.get(iterator_at_old)["__type"] == "ExpiredIteratorException"


def test_a_number_that_was_trimmed_means_the_horizon() -> None:
    client = Client(retention_s=60)
    client.stream()
    (old,) = client.put("old")
    client.now_ms += 30_000
    client.put("new")
    client.now_ms += 30_001
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        at_old = client.iterator(kind, StartingSequenceNumber=old["SequenceNumber"])
        assert texts(client.get(at_old)) == ["new"]


def test_above_the_cap_the_oldest_records_of_all_streams_go_and_are_counted() -> None:
    client = Client(memory_cap_bytes=200_000)
    client.stream("a")
    client.stream("b")
    for number in range(100):
        client.now_ms += 1
        client.put(f"{number:03d}" + "x" * 3000, name="ab"[number % 2])
        assert client.store.retained_bytes <= 200_000
    kept = {
        name: [text[:3] for text in texts(client.get(client.iterator("TRIM_HORIZON", name=name)))]
        for name in "ab"
    }
    together = sorted(kept["a"] + kept["b"])
    assert together == [f"{number:03d}" for number in range(100 - len(together), 100)]
    assert 0 < client.store.capped.records == 100 - len(together)
    shards = [shard for stream in client.store.all_streams(client.now_ms) for shard in stream.shards]
    assert client.store.retained_bytes == sum(shard.retained_bytes for shard in shards)


def test_one_record_above_the_cap_does_not_stay_nor_break_the_shard() -> None:
    client = Client(memory_cap_bytes=1000)
    client.stream()
    client.put("x" * 5000)
    client.put("small")
    assert texts(client.get(client.iterator("TRIM_HORIZON"))) == ["small"]


def test_deleting_a_stream_frees_its_memory() -> None:
    client = Client()
    client.stream()
    client.put("a", "b")
    assert client.store.retained_bytes > 0
    client.call("DeleteStream", StreamName="s")
    assert client.store.retained_bytes == 0


def test_an_iterator_of_a_stream_deleted_and_made_again_is_of_no_shard() -> None:
    client = Client()
    client.stream()
    (record,) = client.put("a")
    iterator = client.iterator("TRIM_HORIZON")
    client.call("DeleteStream", StreamName="s")
    client.now_ms += 2000
    client.stream()
    assert client.get(iterator) == {
        "__type": "ResourceNotFoundException",
        "message": "Shard shardId-000000000000 in stream s under account 000000000000 does not exist",
    }
    answer = client.call(
        "GetShardIterator",
        StreamName="s",
        ShardId="0",
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=record["SequenceNumber"],
    )
    assert answer["message"].endswith("is invalid because it did not come from this stream.")


def test_regions_see_nothing_of_each_other() -> None:
    client = Client()
    client.stream()
    iterator = client.iterator("TRIM_HORIZON")
    client.scope = Scope("000000000000", "eu-west-1")
    assert client.call("ListStreams")["StreamNames"] == []
    assert client.get(iterator)["message"] == "Invalid ShardIterator."
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
    assert client.call("DescribeStream", StreamARN=arn)["__type"] == "ResourceNotFoundException"
    assert client.call("CreateStream", StreamName="s", ShardCount=1) == {}


def test_a_record_above_the_streams_limit_is_refused_and_nothing_of_its_request_is_stored() -> None:
    client = Client()
    client.stream()
    large = {"Data": base64.b64encode(bytes((1 << 20) + 1)).decode(), "PartitionKey": "k"}
    answer = client.call("PutRecords", StreamName="s", Records=[{"Data": "", "PartitionKey": "k"}, large])
    assert answer["message"] == (
        "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=1048577 cap=1048577]' at "
        "'records.2.member.data' failed to satisfy constraint: Member must have length less than or equal to "
        "1048576"
    )
    assert client.get(client.iterator("TRIM_HORIZON"))["Records"] == []


def test_a_request_above_ten_mebibytes_is_refused() -> None:
    client = Client()
    client.stream()
    record = {"Data": base64.b64encode(bytes(1 << 20)[:-1]).decode(), "PartitionKey": "k"}
    answer = client.call(
        "PutRecords", StreamName="s", Records=[record] * 10 + [{"Data": "AA==", "PartitionKey": "k"}]
    )
    assert answer == {"__type": "InvalidArgumentException", "message": "Records size exceeds 10 MB limit"}


def test_a_dry_run_stores_nothing_and_says_that_it_would_have() -> None:
    client = Client()
    client.stream()
    put = {"StreamName": "s", "Data": "", "PartitionKey": "k"}
    assert client.call("PutRecord", **put, DryRun=True)["__type"] == "DryRunOperationException"
    assert client.get(client.iterator("TRIM_HORIZON"))["Records"] == []


def test_an_ordering_number_must_be_one_that_was_given() -> None:
    client = Client()
    client.stream()
    (first,) = client.put("a")
    put = {"StreamName": "s", "Data": "", "PartitionKey": "k"}
    second = client.call("PutRecord", **put, SequenceNumberForOrdering=first["SequenceNumber"])
    assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    assert "is invalid." in client.call("PutRecord", **put, SequenceNumberForOrdering="7")["message"]
