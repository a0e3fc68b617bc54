"""Firehose, Kinesis and S3 at the emulator's one port, as a program that uses all three meets them."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import boto3
import pytest

from emulator import server
from tests.beside import beside

pytestmark = pytest.mark.moto

DEADLINE_S = 20.0
ROLE = "arn:aws:iam::111111111111:role/delivery"


def deliver(url: str) -> list[bytes]:
    """Put to Kinesis, let Firehose carry it to S3, and read it there: an account of one's own, in Ireland."""
    session = boto3.Session("111111111111", "secret", region_name="eu-west-1")
    kinesis, firehose, s3 = (session.client(n, endpoint_url=url) for n in ("kinesis", "firehose", "s3"))
    try:
        s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        kinesis.create_stream(StreamName="s", ShardCount=2)
        kinesis.get_waiter("stream_exists").wait(StreamName="s", WaiterConfig={"Delay": 1})
        arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        firehose.create_delivery_stream(
            DeliveryStreamName="f",
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": "arn:aws:s3:::lake",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "CompressionFormat": "GZIP",
            },
        )
        records = [{"Data": b"%d;" % number, "PartitionKey": str(number)} for number in range(100)]
        kinesis.put_records(StreamName="s", Records=records)
        return _read(s3, 100)
    finally:
        for client in (kinesis, firehose, s3):
            client.close()


def _read(s3: Any, count: int) -> list[bytes]:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket="lake").get("Contents", [])]
        bodies = [gzip.decompress(s3.get_object(Bucket="lake", Key=key)["Body"].read()) for key in keys]
        found = b"".join(bodies).split(b";")[:-1]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} records in {keys}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator for these tests, with a moto behind it that starts once."""
    with beside(server.emulator()) as url:
        yield url


async def test_records_go_from_kinesis_through_firehose_to_s3(url: str) -> None:
    found = await asyncio.to_thread(deliver, url)
    assert sorted(map(int, found)) == list(range(100))
    async with aiohttp.ClientSession() as http, http.get(f"{url}/_vpcflow/firehose") as response:
        (shown,) = await response.json()
        assert (shown["records"]["delivered"], shown["failure"]) == (100, "")
    async with aiohttp.ClientSession() as http, http.get(f"{url}/_localstack/health") as response:
        services = (await response.json())["services"]
        assert (services["firehose"], services["s3"]) == ("running", "running")


async def test_an_object_that_is_gzip_stays_gzip(url: str) -> None:
    body = gzip.compress(b"text", mtime=0)

    def put() -> tuple[bytes, str]:
        s3 = boto3.Session("test", "test", region_name="us-east-1").client("s3", endpoint_url=url)
        try:
            s3.create_bucket(Bucket="compressed")
            s3.put_object(Bucket="compressed", Key="k", Body=body, ContentEncoding="gzip")
            got = s3.get_object(Bucket="compressed", Key="k")
            return got["Body"].read(), got["ContentEncoding"]
        finally:
            s3.close()

    assert await asyncio.to_thread(put) == (body, "gzip")
