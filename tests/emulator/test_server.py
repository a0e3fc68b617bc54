"""The emulator over HTTP, as boto3, localstack-client and careless clients meet it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from localstack_client import session as localstack
from structlog.testing import capture_logs

from emulator import server
from emulator.kinesis import service
from emulator.kinesis.http.endpoint import CAP_WARNING_EVERY_MS
from emulator.kinesis.protocol import wire
from emulator.kinesis.store import Store

pytestmark = pytest.mark.socket

DEADLINE_S = 10.0
TARGET = "Kinesis_20131202"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
SESSION = boto3.Session(**KEYS)


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class Kinesis:
    """A boto3 client whose calls run in a thread, beside the server's loop."""

    def __init__(self, url: str, region: str = "us-east-1") -> None:
        config = Config(retries={"max_attempts": 0})
        self.client = SESSION.client("kinesis", region, endpoint_url=url, config=config)

    async def __call__(self, operation: str, **request: object) -> Any:
        return await asyncio.to_thread(getattr(self.client, operation), **request)

    async def refusal(self, operation: str, **request: object) -> tuple[str, str]:
        with pytest.raises(ClientError) as error:
            await self(operation, **request)
        return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]

    async def drain(self, shard_id: str, name: str = "s", **more: object) -> list[dict[str, Any]]:
        """Read a shard from its beginning until caught up."""
        answer = await self(
            "get_shard_iterator", StreamName=name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
        )
        iterator, records = answer["ShardIterator"], []
        while True:
            answer = await self("get_records", ShardIterator=iterator, **more)
            records += answer["Records"]
            iterator = answer["NextShardIterator"]
            if answer["MillisBehindLatest"] == 0:
                return records


@asynccontextmanager
async def playing(**options: Any) -> AsyncIterator[Kinesis]:
    async with server.emulator(**{"transition_ms": 0, **options}) as url:
        kinesis = Kinesis(url)
        try:
            yield kinesis
        finally:
            kinesis.client.close()


async def eventually(claim: Callable[[], Any]) -> None:
    """Wait until an awaitable claim holds, or fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not await claim():
        assert time.monotonic() < deadline, "not within the deadline"


async def test_boto3_creates_lists_describes_and_deletes_a_stream() -> None:
    async with playing(transition_ms=20) as kinesis:

        async def is_active() -> bool:
            summary = await kinesis("describe_stream_summary", StreamName="s")
            return bool(summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

        async def is_gone() -> bool:
            return bool((await kinesis("list_streams"))["StreamNames"] == [])

        await kinesis("create_stream", StreamName="s", ShardCount=3, Tags={"team": "flow"})
        await eventually(is_active)
        described = (await kinesis("describe_stream", StreamName="s"))["StreamDescription"]
        assert described["StreamARN"] == "arn:aws:kinesis:us-east-1:000000000000:stream/s"
        assert [shard["HashKeyRange"]["StartingHashKey"] for shard in described["Shards"]] == [
            "0",
            "113427455640312821154458202477256070485",
            "226854911280625642308916404954512140970",
        ]
        assert (described["RetentionPeriodHours"], described["HasMoreShards"]) == (24, False)
        await kinesis("delete_stream", StreamARN=described["StreamARN"])
        await eventually(is_gone)


async def test_records_of_a_shard_come_back_in_order_and_whole() -> None:
    async with playing() as kinesis:
        await kinesis("create_stream", StreamName="s", ShardCount=2)
        sent: dict[str, list[tuple[str, bytes, str]]] = {}
        for batch in range(4):
            records = [
                {"Data": os.urandom(at), "PartitionKey": f'{batch} "{at}" \\ \u00e9\u2713\U0001f600\n'}
                for at in range(100)
            ]
            put = await kinesis("put_records", StreamName="s", Records=records)
            assert put["FailedRecordCount"] == 0
            for record, result in zip(records, put["Records"], strict=True):
                sent.setdefault(result["ShardId"], []).append(
                    (result["SequenceNumber"], record["Data"], record["PartitionKey"])  # type: ignore[arg-type]
                )
        assert len(sent) == 2
        for shard_id, expected in sent.items():
            got = await kinesis.drain(shard_id, Limit=30)
            assert [(r["SequenceNumber"], r["Data"], r["PartitionKey"]) for r in got] == expected
            numbers = [int(record["SequenceNumber"]) for record in got]
            assert numbers == sorted(set(numbers))
            assert all(abs(r["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60 for r in got)


async def test_one_record_put_by_arn_is_read_by_name() -> None:
    async with playing() as kinesis:
        await kinesis("create_stream", StreamName="s", ShardCount=1)
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
        put = await kinesis("put_record", StreamARN=arn, Data=b"hello", PartitionKey="k")
        (record,) = await kinesis.drain(put["ShardId"], StreamARN=arn)
        assert (record["Data"], record["SequenceNumber"]) == (b"hello", put["SequenceNumber"])


async def test_listings_are_read_page_by_page() -> None:
    async with playing() as kinesis:
        names = [f"s{number:03d}" for number in range(105)]
        for name in names:
            await kinesis("create_stream", StreamName=name, ShardCount=1)
        await kinesis("create_stream", StreamName="wide", ShardCount=205)

        def names_by_paginator(limit: int) -> list[str]:
            pages = kinesis.client.get_paginator("list_streams").paginate(
                PaginationConfig={"PageSize": limit}
            )
            return [name for page in pages for name in page["StreamNames"]]

        def describe_by_paginator() -> list[str]:
            pages = kinesis.client.get_paginator("describe_stream").paginate(StreamName="wide")
            return [shard["ShardId"] for page in pages for shard in page["StreamDescription"]["Shards"]]

        assert await asyncio.to_thread(names_by_paginator, 40) == [*names, "wide"]
        first = await kinesis("list_streams")
        assert (len(first["StreamNames"]), first["HasMoreStreams"]) == (100, True)
        second = await kinesis("list_streams", ExclusiveStartStreamName=first["StreamNames"][-1])
        assert (len(second["StreamNames"]), second["HasMoreStreams"]) == (6, False)
        shards = [f"shardId-{number:012d}" for number in range(205)]
        assert await asyncio.to_thread(describe_by_paginator) == shards
        # Not by botocore's paginator: it names the stream beside the token, which AWS refuses as well.
        page = await kinesis("list_shards", StreamName="wide", MaxResults=60)
        listed = page["Shards"]
        while "NextToken" in page:
            page = await kinesis("list_shards", NextToken=page["NextToken"], MaxResults=60)
            listed += page["Shards"]
        assert [shard["ShardId"] for shard in listed] == shards


async def test_boto3_sees_the_error_codes_of_aws() -> None:
    clock = Clock()
    async with playing(clock=clock) as kinesis:
        await kinesis("create_stream", StreamName="s", ShardCount=1)
        assert await kinesis.refusal("create_stream", StreamName="s", ShardCount=1) == (
            "ResourceInUseException",
            "Stream s under account 000000000000 already exists.",
        )
        assert await kinesis.refusal("describe_stream", StreamName="t") == (
            "ResourceNotFoundException",
            "Stream t under account 000000000000 not found.",
        )
        assert await kinesis.refusal("describe_stream", StreamName="a/b") == (
            "ValidationException",
            "1 validation error detected: Value 'a/b' at 'streamName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        )
        assert (await kinesis.refusal("get_records", ShardIterator="x"))[0] == "InvalidArgumentException"
        assert (await kinesis.refusal("put_record", Data=b"", PartitionKey="k"))[
            0
        ] == "InvalidArgumentException"
        assert (
            await kinesis.refusal("split_shard", StreamName="s", ShardToSplit="0", NewStartingHashKey="0")
        )[0] == "InvalidArgumentException"
        iterator = (
            await kinesis("get_shard_iterator", StreamName="s", ShardId="0", ShardIteratorType="LATEST")
        )["ShardIterator"]
        clock.now_ms += 300_001
        code, _ = await kinesis.refusal("get_records", ShardIterator=iterator)
        assert code == "ExpiredIteratorException"
        assert issubclass(kinesis.client.exceptions.ExpiredIteratorException, ClientError)


async def test_the_region_of_the_signature_decides_whose_streams_are_seen() -> None:
    async with server.emulator(transition_ms=0) as url:
        here, there = Kinesis(url, "us-east-1"), Kinesis(url, "eu-west-1")
        await here("create_stream", StreamName="s", ShardCount=1)
        assert (await there("list_streams"))["StreamNames"] == []
        await there("create_stream", StreamName="s", ShardCount=1)
        summary = (await there("describe_stream_summary", StreamName="s"))["StreamDescriptionSummary"]
        assert summary["StreamARN"] == "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
        here.client.close()
        there.client.close()


async def test_a_localstack_client_session_works_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server.emulator(transition_ms=0) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)

        def use() -> list[str]:
            client = localstack.Session().client("kinesis")
            client.create_stream(StreamName="s", ShardCount=1)
            names: list[str] = client.list_streams()["StreamNames"]
            client.close()
            return names

        assert await asyncio.to_thread(use) == ["s"]


async def test_malformed_requests_are_refused_and_the_connection_lives() -> None:
    async with server.emulator() as url, aiohttp.ClientSession(url) as http:
        headers = {"X-Amz-Target": f"{TARGET}.PutRecords", "Content-Type": "application/x-amz-json-1.1"}
        for body in (b"", b'{"Records": [', b"\x00\xff", b"[]"):
            async with http.post("/", data=body, headers=headers) as answer:
                assert answer.status == 400
                assert await answer.json(content_type=None) == {"__type": "SerializationException"}
                assert len(answer.headers["x-amzn-RequestId"]) == 36
                assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
        async with http.post("/", data=io.BytesIO(bytes(17 << 20)), headers=headers) as answer:
            assert answer.status == 413


async def test_a_page_that_is_not_there_is_said_so() -> None:
    async with server.emulator() as url, aiohttp.ClientSession(url) as http:
        async with http.get("/_vpcflow/nothing") as answer:
            assert answer.status == 404
            assert "/_vpcflow/streams" in (await answer.json())["pages"]
        async with http.post("/_vpcflow/streams") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_a_bug_of_ours_is_answered_as_aws_answers_its_own() -> None:
    def broken(*_: object) -> wire.Answer:
        raise ZeroDivisionError

    with capture_logs() as logs:
        running = await server.serve(Store(), "127.0.0.1", 0, parts=server.Parts(answerer=broken))
        kinesis = Kinesis(running.url)
        assert await kinesis.refusal("list_streams") == ("InternalFailure", "")
        kinesis.client.close()
        await running.stop()
    (entry,) = [each for each in logs if each["log_level"] == "error"]
    assert (entry["operation"], "ZeroDivisionError" in entry["trace"]) == ("ListStreams", True)


@pytest.mark.parametrize(
    ("answer", "error"), [({"delay_ms": 1}, None), ({"reset": True}, ConnectionClosedError)]
)
async def test_an_answer_may_be_held_back_or_lost(
    answer: dict[str, int], error: type[Exception] | None
) -> None:
    def faulty(store: Store, request: service.HttpRequest, now_ms: int) -> wire.Answer:
        return replace(service.answer(store, request, now_ms), **answer)  # type: ignore[arg-type]

    running = await server.serve(Store(), "127.0.0.1", 0, parts=server.Parts(answerer=faulty))
    kinesis = Kinesis(running.url)
    if error is None:
        assert (await kinesis("list_streams"))["StreamNames"] == []
    else:
        with pytest.raises(ConnectionClosedError):
            await kinesis("list_streams")
    kinesis.client.close()
    await running.stop()


async def test_health_and_retained_data_can_be_asked_for() -> None:
    async with playing() as kinesis, aiohttp.ClientSession(kinesis.client.meta.endpoint_url) as http:
        await kinesis("create_stream", StreamName="s", ShardCount=1)
        await kinesis("put_record", StreamName="s", Data=b"hello", PartitionKey="k")
        async with http.get("/_localstack/health") as answer:
            health = await answer.json()
        assert health["services"]["kinesis"] == "running"
        assert health["edition"] == "community"
        async with http.get("/_vpcflow/streams") as answer:
            (stream,) = (await answer.json())["streams"]
        (shard,) = stream.pop("shards")
        assert stream == {
            "name": "s",
            "arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
            "status": "ACTIVE",
        }
        assert shard.pop("bytes") > 100
        assert shard == {
            "shard_id": "shardId-000000000000",
            "is_open": True,
            "records": 1,
            "trimmed": 0,
            "put": 1,
            "put_records_per_s": 0.1,
            "put_bytes_per_s": 0.6,
            "iterator_age_ms": None,
            "last_read_ms_ago": None,
            "consumers": [],
        }
        await kinesis.drain("shardId-000000000000")
        async with http.get("/_vpcflow/streams") as answer:
            (shard,) = (await answer.json())["streams"][0]["shards"]
        assert (shard["iterator_age_ms"], shard["last_read_ms_ago"] < 10_000) == (0, True)
        async with http.get("/metrics") as answer:
            metrics = await answer.text()
        labels = 'account="000000000000",region="us-east-1",shard="shardId-000000000000",stream="s"'
        assert f"vpcflow_emulator_put_records_total{{{labels}}} 1.0" in metrics
        assert 'vpcflow_emulator_calls_total{operation="PutRecord",status="200"} 1.0' in metrics


async def test_the_memory_cap_is_loud_but_not_on_every_request() -> None:
    clock = Clock()
    with capture_logs() as logs:
        async with playing(clock=clock, memory_cap_bytes=50_000) as kinesis:
            await kinesis("create_stream", StreamName="s", ShardCount=1)
            for _ in range(20):
                await kinesis("put_record", StreamName="s", Data=bytes(10_000), PartitionKey="k")
            assert len(logs) == 1
            clock.now_ms += CAP_WARNING_EVERY_MS
            await kinesis("put_record", StreamName="s", Data=bytes(10_000), PartitionKey="k")
            assert len(logs) == 2
            await kinesis("put_record", StreamName="s", Data=bytes(10_000), PartitionKey="k")
            kept = len(await kinesis.drain("shardId-000000000000"))
    assert [entry["log_level"] for entry in logs] == ["warning"] * 3
    assert sum(entry["records"] for entry in logs) == logs[-1]["records_total"] == 22 - kept


async def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(server.PortInUse, match=f"Port {port} on 127.0.0.1 is in use. Stop the program"):
            await server.serve(Store(), "127.0.0.1", port)


async def test_started_server_stops_and_frees_its_port() -> None:
    running = await server.serve(Store(), "127.0.0.1", 0)
    assert running.url == f"http://127.0.0.1:{running.port}"
    await running.stop()
    again = await server.serve(Store(), "127.0.0.1", running.port)
    await again.stop()


SERVE = """
import asyncio, json, sys
from emulator import server
heavy = {"polars", "numba", "faust", "boto3", "botocore", "numpy", "aiohttp", "h2"} & set(sys.modules)
print(json.dumps(sorted(heavy)), flush=True)
asyncio.run(server.run("127.0.0.1", 0, memory_cap_bytes=1 << 20, retention_s=60))
"""


@pytest.mark.process
def test_run_says_where_it_serves_stops_when_told_and_imports_nothing_heavy() -> None:
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == []
        ready = process.stdout.readline()
        assert "emulator ready" in ready
        assert "http://127.0.0.1:" in ready
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
