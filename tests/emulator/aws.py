"""boto3 clients of whatever a service answers, through a real port: what a test of it calls with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from emulator.http.messages import Service
from tests.emulator.firehose.door import door

RETRY_NOTHING = Config(retries={"max_attempts": 0})


@cache
def session(key: str = "test") -> boto3.Session:
    """Return the one session of a key: each reads the models of its services, which takes long, once."""
    return boto3.Session(key, "secret", region_name="us-east-1")


class Aws:
    """boto3 clients of one account, whose calls run in a thread beside the server's loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: list[Any] = []

    def client(self, service: str, region: str = "eu-west-1", key: str = "test", **config: Any) -> Any:
        client = session(key).client(
            service, region, endpoint_url=self.url, config=RETRY_NOTHING.merge(Config(**config))
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


@asynccontextmanager
async def calling(service: Service) -> AsyncIterator[Aws]:
    """Serve while in the context; yields what makes clients."""
    async with door(service) as url:
        aws = Aws(url)
        try:
            yield aws
        finally:
            aws.close()


async def call(function: Any, **request: object) -> Any:
    return await asyncio.to_thread(function, **request)
