"""GetRecords past boto3's client: signed with credentials as they are now, errors as botocore's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import orjson
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, NoCredentialsError

from connectors.kinesis.get_records import RecordsCall

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


async def test_a_request_is_what_boto3_would_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signature too, of the body and host that were sent: that of a request that botocore prepares."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2026, 11, 29, 1, 2, 3))
    seen: list[web.Request] = []
    bodies: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.read())
        return web.Response(body=b'{"Records":[]}')

    credentials = Credentials("AKID", "secret", "token")
    async with answering(answer, credentials) as call:
        assert await call.body("it", 77, {"StreamARN": "arn"}) == b'{"Records":[]}'
    [request] = seen
    assert orjson.loads(bodies[0]) == {"ShardIterator": "it", "Limit": 77, "StreamARN": "arn"}
    assert request.headers["X-Amz-Target"] == "Kinesis_20131202.GetRecords"
    assert request.headers["X-Amz-Security-Token"] == "token"
    named = {name: request.headers[name] for name in ("X-Amz-Target", "Content-Type")}
    prepared = AWSRequest("POST", str(request.url), headers=named, data=bodies[0])
    SigV4Auth(credentials, "kinesis", "eu-west-1").add_auth(prepared)
    assert request.headers["Authorization"] == prepared.headers["Authorization"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://kinesis.eu-west-1.amazonaws.com", "kinesis.eu-west-1.amazonaws.com"),
        ("https://Kinesis.Example:443/", "kinesis.example"),
        ("http://[::1]:4566", "[::1]:4566"),
    ],
)
def test_the_host_is_signed_as_boto3_would_write_it(url: str, host: str) -> None:
    client = boto3.Session().client("kinesis", region_name="eu-west-1", endpoint_url=url)
    call = RecordsCall(client, Credentials("a", "b"))
    assert call.signed["Host"] == host
    client.close()


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
    monkeypatch.setattr("connectors.kinesis.get_records.FROZEN_S", 0.0)
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
