"""What streams keep and for how long, and where records go. Time is a number here."""

from __future__ import annotations

import base64
from hashlib import md5
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis import service, wire
from emulator.kinesis.shards import MAX_HASH_KEY, Shard, split_evenly
from emulator.kinesis.store import Limits, Store
from emulator.kinesis.streams import Stream, Wanted
from emulator.kinesis.wire import Scope

SCOPE = Scope("000000000000", "us-east-1")
T0_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


class Client:
    """Calls a store directly, at a time that only the test moves."""

    def __init__(self, **limits: int) -> None:
        self.store = Store(Limits(**limits))
        self.now_ms = T0_MS
        self.scope = SCOPE

    def call(self, operation: str, **request: object) -> Any:
        body = orjson.dumps(request)
        asked = service.HttpRequest(operation, self.scope, wire.CONTENT_TYPE, body)
        answer = service.answer(self.store, asked, self.now_ms)
        return orjson.loads(answer.body or b"{}")

    def stream(self, name: str = "s", shards: int = 1) -> Stream:
        self.call("CreateStream", StreamName=name, ShardCount=shards)
        self.now_ms += self.store.limits.transition_ms
        stream = self.store.find(self.scope, name, self.now_ms)
        assert stream is not None
        return stream

    def put(self, *texts: str, name: str = "s", key: str = "k") -> list[Any]:
        records = [{"Data": base64.b64encode(text.encode()).decode(), "PartitionKey": key} for text in texts]
        found: list[Any] = self.call("PutRecords", StreamName=name, Records=records)["Records"]
        return found

    def iterator(self, kind: str, name: str = "s", shard: int = 0, **more: object) -> str:
        answer = self.call(
            "GetShardIterator", StreamName=name, ShardId=str(shard), ShardIteratorType=kind, **more
        )
        assert "ShardIterator" in answer, answer
        return str(answer["ShardIterator"])

    def get(self, iterator: str, **more: object) -> Any:
        return self.call("GetRecords", ShardIterator=iterator, **more)


def texts(answer: Any) -> list[str]:
    return [base64.b64decode(record["Data"]).decode() for record in answer["Records"]]


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
    assert client.call("CreateStream", StreamName="t")["message"] == (
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
