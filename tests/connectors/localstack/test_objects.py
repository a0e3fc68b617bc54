"""`connect s3` reads flow-log files from LocalStack's S3: by listing, and by what S3 tells a queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.connectors.localstack.site import Site, kill
from tests.connectors.s3.scene import key, lines, packed, polled
from tests.emulator.aws import call

pytestmark = [pytest.mark.kafka, pytest.mark.localstack]

LINES = 500  # of a file
ODD = "a b+c%20d&é=/ü/"  # what keys may begin with


async def put(site: Site, *names: str) -> list[str]:
    """Put a file for each key into the bucket; return their lines."""
    content: list[str] = []
    for name in names:
        texts = lines(f"{len(name)}.{name[-40:]}", LINES)
        await call(site.client("s3").put_object, Bucket=site.name, Key=name, Body=packed(texts))
        content += texts
    return content


async def make_bucket(site: Site) -> None:
    await call(site.client("s3").create_bucket, Bucket=site.name)


async def make_queue(site: Site) -> tuple[str, str]:
    """Make a queue; return its URL and its ARN."""
    sqs = site.client("sqs")
    url = (await call(sqs.create_queue, QueueName=site.name))["QueueUrl"]
    about = await call(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"])
    return url, about["Attributes"]["QueueArn"]


def left(site: Site, url: str) -> int:
    """Return how many messages a queue has, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = site.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def tell_queue(site: Site, queue: str) -> dict[str, Any]:
    """Return the notification that goes to the queue itself."""
    return {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}


def tell_topic(site: Site, queue: str) -> dict[str, Any]:
    """Return the notification that goes to a topic which the queue has subscribed to."""
    sns = site.client("sns")
    topic = sns.create_topic(Name=site.name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}


def tell_eventbridge(site: Site, queue: str) -> dict[str, Any]:
    """Return the notification that goes to EventBridge, which has a rule for the queue."""
    events = site.client("events")
    about = {"source": ["aws.s3"], "detail": {"bucket": {"name": [site.name]}}}
    events.put_rule(Name=site.name, EventPattern=json.dumps(about))
    answer = events.put_targets(Rule=site.name, Targets=[{"Id": "queue", "Arn": queue}])
    assert answer["FailedEntryCount"] == 0
    return {"EventBridgeConfiguration": {}}


async def tell(site: Site, way: Callable[[Site, str], dict[str, Any]]) -> str:
    """Make a bucket that tells a queue of its objects; return the queue's URL."""
    await make_bucket(site)
    url, queue = await make_queue(site)
    wanted = await asyncio.to_thread(way, site, queue)
    s3 = site.client("s3")
    await call(s3.put_bucket_notification_configuration, Bucket=site.name, NotificationConfiguration=wanted)
    return url


async def test_files_that_are_listed_come_once_through_a_kill(site: Site) -> None:
    """Found by LOCALSTACK_HOST. Files of today and yesterday, of which some come late."""
    await make_bucket(site)
    content = await put(site, *(key(f"a{nth}", ago_s=600 + 2000 * nth) for nth in range(40)))
    await put(site, "AWSLogs/other.txt")
    settings = {"s3_bucket": site.name, "s3_list_s": 0.2}
    async with site.connecting("s3", site.by_host, **settings) as connector:
        await site.topics.until(lambda seen: len(seen.lines) >= LINES)
        await kill(connector)
        content += await put(site, *(key(f"b{nth}", ago_s=7200) for nth in range(3)))
        await connector.start()
        await site.topics.until_lines(content)
        content += await put(site, *(key(f"c{nth}", ago_s=18_000) for nth in range(3)))
        await site.topics.until_lines(content)
    assert not (await site.topics.until_lines(content)).dead


@pytest.mark.parametrize(
    ("way", "folder"),
    [(tell_queue, ODD), (tell_topic, ODD), (tell_eventbridge, "flows/")],
    ids=["queue", "topic", "eventbridge"],
)
async def test_files_that_a_queue_is_told_of_come_once_and_its_messages_go(
    site: Site, way: Callable[[Site, str], dict[str, Any]], folder: str
) -> None:
    """Found by AWS_ENDPOINT_URL; told before a connector runs and while it runs.

    The message of the object that is no flow log stays for other readers.
    """
    url = await tell(site, way)
    await put(site, "AWSLogs/other.txt")
    content = await put(site, *(key(f"a{nth}", folder=folder) for nth in range(5)))
    async with site.connecting("s3", site.by_url, s3_bucket=site.name, s3_queue=url):
        await site.topics.until_lines(content)
        content += await put(site, *(key(f"b{nth}", folder=folder) for nth in range(5)))
        await site.topics.until_lines(content)
        await polled(lambda: left(site, url) == 1)
    assert not (await site.topics.until_lines(content)).dead


async def test_eventbridge_says_keys_encoded(site: Site) -> None:
    """A difference from AWS, which says them as they are: an object with an odd key is not found by it."""
    url = await tell(site, tell_eventbridge)
    name = key("a", folder=ODD)
    await put(site, name)
    told = await call(site.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=10)
    (message,) = told["Messages"]
    assert json.loads(message["Body"])["detail"]["object"]["key"] == quote(name)
