"""GetRecords past boto3's client: signed with credentials as they are now, errors as botocore's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, NoCredentialsError

from connectors.get_records import RecordsCall

pytestmark = pytest.mark.socket

Answer = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def answering(answer: Answer, credentials: Any) -> AsyncIterator[RecordsCall]:
    """A server that answers so, and calls to it."""
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    client = boto3.Session().client(
        "kinesis", region_name="eu-west-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
    )
    try:
        async with RecordsCall(client, credentials) as call:
            yield call
    finally:
        client.close()
        await runner.cleanup()


async def test_a_request_is_what_boto3_would_send() -> None:
    seen: list[web.Request] = []
    bodies: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.json())
        return web.Response(body=b'{"Records":[]}')

    async with answering(answer, Credentials("AKID", "secret", "token")) as call:
        assert await call.body("it", 77, {"StreamARN": "arn"}) == b'{"Records":[]}'
    [request] = seen
    assert bodies == [{"ShardIterator": "it", "Limit": 77, "StreamARN": "arn"}]
    assert request.headers["X-Amz-Target"] == "Kinesis_20131202.GetRecords"
    assert request.headers["X-Amz-Security-Token"] == "token"
    pattern = r"AWS4-HMAC-SHA256 Credential=AKID/\d{8}/eu-west-1/kinesis/aws4_request, SignedHeaders=.*host.*"
    assert re.match(pattern, request.headers["Authorization"])


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            b'{"__type":"com.amazonaws.kinesis#ExpiredIteratorException","message":"old"}',
            "ExpiredIteratorException",
            "old",
        ),
        (b'{"__type":"AccessDeniedException","Message":"no"}', "AccessDeniedException", "no"),
        (b"<html>", "502", "<html>"),
        (b"[]", "502", "[]"),
    ],
)
async def test_an_error_is_botocores(body: bytes, code: str, message: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=502, body=body)

    async with answering(answer, Credentials("AKID", "secret")) as call:
        with pytest.raises(ClientError) as raised:
            await call.body("it", 1, {})
    assert raised.value.response["Error"] == {"Code": code, "Message": message}
    assert raised.value.operation_name == "GetRecords"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502


async def test_credentials_that_expire_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore renews what is about to expire; each request is signed with what it has then."""
    monkeypatch.setattr("connectors.get_records.FROZEN_S", 0.0)
    keys: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        keys.append(request.headers["Authorization"].split("Credential=")[1].split("/")[0])
        return web.Response(body=b"{}")

    made = iter(range(9))

    def renew() -> dict[str, str]:
        expires = datetime.now(UTC) + timedelta(seconds=1)  # within botocore's own margin: due at once
        return {
            "access_key": f"key{next(made)}",
            "secret_key": "s",
            "token": "t",
            "expiry_time": expires.isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(renew(), renew, "test")
    async with answering(answer, credentials) as call:
        for _ in range(3):
            await call.body("it", 1, {})
    assert keys == ["key1", "key2", "key3"]


async def test_without_credentials_it_says_so() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with answering(answer, None) as call:
        with pytest.raises(NoCredentialsError):
            await call.body("it", 1, {})
