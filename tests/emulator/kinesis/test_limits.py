"""AWS's limits by the second, as a plain boto3 client meets them, by a clock that only the test moves."""

from __future__ import annotations

import orjson
import pytest

from emulator.kinesis.limits import AWS, OFF, BadLimits, Throttle, ThrottleLimits, apply
from emulator.kinesis.protocol.wire import ACCOUNT, CONTENT_TYPE, DEFAULT_REGION, Answer
from emulator.kinesis.service import HttpRequest, answer
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream, Wanted
from emulator.kinesis.store import Store, StoreLimits
from emulator.kinesis.subscription import Subscription
from emulator.scope import Scope
from tests.emulator.asked import FIRST_SHARD, asked

pytestmark = pytest.mark.socket

MIB = 1 << 20
NOW_MS = 1_700_000_000_000
TOO_MUCH = f"Rate exceeded for shard {FIRST_SHARD} in stream s under account 000000000000."
EXCEEDED = "ProvisionedThroughputExceededException"


def stream() -> tuple[Stream, Shard]:
    made = Stream(Scope("000000000000", "us-east-1"), Wanted("s", 1), NOW_MS, 86_400_000, 0)
    return made, made.shards[0]


async def test_a_shard_takes_a_thousand_records_a_second_and_refuses_each_of_the_rest() -> None:
    async with asked(limited="aws") as client:
        assert (await client.put(500))["FailedRecordCount"] == 0
        assert (await client.put(300))["FailedRecordCount"] == 0
        answer = await client.put(500)
        assert answer["FailedRecordCount"] == 300
        assert [entry.get("ErrorCode") for entry in answer["Records"]] == [None] * 200 + [EXCEEDED] * 300
        assert answer["Records"][-1]["ErrorMessage"] == TOO_MUCH
        assert "SequenceNumber" not in answer["Records"][-1]
        client.clock.now_ms += 100
        assert (await client.put(500))["FailedRecordCount"] == 400
        records = (await client("get_records", ShardIterator=await client.iterator()))["Records"]
        assert len(records) == 1100


async def test_a_shard_takes_a_mebibyte_a_second_and_refuses_a_whole_put_record() -> None:
    async with asked(limited="aws") as client:
        await client("put_record", StreamName="s", PartitionKey="k", Data=bytes(MIB - 1))
        refusal = await client.refusal("put_record", StreamName="s", PartitionKey="k", Data=bytes(1000))
        assert refusal == (400, EXCEEDED, TOO_MUCH)
        client.clock.now_ms += 2
        await client("put_record", StreamName="s", PartitionKey="k", Data=bytes(1000))


async def test_a_record_larger_than_a_second_allows_is_taken_in_a_burst_and_paid_back() -> None:
    async with asked(limited="aws") as client:
        await client("update_max_record_size", StreamARN=arn(), MaxRecordSizeInKiB=10_240)
        await client("put_record", StreamName="s", PartitionKey="k", Data=bytes(5 * MIB))
        client.clock.now_ms += 3_900
        assert (await client.put(1))["FailedRecordCount"] == 1
        client.clock.now_ms += 200
        assert (await client.put(1))["FailedRecordCount"] == 0


async def test_a_shard_is_read_five_times_a_second() -> None:
    async with asked(limited="aws") as client:
        iterator = await client.iterator()
        for _ in range(5):
            await client("get_records", ShardIterator=iterator)
        refusal = await client.refusal("get_records", ShardIterator=iterator)
        assert refusal == (400, EXCEEDED, f"Rate exceeded for Shard - 000000000000/s/{FIRST_SHARD}")
        client.clock.now_ms += 200
        await client("get_records", ShardIterator=iterator)


async def test_after_ten_mebibytes_the_next_five_seconds_are_refused() -> None:
    async with asked(limited="aws") as client:
        for _ in range(12):
            await client.put(1, bytes(MIB - 1))
            client.clock.now_ms += 1000
        iterator = await client.iterator()
        first = await client("get_records", ShardIterator=iterator)
        assert len(first["Records"]) == 10
        following = first["NextShardIterator"]
        client.clock.now_ms += 4_950
        assert (await client.refusal("get_records", ShardIterator=following))[1] == EXCEEDED
        client.clock.now_ms += 100
        assert len((await client("get_records", ShardIterator=following))["Records"]) == 2


async def test_iterators_are_given_five_times_a_second() -> None:
    async with asked(limited="aws") as client:
        for _ in range(5):
            await client.iterator()
        ask = {"StreamName": "s", "ShardId": FIRST_SHARD, "ShardIteratorType": "LATEST"}
        assert await client.refusal("get_shard_iterator", **ask) == (400, EXCEEDED, TOO_MUCH)


async def test_calls_of_the_control_plane_have_rates_of_their_own() -> None:
    async with asked(limited="aws") as client:
        for _ in range(10):
            await client("describe_stream", StreamName="s")
        assert await client.refusal("describe_stream", StreamName="s") == (
            400,
            "LimitExceededException",
            "Rate exceeded for stream s under account 000000000000.",
        )
        await client("describe_stream_summary", StreamName="s")
        for _ in range(5):
            await client("list_streams")
        assert await client.refusal("list_streams") == (
            400,
            "LimitExceededException",
            "Rate exceeded for account 000000000000.",
        )


async def test_limits_are_off_until_they_are_put_and_gone_when_they_are_put_off() -> None:
    async with asked() as client:
        assert (await client.page("GET", "/_vpcflow/limits"))[1] == OFF.as_document()
        for _ in range(4):
            assert (await client.put(500))["FailedRecordCount"] == 0
        status, shown = await client.page("PUT", "/_vpcflow/limits", {"write_records_per_s": 3})
        assert (status, shown["write_records_per_s"], shown["enabled"]) == (200, 3, True)
        assert (await client.put(5))["FailedRecordCount"] == 2
        assert (await client.page("PUT", "/_vpcflow/limits", "off"))[0] == 200
        assert (await client.put(500))["FailedRecordCount"] == 0
        assert await client.page("PUT", "/_vpcflow/limits", {"write_records_per_s": -1}) == (
            400,
            {"message": "write_records_per_s must be a number above 0, not -1."},
        )


async def test_an_on_demand_stream_grows_to_what_is_written_to_it() -> None:
    async with asked(limited="aws") as client:
        await client("create_stream", StreamName="d", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        records = [{"Data": bytes(1000), "PartitionKey": str(at)} for at in range(500)]
        for _ in range(24):
            await client("put_records", StreamName="d", Records=records)
            client.clock.now_ms += 125
        summary = await client("describe_stream_summary", StreamName="d")
        assert summary["StreamDescriptionSummary"]["OpenShardCount"] > 4


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (3, 'Limits are "aws", "off", or an object'),
        ({"write": 1}, "There is no limit named 'write'."),
        ({"calls_per_s": {"PutRecord": 1}}, "There is no call with a limit named 'PutRecord'."),
        ({"calls_per_s": {"ListStreams": 0}}, "ListStreams must be a number above 0, not 0."),
        ({"enabled": 1}, "enabled must be true or false, not 1."),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_a_sentence(document: object, sentence: str) -> None:
    with pytest.raises(BadLimits, match=sentence.replace("[", r"\[").replace(".", r"\.")):
        apply(document)


def test_a_document_says_what_was_applied() -> None:
    assert apply("aws") == AWS
    assert apply(AWS.as_document()) == AWS
    changed = apply({"calls_per_s": {"ListStreams": 1}})
    assert (changed.calls_per_s["ListStreams"], changed.calls_per_s["CreateStream"]) == (1, 5)


def test_a_consumer_is_held_to_two_mebibytes_a_second_for_each_shard() -> None:
    throttle, (made, shard) = Throttle(AWS), stream()
    pace = throttle.pace(made, shard, "arn")
    assert pace(NOW_MS, 0) == 0
    pace(NOW_MS, MIB)
    assert pace(NOW_MS, 0) == 0
    pace(NOW_MS, 2 * MIB)
    assert pace(NOW_MS, 0) == 500
    assert pace(NOW_MS + 500, 0) == 0
    assert throttle.pace(made, shard, "other")(NOW_MS, 0) == 0


def test_a_subscription_is_held_back_while_its_consumer_has_had_enough() -> None:
    store = Store(StoreLimits(transition_ms=0))

    def ask(operation: str, **request: object) -> Answer:
        body = orjson.dumps(request)
        asked = HttpRequest(operation, Scope(ACCOUNT, DEFAULT_REGION), CONTENT_TYPE, body)
        return answer(store, asked, NOW_MS)

    ask("CreateStream", StreamName="s", ShardCount=1)
    registered = ask("RegisterStreamConsumer", StreamARN=arn(), ConsumerName="c")
    assert isinstance(registered.body, bytes)
    consumer = orjson.loads(registered.body)["Consumer"]["ConsumerARN"]
    for _ in range(8):
        ask("PutRecord", StreamName="s", PartitionKey="k", Data="A" * MIB)
    store.throttle = Throttle(AWS)
    start = {"Type": "TRIM_HORIZON"}
    subscription = ask(
        "SubscribeToShard", ConsumerARN=consumer, ShardId=FIRST_SHARD, StartingPosition=start
    ).body
    assert isinstance(subscription, Subscription)
    sizes, now_ms = [], NOW_MS
    while len(sizes) < 8:
        step = subscription.step(now_ms)
        sizes += [len(step.message)] if step.message else []
        now_ms += step.wait_ms
    assert 2000 < now_ms - NOW_MS < 4000


def test_buckets_that_are_full_again_are_forgotten() -> None:
    throttle, (made, _) = Throttle(ThrottleLimits(write_records_per_s=1)), stream()
    for at in range(10_000):
        throttle.admit(made, NOW_MS + at * 1000)(Shard(at, 0, 1, NOW_MS), 1)
    assert len(throttle._full_at_ms) < 4200


def arn() -> str:
    return "arn:aws:kinesis:us-east-1:000000000000:stream/s"
