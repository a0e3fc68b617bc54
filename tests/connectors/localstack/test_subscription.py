"""A subscription in LocalStack carries what a log group gets to a stream that `connect kinesis` reads."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping

import pytest

from tests.connectors.localstack.site import Site
from tests.connectors.localstack.stream import Stream, created
from tests.connectors.s3.scene import lines
from tests.emulator.aws import call

pytestmark = [pytest.mark.kafka, pytest.mark.localstack]

ENIS = ("eni-0a-all", "eni-0b-all")
REJECTS = (
    "[version, account, eni, source, destination, srcport, destport, protocol, packets, bytes, start, end,"
    ' action="REJECT", status]'
)


async def subscribe(site: Site, stream: Stream, pattern: str = "") -> None:
    """Make a log group of two log streams, whose records go to a stream by a role that may put there."""
    logs, iam = site.client("logs"), site.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = await call(iam.create_role, RoleName=site.name, AssumeRolePolicyDocument=policy(trust))
    about = await call(stream.kinesis.describe_stream_summary, StreamName=stream.name)
    arn = about["StreamDescriptionSummary"]["StreamARN"]
    put = policy({"Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": arn})
    await call(iam.put_role_policy, RoleName=site.name, PolicyName="put", PolicyDocument=put)
    await call(logs.create_log_group, logGroupName=site.name)
    for eni in ENIS:
        await call(logs.create_log_stream, logGroupName=site.name, logStreamName=eni)
    await call(
        logs.put_subscription_filter,
        logGroupName=site.name,
        filterName="all",
        filterPattern=pattern,
        destinationArn=arn,
        roleArn=role["Role"]["Arn"],
    )


def policy(statement: Mapping[str, object]) -> str:
    """Return a policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


async def put(site: Site, name: str) -> list[str]:
    """Put lines into every log stream of the group; return them."""
    content = {eni: lines(f"{eni}.{name}", 20) for eni in ENIS}
    for eni, texts in content.items():
        events = [{"timestamp": int(time.time() * 1000), "message": text} for text in texts]
        where = {"logGroupName": site.name, "logStreamName": eni}
        await call(site.client("logs").put_log_events, logEvents=events, **where)
    return list(itertools.chain(*content.values()))


async def test_what_is_put_into_a_log_group_comes_once(site: Site) -> None:
    """Before a connector runs and while it runs; found by AWS_ENDPOINT_URL."""
    stream = await created(site)
    await subscribe(site, stream)
    content = await put(site, "before")
    async with site.connecting("kinesis", site.by_url, stream=stream.name):
        await site.topics.until_lines(content)
        content += await put(site, "meanwhile")
        await site.topics.until_lines(content)
    assert not (await site.topics.until_lines(content)).dead


async def test_a_filter_pattern_is_kept_and_not_heeded(site: Site) -> None:
    """A difference from AWS, where only what matches is delivered: here nothing matches."""
    stream = await created(site)
    await subscribe(site, stream, REJECTS)
    content = await put(site, "accepted")
    async with site.connecting("kinesis", site.by_url, stream=stream.name):
        await site.topics.until_lines(content)
