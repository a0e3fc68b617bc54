"""Every fault, as a plain boto3 client sees it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from tests.emulator.asked import FIRST_SHARD, Client, asked

pytestmark = pytest.mark.socket

EXCEEDED = "ProvisionedThroughputExceededException"
SECOND_SHARD = "shardId-000000000001"


async def kept(client: Client) -> int:
    """Return how many records the first shard has; no rule of these tests is target this."""
    return int((await client.page("GET", "/_vpcflow/streams"))[1]["streams"][0]["shards"][0]["records"])


async def test_throttling_refuses_records_one_by_one() -> None:
    async with asked({"fault": "throttle", "operations": "PutRecords", "share": 0.4, "count": 1}) as client:
        answer = await client.put(100)
        failed = [entry for entry in answer["Records"] if "ErrorCode" in entry]
        assert 25 < answer["FailedRecordCount"] == len(failed) < 55
        assert failed[0] == {
            "ErrorCode": EXCEEDED,
            "ErrorMessage": f"Rate exceeded for shard {FIRST_SHARD} in stream s under account 000000000000.",
        }
        assert await kept(client) == 100 - len(failed)
        assert (await client.put(10))["FailedRecordCount"] == 0


async def test_throttling_refuses_other_calls_as_a_whole() -> None:
    async with asked({"fault": "throttle", "operations": ["PutRecord", "Get*", "Describe*"]}) as client:
        put = await client.refusal("put_record", StreamName="s", Data=b"x", PartitionKey="k")
        assert put[:2] == (400, EXCEEDED)
        assert (await client.refusal("describe_stream", StreamName="s"))[1] == "LimitExceededException"
        ask = {"StreamName": "s", "ShardId": FIRST_SHARD, "ShardIteratorType": "LATEST"}
        assert (await client.refusal("get_shard_iterator", **ask))[1] == EXCEEDED
        assert await kept(client) == 0


async def test_throttling_of_one_shard_leaves_the_other() -> None:
    async with asked({"fault": "throttle", "shard": SECOND_SHARD}, shards=2) as client:
        answer = await client.put(50)
        kinds = {(entry.get("ShardId"), "ErrorCode" in entry) for entry in answer["Records"]}
        assert kinds == {(FIRST_SHARD, False), (None, True)}


async def test_throttled_clients_try_again_and_succeed() -> None:
    async with asked({"fault": "throttle", "operations": "PutRecord", "count": 2}, attempts=4) as client:
        answer = await client("put_record", StreamName="s", Data=b"x", PartitionKey="k")
        assert answer["ResponseMetadata"]["RetryAttempts"] == 2


async def test_internal_failure_before_the_effect_and_after_it() -> None:
    rules: list[dict[str, Any]] = [
        {"fault": "internal_failure", "operations": "PutRecord", "count": 1},
        {"fault": "internal_failure", "operations": "PutRecords", "count": 1, "effect": "after"},
    ]
    async with asked(*rules) as client:
        first = await client.refusal("put_record", StreamName="s", Data=b"x", PartitionKey="k")
        assert first[:2] == (500, "InternalFailure")
        assert await kept(client) == 0
        second = await client.refusal(
            "put_records", StreamName="s", Records=[{"Data": b"x", "PartitionKey": "k"}]
        )
        assert second[:2] == (500, "InternalFailure")
        assert await kept(client) == 1


async def test_service_unavailable() -> None:
    async with asked({"fault": "service_unavailable", "operations": "ListStreams"}) as client:
        assert (await client.refusal("list_streams"))[:2] == (503, "ServiceUnavailable")


async def test_latency_is_added_to_the_answer() -> None:
    async with asked({"fault": "latency", "operations": "ListStreams", "delay_ms": [150, 200]}) as client:
        began = time.monotonic()
        await client("list_streams")
        assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(("effect", "stored"), [("before", 0), ("after", 1)])
async def test_the_connection_is_reset_before_the_effect_or_after_it(effect: str, stored: int) -> None:
    async with asked({"fault": "reset", "operations": "PutRecord", "effect": effect}) as client:
        with pytest.raises(ConnectionClosedError):
            await client("put_record", StreamName="s", Data=b"x", PartitionKey="k")
        assert await kept(client) == stored


async def test_a_reset_after_the_effect_and_a_second_try_store_a_record_twice() -> None:
    async with asked(
        {"fault": "reset", "operations": "PutRecord", "effect": "after", "count": 1}, attempts=3
    ) as client:
        await client("put_record", StreamName="s", Data=b"x", PartitionKey="k")
        assert await kept(client) == 2


async def test_the_response_of_a_put_that_took_place_is_lost() -> None:
    async with asked({"fault": "lost_response", "operations": "PutRecord"}, read_timeout_s=0.3) as client:
        with pytest.raises(ReadTimeoutError):
            await client("put_record", StreamName="s", Data=b"x", PartitionKey="k")
        assert await kept(client) == 1


async def test_an_iterator_expires_at_once() -> None:
    async with asked({"fault": "expired_iterator", "count": 1}) as client:
        iterator = await client.iterator()
        status, code, message = await client.refusal("get_records", ShardIterator=iterator)
        assert (status, code) == (400, "ExpiredIteratorException")
        assert message.startswith("Iterator expired. The iterator was created at time ")
        await client("get_records", ShardIterator=iterator)


async def test_answers_are_empty_while_there_are_records() -> None:
    async with asked({"fault": "empty_while_behind", "count": 2, "behind_ms": 7000}) as client:
        await client.put(3)
        answer = {"NextShardIterator": await client.iterator()}
        seen = []
        for _ in range(3):
            answer = await client("get_records", ShardIterator=answer["NextShardIterator"])
            seen.append((len(answer["Records"]), answer["MillisBehindLatest"]))
        assert seen == [(0, 7000), (0, 7000), (3, 0)]


async def test_an_iterator_is_null_though_records_came() -> None:
    async with asked({"fault": "null_iterator"}) as client:
        await client.put(3)
        answer = await client("get_records", ShardIterator=await client.iterator())
        assert len(answer["Records"]) == 3
        assert "NextShardIterator" not in answer


async def test_a_shard_is_split_after_so_many_records() -> None:
    async with asked({"fault": "split", "shard": FIRST_SHARD, "after_records": 10}) as client:
        for _ in range(3):
            await client.put(5)
        shards = (await client("list_shards", StreamName="s"))["Shards"]
        assert [shard.get("ParentShardId") for shard in shards] == [None, FIRST_SHARD, FIRST_SHARD]
        assert "EndingSequenceNumber" in shards[0]["SequenceNumberRange"]
        answer = await client("get_records", ShardIterator=await client.iterator())
        assert len(answer["Records"]) == 10
        assert len(answer["ChildShards"]) == 2


async def test_shards_are_merged_at_a_time() -> None:
    rule = {"fault": "merge", "shard": FIRST_SHARD, "adjacent": SECOND_SHARD, "after_s": 30}
    async with asked(rule, shards=2) as client:
        assert len((await client("list_shards", StreamName="s"))["Shards"]) == 2
        client.clock.now_ms += 30_000
        shards = (await client("list_shards", StreamName="s"))["Shards"]
        assert (shards[2]["ParentShardId"], shards[2]["AdjacentParentShardId"]) == (FIRST_SHARD, SECOND_SHARD)


async def test_clocks_differ() -> None:
    async with asked({"fault": "clock_skew", "skew_s": 600}) as client:
        assert await client.refusal("list_streams") == (
            400,
            "InvalidSignatureException",
            "Signature expired: 20231114T221320Z is now earlier than 20231114T221820Z "
            "(20231114T222320Z - 5 min.)",
        )
        await client.page("PUT", "/_vpcflow/faults", {"rules": [{"fault": "clock_skew", "skew_s": -600}]})
        assert (await client.refusal("list_streams"))[2] == (
            "Signature not yet current: 20231114T221320Z is still later than 20231114T220820Z "
            "(20231114T220320Z + 5 min.)"
        )
        await client.page("PUT", "/_vpcflow/faults", {"rules": [{"fault": "clock_skew", "skew_s": 200}]})
        await client("list_streams")


async def test_faults_are_put_shown_and_deleted_by_http() -> None:
    async with asked() as client:
        plan = {"seed": 4, "rules": [{"fault": "service_unavailable", "operations": ["List*"], "count": 2}]}
        assert (await client.page("PUT", "/_vpcflow/faults", plan))[0] == 200
        await client.refusal("list_streams")
        counts = [{"matched": 1, "struck": 1}]
        assert await client.page("GET", "/_vpcflow/faults") == (200, {**plan, "counts": counts})
        bad = {"rules": [{"fault": "list"}]}
        status, answer = await client.page("PUT", "/_vpcflow/faults", bad)
        assert (status, answer["message"][:35]) == (400, "rules[0]: there is no fault 'list'.")
        await client.refusal("list_streams")
        assert (await client.page("DELETE", "/_vpcflow/faults"))[1]["rules"] == []
        await client("list_streams")
