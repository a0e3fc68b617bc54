"""An emulator asked to misbehave, and a plain boto3 client of it: for the tests of limits and faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import server
from emulator.faults.documents import read
from emulator.kinesis import limits
from emulator.kinesis.store import Store, StoreLimits
from emulator.runtime_options import RuntimeOptions

FIRST_SHARD = "shardId-000000000000"
SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class Client:
    """A boto3 client that does not try again unless asked to, whose calls run in a thread."""

    def __init__(self, url: str, clock: Clock, attempts: int = 0, read_timeout_s: float = 10.0) -> None:
        self.url, self.clock = url, clock
        config = Config(
            retries={"max_attempts": attempts, "mode": "standard"} if attempts else {"max_attempts": 0},
            read_timeout=read_timeout_s,
        )
        self.boto = SESSION.client("kinesis", "us-east-1", endpoint_url=url, config=config)

    async def __call__(self, operation: str, **request: object) -> Any:
        return await asyncio.to_thread(getattr(self.boto, operation), **request)

    async def refusal(self, operation: str, **request: object) -> tuple[int, str, str]:
        """Return the status, code and message of a call that is refused."""
        with pytest.raises(ClientError) as error:
            await self(operation, **request)
        answer = error.value.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        return status, answer["Error"]["Code"], answer["Error"]["Message"]

    async def put(self, count: int = 1, data: bytes = b"x") -> Any:
        """Put records in one request."""
        records = [{"Data": data, "PartitionKey": str(at)} for at in range(count)]
        return await self("put_records", StreamName="s", Records=records)

    async def iterator(self, shard_id: str = FIRST_SHARD) -> str:
        """Return an iterator at a shard's beginning."""
        answer = await self(
            "get_shard_iterator", StreamName="s", ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
        )
        return str(answer["ShardIterator"])

    async def page(self, method: str, path: str, document: object = None) -> tuple[int, Any]:
        """Ask one of the emulator's own pages."""
        async with (
            aiohttp.ClientSession(self.url) as http,
            http.request(method, path, json=document) as answer,
        ):
            return answer.status, await answer.json()


@asynccontextmanager
async def asked(
    *rules: dict[str, object],
    seed: int = 1,
    limited: object = "off",
    shards: int = 1,
    attempts: int = 0,
    read_timeout_s: float = 10.0,
) -> AsyncIterator[Client]:
    """Serve a stream `s` under rules and limits; what they say about time is by the client's `clock`."""
    clock = Clock()
    store = Store(StoreLimits(transition_ms=0))
    behaviour = RuntimeOptions(store, clock)
    parts = server.Parts(clock=clock, answerer=behaviour.answerer, pages=behaviour.pages())
    running = await server.serve(store, "127.0.0.1", 0, parts=parts)
    client = Client(running.url, clock, attempts, read_timeout_s)
    try:
        await client("create_stream", StreamName="s", ShardCount=shards)
        behaviour.set_limits(limits.apply(limited))
        behaviour.set_faults(read({"seed": seed, "rules": list(rules)}))
        yield client
    finally:
        client.boto.close()
        await running.stop()
