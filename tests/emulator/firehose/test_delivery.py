"""Delivery to S3 and to an HTTP endpoint, both real: moto's S3, and a receiver on a port of its own."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pybase64
import pytest
from structlog.testing import capture_logs

from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.state.streams import Stream, Wanted
from emulator.scope import Scope
from tests.emulator.firehose.door import door
from tests.emulator.firehose.playing import ROLE, Playing, playing, s3_config

pytestmark = pytest.mark.socket

NAME = r"f-1-2023-11-14-22-1\d-\d\d-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
AT_ONCE = {"SizeInMBs": 1, "IntervalInSeconds": 0}


async def create(p: Playing, **destination: object) -> None:
    await p("create_delivery_stream", DeliveryStreamName="f", **destination)


@pytest.mark.moto
async def test_s3_gets_an_object_when_the_interval_is_over_and_when_enough_is_there(moto: Service) -> None:
    async with playing(moto) as p:
        await p.bucket()
        await create(p, S3DestinationConfiguration=s3_config(Prefix="p/"))
        await p.put(b"one", b"two")
        p.clock.now_ms += 59_999
        await p.put(b"three")
        assert await p.objects() == {}
        p.clock.now_ms += 1
        ((key, body),) = (await p.objects_come(1)).items()
        assert re.fullmatch(f"p/2023/11/14/22/{NAME}", key)
        assert body == b"onetwothree"
        await p.put(bytes(600_000), bytes(600_000))
        sizes = sorted(len(body) for body in (await p.objects_come(2)).values())
        assert sizes == [11, 600_000]
        await p.until(lambda: p.firehose.summary()[0]["undelivered"] == 1)


@pytest.mark.moto
async def test_s3_objects_are_compressed_delimited_named_and_placed_as_asked(moto: Service) -> None:
    async with playing(moto) as p:
        await p.bucket()
        delimiter = {"ParameterName": "Delimiter", "ParameterValue": "\\n"}
        processor = {"Type": "AppendDelimiterToRecord", "Parameters": [delimiter]}
        await create(
            p,
            ExtendedS3DestinationConfiguration=s3_config(
                BufferingHints=AT_ONCE,
                Prefix="d=!{timestamp:yyyy-MM-dd'T'HH}/!{firehose:random-string}/",
                ErrorOutputPrefix="e/!{firehose:error-output-type}/",
                CompressionFormat="GZIP",
                CustomTimeZone="Asia/Tokyo",
                ProcessingConfiguration={"Enabled": True, "Processors": [processor]},
            ),
        )
        await p.put(b"one", b"two")
        ((key, body),) = (await p.objects_come(1)).items()
        assert re.fullmatch(rf"d=2023-11-15T07/[A-Za-z0-9]{{11}}/{NAME}\.gz", key)
        assert gzip.decompress(body) == b"one\ntwo\n"


@pytest.mark.moto
async def test_a_bucket_that_is_not_there_is_told_and_tried_until_it_is(moto: Service) -> None:
    async with playing(moto) as p:
        await create(p, S3DestinationConfiguration=s3_config(BufferingHints=AT_ONCE))
        await p.put(b"patient")
        await p.until(lambda: bool(p.firehose.summary()[0]["failure"]))
        failure = (await p.describe())["FailureDescription"]
        assert failure["Type"] == "UNKNOWN_ERROR"
        assert failure["Details"].startswith("s3://lake/2023/11/14/22/")
        assert "404 NoSuchBucket: " in failure["Details"]
        await p.put(b"more")  # puts go on meanwhile
        await p.bucket()
        bodies = (await p.objects_come(2)).values()
        assert sorted(bodies) == [b"more", b"patient"]
        await p.until(lambda: p.firehose.summary()[0]["failure"] == "")
        assert "FailureDescription" not in await p.describe()


@pytest.mark.moto
async def test_stop_delivers_what_is_buffered_and_says_what_it_could_not(moto: Service) -> None:
    async with playing(moto) as p:
        await p.bucket()
        await create(p, S3DestinationConfiguration=s3_config())
        await p.put(b"late")
        await p.firehose.stop()
        assert list((await p.objects()).values()) == [b"late"]
    async with playing() as p:
        await create(p, S3DestinationConfiguration=s3_config())
        await p.put(b"too", b"late")
        with capture_logs() as said:
            await p.firehose.stop(drain_s=0.5)
        (last,) = [
            line for line in said if line["event"] == "stopped with records undelivered, they are lost"
        ]
        assert last["records"] == 2


class Receiver:
    """An HTTP endpoint that keeps what it gets, and answers what a test says."""

    def __init__(self) -> None:
        self.requests: list[Incoming] = []
        self.answers: Callable[[str, int], Outgoing] = lambda request_id, _: accepted(request_id)
        self.url = ""

    async def receive(self, request: Incoming) -> Outgoing:
        self.requests.append(request)
        return self.answers(request.headers["x-amz-firehose-request-id"], len(self.requests))

    @property
    def records(self) -> list[bytes]:
        found: list[bytes] = []
        for request in self.requests:
            found += [pybase64.b64decode(each["data"]) for each in orjson.loads(request.body)["records"]]
        return found


def accepted(request_id: str) -> Outgoing:
    body = orjson.dumps({"requestId": request_id, "timestamp": 1})
    return Outgoing(200, {"Content-Type": "application/json"}, body)


def refused(status: int) -> Outgoing:
    return Outgoing(status, {"Content-Type": "application/json"}, b'{"errorMessage":"no"}')


def http(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {
        "EndpointConfiguration": {"Url": receiver.url, "AccessKey": "key", "Name": "r"},
        "BufferingHints": AT_ONCE,
        "S3Configuration": s3_config(BufferingHints=AT_ONCE, ErrorOutputPrefix="bad/"),
        **more,
    }


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with door(receiver.receive) as url:
        receiver.url = f"{url}/in?x=1"
        yield receiver


async def test_an_endpoint_gets_awss_request() -> None:
    async with receiving() as receiver, playing() as p:
        attributes = [{"AttributeName": "a", "AttributeValue": "1"}]
        request = {"ContentEncoding": "GZIP", "CommonAttributes": attributes}
        await create(p, HttpEndpointDestinationConfiguration=http(receiver, RequestConfiguration=request))
        await p.put(b"one", b"")
        await p.until(lambda: p.firehose.summary()[0]["undelivered"] == 0)
        (got,) = receiver.requests
        headers = got.headers
        assert (got.method, got.target) == ("POST", "/in?x=1")
        assert headers["content-type"] == "application/json"
        assert headers["content-encoding"] == "gzip"
        assert headers["x-amz-firehose-protocol-version"] == "1.0"
        assert headers["x-amz-firehose-access-key"] == "key"
        assert headers["x-amz-firehose-source-arn"].endswith(":deliverystream/f")
        assert json.loads(headers["x-amz-firehose-common-attributes"]) == {"commonAttributes": {"a": "1"}}
        body = orjson.loads(gzip.decompress(got.body))
        assert body == {
            "requestId": headers["x-amz-firehose-request-id"],
            "timestamp": p.clock.now_ms,
            "records": [{"data": "b25l"}, {"data": ""}],
        }


async def test_a_request_is_retried_with_its_id_until_the_answer_has_it() -> None:
    async with receiving() as receiver, playing() as p:

        def answers(request_id: str, number: int) -> Outgoing:
            wrong = [refused(503), refused(302), accepted("another"), Outgoing(200, {}, b"ok")]
            return wrong[number - 1] if number <= len(wrong) else accepted(request_id)

        receiver.answers = answers
        await create(p, HttpEndpointDestinationConfiguration=http(receiver))
        await p.put(b"one")
        await p.until(lambda: p.firehose.summary()[0]["undelivered"] == 0)
        assert len(receiver.requests) == 5
        assert len({request.headers["x-amz-firehose-request-id"] for request in receiver.requests}) == 1
        counts: Any = p.firehose.summary()[0]["records"]
        assert (counts["delivered"], counts["failed_attempts"]) == (1, 4)


@pytest.mark.moto
async def test_what_an_endpoint_does_not_take_goes_to_s3_as_error_records(moto: Service) -> None:
    async with receiving() as receiver, playing(moto) as p:
        receiver.answers = lambda _, __: refused(401)
        await p.bucket()
        retry = {"DurationInSeconds": 0}
        await create(p, HttpEndpointDestinationConfiguration=http(receiver, RetryOptions=retry))
        await p.put(b"one", b"two")
        ((key, body),) = (await p.objects_come(1)).items()
        assert re.fullmatch(f"bad/http-endpoint-failed/2023/11/14/22/{NAME}", key)
        lines = [json.loads(line) for line in body.splitlines()]
        assert [pybase64.b64decode(line["rawData"]) for line in lines] == [b"one", b"two"]
        first = lines[0]
        assert (first["attemptsMade"], first["errorCode"]) == (1, "HttpEndpoint.DestinationException")
        assert first["errorMessage"].endswith('{"errorMessage":"no"}')
        assert {"arrivalTimestamp", "attemptEndingTimestamp", "subsequenceNumber", "dataId"} < set(first)


@pytest.mark.moto
async def test_too_large_for_the_endpoint_is_not_even_set_aside(moto: Service) -> None:
    async with receiving() as receiver, playing(moto) as p:
        receiver.answers = lambda _, __: refused(413)
        await p.bucket()
        await create(p, HttpEndpointDestinationConfiguration=http(receiver))
        await p.put(b"one")
        await p.until(lambda: p.firehose.summary()[0]["undelivered"] == 0)
        counts: Any = p.firehose.summary()[0]["records"]
        assert (counts["dropped"], counts["set_aside"], len(receiver.requests)) == (1, 0, 1)
        assert await p.objects() == {}


@pytest.mark.moto
async def test_a_backup_of_all_data_gets_what_the_endpoint_got(moto: Service) -> None:
    async with receiving() as receiver, playing(moto) as p:
        await p.bucket()
        await create(p, HttpEndpointDestinationConfiguration=http(receiver, S3BackupMode="AllData"))
        await p.put(b"one", b"two")
        ((key, body),) = (await p.objects_come(1)).items()
        assert (key[:14], body) == ("2023/11/14/22/", b"onetwo")
        await p.until(lambda: receiver.records == [b"one", b"two"])


def append(p: Playing, stream: Stream, shard: int, *data: bytes) -> None:
    """Put records into the store as PutRecords writes them."""
    texts = [
        orjson.dumps(
            {
                "SequenceNumber": "1",
                "ApproximateArrivalTimestamp": p.clock.now_ms / 1000,
                "Data": pybase64.b64encode(each).decode(),
                "PartitionKey": "k",
            }
        )
        for each in data
    ]
    p.store.append(stream.shards[shard], texts, [len(each) for each in data], p.clock.now_ms)


async def test_a_kinesis_stream_is_read_from_its_tip_shard_by_shard() -> None:
    async with receiving() as receiver, playing() as p:
        stream = p.store.create(Scope("000000000000", "us-east-1"), Wanted("s", 2), p.clock.now_ms)
        append(p, stream, 0, b"before")
        source = {"KinesisStreamARN": stream.arn, "RoleARN": ROLE}
        await create(
            p,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration=source,
            HttpEndpointDestinationConfiguration=http(receiver),
        )
        append(p, stream, 0, b"a", b"b")
        append(p, stream, 1, b"c")
        await p.until(lambda: len(receiver.records) == 3)
        append(p, stream, 0, b"d")
        await p.until(lambda: len(receiver.records) == 4)
        assert receiver.records == [b"a", b"b", b"c", b"d"]
        shown = (await p.describe())["Source"]["KinesisStreamSourceDescription"]
        assert (shown["KinesisStreamARN"], shown["RoleARN"]) == (stream.arn, ROLE)
        assert await p.refusal("put_record", DeliveryStreamName="f", Record={"Data": b"x"}) == (
            "InvalidArgumentException",
            "This operation is not permitted on KinesisStreamAsSource delivery stream type.",
        )


async def test_a_source_that_comes_later_is_missed_until_then_and_read_whole() -> None:
    async with receiving() as receiver, playing() as p:
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
        await create(
            p,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
            HttpEndpointDestinationConfiguration=http(receiver),
        )
        await p.until(lambda: p.firehose.summary()[0]["failure"] == f"The source {arn} does not exist.")
        stream = p.store.create(Scope("000000000000", "us-east-1"), Wanted("s", 1), p.clock.now_ms)
        append(p, stream, 0, b"a")
        await p.until(lambda: p.firehose.summary()[0]["failure"] == "")
        assert receiver.records == [b"a"]


async def test_an_idle_service_has_nothing_to_do() -> None:
    async with playing() as p:
        await create(p, S3DestinationConfiguration=s3_config())
        deadline = asyncio.get_running_loop().time() + 5.0
        while not p.firehose._wake._waiters:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)
