"""SubscribeToShard: what a consumer is sent and when, by a clock of the test's, and as boto3 receives it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import boto3
import cbor2
import orjson
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer

from emulator import server
from emulator.kinesis import service
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import Format
from emulator.kinesis.state.streams import Stream, Wanted
from emulator.kinesis.store import Store, StoreLimits
from emulator.kinesis.subscription import BEAT_MS, EXCLUSIVE_MS, LIFE_MS, Step, Subscription
from emulator.scope import Scope
from tests.emulator.http.http2_client import http2

SCOPE = Scope("000000000000", "us-east-1")
T0_MS = 1_700_000_000_000
START = {"Type": "TRIM_HORIZON"}


class Service:
    """A stream `s` with a consumer `c`, and the calls that a consumer and a producer make."""

    def __init__(self, shards: int = 1) -> None:
        self.store = Store(StoreLimits(transition_ms=0))
        self.now_ms = T0_MS
        self.stream: Stream = self.store.create(SCOPE, Wanted("s", shards), T0_MS)
        self.arn = self.stream.register("c", {}, T0_MS).arn

    def ask(self, operation: str, format: Format = Format.JSON, **request: Any) -> wire.Answer:
        body = orjson.dumps(request) if format is Format.JSON else cbor2.dumps(request)
        return service.answer(
            self.store, service.HttpRequest(operation, SCOPE, format.value, body), self.now_ms
        )

    def put(self, *texts: str) -> None:
        records = [{"Data": base64.b64encode(text.encode()).decode(), "PartitionKey": "k"} for text in texts]
        assert self.ask("PutRecords", StreamName="s", Records=records).status == 200

    def subscribe(self, format: Format = Format.JSON, **start: Any) -> Subscription:
        answer = self.ask(
            "SubscribeToShard", format, ConsumerARN=self.arn, ShardId="0", StartingPosition=start or START
        )
        assert isinstance(answer.body, Subscription), answer.body
        return answer.body

    def refusal(self, **changes: Any) -> tuple[str, str]:
        asked = {"ConsumerARN": self.arn, "ShardId": "0", "StartingPosition": START, **changes}
        answer = self.ask("SubscribeToShard", **asked)
        assert (answer.status, type(answer.body)) == (400, bytes)
        body = orjson.loads(answer.body)  # type: ignore[arg-type]
        return body["__type"], body["message"]


def said(step: Step) -> list[tuple[str, dict[str, Any]]]:
    """Return the events in a step: their type and payload."""
    buffer = EventStreamBuffer()
    buffer.add_data(step.message)
    return [
        (
            message.headers.get(":event-type") or message.headers[":exception-type"],
            orjson.loads(message.payload),
        )
        for message in buffer
    ]


def texts(step: Step) -> list[str]:
    ((kind, event),) = said(step)
    assert kind == "SubscribeToShardEvent"
    return [base64.b64decode(record["Data"]).decode() for record in event["Records"]]


def test_records_are_sent_as_they_come_and_a_beat_when_none_do() -> None:
    kinesis = Service()
    kinesis.put("a", "b")
    subscription = kinesis.subscribe()
    assert texts(subscription.step(T0_MS)) == ["a", "b"]
    assert subscription.step(T0_MS) == Step(wait_ms=BEAT_MS)
    kinesis.put("c")
    step = subscription.step(T0_MS + 10)
    assert texts(step) == ["c"]
    ((_, event),) = said(step)
    assert event["MillisBehindLatest"] == 0
    assert event["ContinuationSequenceNumber"] == event["Records"][-1]["SequenceNumber"]
    assert subscription.step(T0_MS + 10 + BEAT_MS - 1).wait_ms == 1
    ((_, beat),) = said(subscription.step(T0_MS + 10 + BEAT_MS))
    assert beat["Records"] == []
    assert beat["ContinuationSequenceNumber"] == event["ContinuationSequenceNumber"]


def test_a_subscription_goes_on_where_another_ended() -> None:
    kinesis = Service()
    place = said(kinesis.subscribe().step(T0_MS))[0][1]["ContinuationSequenceNumber"]
    for put, expected in ((("a", "b"), ["a", "b"]), (("c",), ["c"]), ((), [])):
        kinesis.now_ms += EXCLUSIVE_MS
        kinesis.put(*put) if put else None
        subscription = kinesis.subscribe(Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=place)
        step = subscription.step(kinesis.now_ms)
        assert texts(step) == expected
        place = said(step)[0][1]["ContinuationSequenceNumber"]


def test_it_lives_five_minutes() -> None:
    subscription = Service().subscribe()
    assert not subscription.step(T0_MS + LIFE_MS - 1).is_over
    assert subscription.step(T0_MS + LIFE_MS) == Step(is_over=True)
    assert not subscription.is_alive(T0_MS + LIFE_MS)


def test_a_second_one_is_refused_for_five_seconds_and_then_takes_over() -> None:
    kinesis = Service()
    first = kinesis.subscribe()
    kinesis.now_ms += EXCLUSIVE_MS - 1
    assert kinesis.refusal() == (
        "ResourceInUseException",
        "Another active subscription exists for this consumer: 000000000000:s:shardId-000000000000:c",
    )
    woken: list[bool] = []
    first.shard.watch(lambda: woken.append(True))
    kinesis.now_ms += 1
    second = kinesis.subscribe()
    assert woken
    step = first.step(kinesis.now_ms)
    assert (step.is_over, said(step)[0][0]) == (True, "ResourceInUseException")
    assert not second.step(kinesis.now_ms).is_over


def test_shards_and_consumers_do_not_hinder_each_other() -> None:
    kinesis = Service(shards=2)
    kinesis.subscribe()
    other = kinesis.stream.register("d", {}, T0_MS).arn
    for arn, shard in ((kinesis.arn, "1"), (other, "0")):
        answer = kinesis.ask("SubscribeToShard", ConsumerARN=arn, ShardId=shard, StartingPosition=START)
        assert answer.status == 200


def test_a_closed_shard_ends_with_its_children_and_no_continuation() -> None:
    kinesis = Service()
    subscription = kinesis.subscribe()
    subscription.step(T0_MS)
    kinesis.put("last")
    split = kinesis.ask("SplitShard", StreamName="s", ShardToSplit="0", NewStartingHashKey=str(2**127))
    assert split.status == 200
    step = subscription.step(kinesis.now_ms)
    ((_, event),) = said(step)
    assert step.is_over
    assert texts(step) == ["last"]
    assert "ContinuationSequenceNumber" not in event
    assert [(child["ShardId"], child["ParentShards"]) for child in event["ChildShards"]] == [
        ("shardId-000000000001", ["shardId-000000000000"]),
        ("shardId-000000000002", ["shardId-000000000000"]),
    ]


def test_a_stream_or_a_consumer_that_goes_ends_it() -> None:
    for operation, request in (
        ("DeleteStream", {"StreamName": "s", "EnforceConsumerDeletion": True}),
        ("DeregisterStreamConsumer", {"ConsumerARN": "the consumer's"}),
    ):
        kinesis = Service()
        subscription = kinesis.subscribe()
        if "ConsumerARN" in request:
            request["ConsumerARN"] = kinesis.arn
        assert kinesis.ask(operation, **request).status == 200
        step = subscription.step(T0_MS)
        assert (step.is_over, said(step)[0][0]) == (True, "ResourceNotFoundException")


def test_large_records_come_in_several_events() -> None:
    kinesis = Service()
    for _ in range(3):
        kinesis.put("x" * 700_000)
    subscription = kinesis.subscribe()
    sizes = [len(texts(subscription.step(T0_MS + 5))) for _ in range(3)]
    assert sizes == [1, 1, 1]
    assert subscription.step(T0_MS + 5).message == b""


def test_a_pace_holds_events_back() -> None:
    kinesis = Service()
    kinesis.put("a")
    subscription = kinesis.subscribe()
    asked: list[int] = []

    def pace(now_ms: int, sent_bytes: int) -> int:
        asked.append(sent_bytes)
        return max(0, T0_MS + 700 - now_ms)

    subscription.pace = pace
    assert subscription.step(T0_MS) == Step(wait_ms=700)
    assert texts(subscription.step(T0_MS + 700)) == ["a"]
    assert asked[:2] == [0, 0]
    assert asked[2] > 0


def test_what_cannot_be_subscribed_to_is_refused() -> None:
    kinesis = Service()
    assert kinesis.refusal(ShardId="7")[0] == "ResourceNotFoundException"
    assert kinesis.refusal(ShardId="x-y")[0] == "ResourceNotFoundException"
    assert kinesis.refusal(ConsumerARN=kinesis.arn + "1")[0] == "ResourceNotFoundException"
    assert kinesis.refusal(StartingPosition={"Type": "AT_SEQUENCE_NUMBER"})[0] == "InvalidArgumentException"
    assert kinesis.refusal(StartingPosition={"Type": "X"})[0] == "ValidationException"
    assert kinesis.refusal(DryRun=True)[0] == "DryRunOperationException"


def test_cbor_is_spoken_inside_the_stream_too() -> None:
    kinesis = Service()
    kinesis.put("a")
    subscription = kinesis.subscribe(Format.CBOR)
    buffer = EventStreamBuffer()
    buffer.add_data(subscription.opening() + subscription.step(T0_MS).message)
    opening, event = list(buffer)
    assert (opening.headers[":event-type"], opening.payload) == ("initial-response", b"\xa0")
    assert event.headers[":content-type"] == "application/x-amz-cbor-1.1"
    read = cbor2.loads(event.payload, semantic_decoders={1: lambda value, _: value})
    assert read["Records"][0]["Data"] == b"a"


def client(url: str) -> Any:
    return boto3.client(
        "kinesis",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


async def test_boto3_is_sent_what_others_put_meanwhile() -> None:
    kinesis = Service()
    kinesis.put("before")
    running = await server.serve(kinesis.store, "127.0.0.1", 0, lambda: T0_MS)
    boto = client(running.url)

    def consume() -> list[bytes]:
        answer = boto.subscribe_to_shard(ConsumerARN=kinesis.arn, ShardId="0", StartingPosition=START)
        got: list[bytes] = []
        for event in answer["EventStream"]:
            records = event["SubscribeToShardEvent"]["Records"]
            got += [record["Data"] for record in records]
            if len(got) == 1:
                boto.put_records(StreamName="s", Records=[{"Data": b"after", "PartitionKey": "k"}])
            if len(got) == 2:
                answer["EventStream"].close()
                return got
        return got

    assert await asyncio.to_thread(consume) == [b"before", b"after"]
    boto.close()
    await running.stop()


async def test_a_put_wakes_an_http2_subscriber_and_its_leaving_is_noticed() -> None:
    kinesis = Service()
    running = await server.serve(kinesis.store, "127.0.0.1", 0, lambda: T0_MS)
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, "
        "SignedHeaders=host, Signature=00",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Target": "Kinesis_20131202.SubscribeToShard",
        "Content-Type": wire.CONTENT_TYPE,
    }
    body = orjson.dumps({"ConsumerARN": kinesis.arn, "ShardId": "0", "StartingPosition": START})
    async with http2(running.port) as subscriber:
        stream_id = subscriber.send(headers, body)
        buffer = EventStreamBuffer()
        seen: list[str] = []
        while len(seen) < 3:
            await subscriber.step()
            part, subscriber.bodies[stream_id] = subscriber.bodies[stream_id], b""
            buffer.add_data(part)
            for message in buffer:
                seen.append(message.headers[":event-type"])
                if len(seen) == 2:  # the opening and the first beat: now it waits
                    kinesis.put("x")
        assert seen == ["initial-response", *["SubscribeToShardEvent"] * 2]
        assert subscriber.headers[stream_id]["content-type"] == wire.EVENT_STREAM_CONTENT_TYPE
    (subscription,) = kinesis.stream.shards[0].subscriptions.values()
    async with asyncio.timeout(10):
        while subscription.is_alive(T0_MS):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await running.stop()
