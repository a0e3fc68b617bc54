"""Why `connect firehose` cannot be fed by LocalStack's Firehose; each test is a difference from AWS."""

from __future__ import annotations

from typing import Any

import orjson
import pybase64
import pytest

from emulator.http.messages import Incoming, Outgoing
from emulator.kafka.ports import free_port
from tests.connectors.localstack.site import Site
from tests.connectors.s3.scene import lines
from tests.emulator.aws import call
from tests.emulator.firehose.door import door

pytestmark = [pytest.mark.kafka, pytest.mark.localstack]

CONTENT = [f"{line}\n".encode() for line in lines("firehose", 3)]


async def deliver(site: Site, url: str) -> dict[str, Any]:
    """Make a delivery stream to an endpoint, with all that AWS's requests would show, and put into it."""
    firehose = site.client("firehose")
    destination = {
        "EndpointConfiguration": {"Url": url, "AccessKey": "key"},
        "RequestConfiguration": {
            "ContentEncoding": "GZIP",
            "CommonAttributes": [{"AttributeName": "account", "AttributeValue": "123456789012"}],
        },
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
        "S3Configuration": {
            "RoleARN": f"arn:aws:iam::000000000000:role/{site.name}",
            "BucketARN": f"arn:aws:s3:::{site.name}",
        },
    }
    name = {"DeliveryStreamName": site.name}
    await call(firehose.create_delivery_stream, HttpEndpointDestinationConfiguration=destination, **name)
    records = [{"Data": data} for data in CONTENT]
    answer: dict[str, Any] = await call(firehose.put_record_batch, Records=records, **name)
    return answer


async def test_it_posts_a_body_without_the_headers_and_takes_any_answer(site: Site) -> None:
    """At once, as plain text, without key, id, version, source and attributes; what is refused is lost."""
    posted: list[Incoming] = []

    async def refuse(request: Incoming) -> Outgoing:
        posted.append(request)
        return Outgoing(500)

    async with door(refuse) as url:
        answer = await deliver(site, url)
    assert answer["FailedPutCount"] == 0
    (request,) = posted
    assert not [name for name in request.headers if name.startswith("x-amz-")]
    assert "content-encoding" not in request.headers
    body = orjson.loads(request.body)
    assert [pybase64.b64decode(one["data"]) for one in body["records"]] == CONTENT
    assert body["requestId"]
    assert body["timestamp"] < 1 << 32, "seconds; AWS says milliseconds"


async def test_the_endpoint_refuses_what_it_posts(site: Site) -> None:
    port = free_port()
    async with site.connecting("firehose", {}, firehose_port=port) as endpoint:
        answer = await deliver(site, f"http://127.0.0.1:{port}/")
        assert answer["FailedPutCount"] == 0, "LocalStack says that it is delivered"
        assert "status=400 why=malformed" in endpoint.tail()
    seen = await site.topics.seen()
    assert (seen.lines, seen.dead) == ([], [])
