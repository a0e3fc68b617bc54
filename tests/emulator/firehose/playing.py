"""Firehose, and the S3 that a test gives it, at one port of their own; boto3 clients for both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.firehose.service import TARGET_PREFIX, Firehose
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.store import Store, StoreLimits
from tests.emulator.aws import session
from tests.emulator.firehose.door import door

DEADLINE_S = 20.0
ROLE = "arn:aws:iam::000000000000:role/delivery"
CONFIG = Config(retries={"max_attempts": 0}, parameter_validation=False)


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Playing:
    """What a test works with. Calls are by operation, in a thread beside the loop."""

    firehose: Firehose
    store: Store
    clock: Clock
    client: Any
    s3: Any

    async def __call__(self, operation: str, **request: object) -> Any:
        return await asyncio.to_thread(getattr(self.client, operation), **request)

    async def refusal(self, operation: str, **request: object) -> tuple[str, str]:
        with pytest.raises(ClientError) as error:
            await self(operation, **request)
        return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]

    async def describe(self, name: str = "f") -> dict[str, Any]:
        answer = await self("describe_delivery_stream", DeliveryStreamName=name)
        found: dict[str, Any] = answer["DeliveryStreamDescription"]
        return found

    async def put(self, *data: bytes, name: str = "f") -> None:
        records = [{"Data": each} for each in data]
        await self("put_record_batch", DeliveryStreamName=name, Records=records)

    async def bucket(self, name: str = "lake") -> None:
        await asyncio.to_thread(self.s3.create_bucket, Bucket=name)

    async def objects(self, name: str = "lake") -> dict[str, bytes]:
        return await asyncio.to_thread(self._objects, name)

    async def objects_come(self, count: int, name: str = "lake") -> dict[str, bytes]:
        deadline = time.monotonic() + DEADLINE_S
        while len(found := await self.objects(name)) < count:
            assert time.monotonic() < deadline, (
                f"{len(found)} objects, not {count}: {self.firehose.summary()}"
            )
            await asyncio.sleep(0.05)
        return found

    async def until(self, claim: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not claim():
            assert time.monotonic() < deadline, f"not within the deadline: {self.firehose.summary()}"
            await asyncio.sleep(0.02)

    def _objects(self, bucket: str) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            each["Key"]: self.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed
        }


def s3_config(**more: object) -> dict[str, object]:
    """Return an S3 destination that delivers after a minute, or what is given instead."""
    hints = {"SizeInMBs": 1, "IntervalInSeconds": 60}
    return {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake", "BufferingHints": hints, **more}


async def no_s3(_: Incoming) -> Outgoing:
    """Answer as S3 does when it is overloaded: what a test does not deliver is not delivered."""
    return Outgoing(503, {}, b"<Error><Code>SlowDown</Code></Error>")


@asynccontextmanager
async def playing(others: Service = no_s3, transition_ms: int = 0) -> AsyncIterator[Playing]:
    """Play while in the context; `others` answers what is not for Firehose."""
    clock, store = Clock(), Store(StoreLimits(transition_ms=transition_ms))
    firehose = Firehose(store, others, clock, seed=7, first_pause_s=0.01)

    async def route(request: Incoming) -> Outgoing:
        is_firehose = request.headers.get("x-amz-target", "").startswith(TARGET_PREFIX)
        return await (firehose.answer if is_firehose else others)(request)

    async with door(route) as url:
        client = session().client("firehose", endpoint_url=url, config=CONFIG)
        s3 = session().client("s3", endpoint_url=url, config=CONFIG)
        await firehose.start()
        try:
            yield Playing(firehose, store, clock, client, s3)
        finally:
            await firehose.stop(drain_s=0.2)
            client.close()
            s3.close()
