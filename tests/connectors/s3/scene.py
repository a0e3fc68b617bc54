"""A bucket in the emulator, a connector that reads it, and all that it brought into Kafka."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.aws.session import make_client
from connectors.formats.flowlog import DEFAULT_FORMAT
from connectors.kafka.health_messages import decode_health
from connectors.s3.connector import Connector
from connectors.settings import ConnectS3
from tests.connectors.arrived import DEADLINE_S, Topics
from tests.connectors.running import running
from tests.emulator.flowlogs.account import REGION, Account

BUCKET = "flow-logs-of-tests"
HEADER = " ".join(DEFAULT_FORMAT)


def lines(name: str, count: int) -> list[str]:
    """Make lines that no other name has."""
    return [
        f"2 123456789012 eni-{name} 10.0.0.1 10.0.0.2 {i % 60_000} 443 6 {i} 40 {1_700_000_000 + i}"
        f" {1_700_000_060 + i} ACCEPT OK"
        for i in range(count)
    ]


def packed(content: Iterable[str], header: str = HEADER) -> bytes:
    """Return a file as AWS delivers it."""
    return gzip.compress("\n".join([header, *content, ""]).encode(), 1, mtime=0)


def key(name: str, *, ago_s: int = 600, folder: str = "", end: str = "log.gz") -> str:
    """Return a key whose five minutes began a while ago; `name` is its flow log's."""
    at = datetime.fromtimestamp(time.time() - ago_s, UTC)
    file = f"123456789012_vpcflowlogs_{REGION}_fl-{name}_{at:%Y%m%dT%H%M}Z_0a1b2c3d.{end}"
    return f"{folder}AWSLogs/123456789012/vpcflowlogs/{REGION}/{at:%Y/%m/%d}/{file}"


@dataclass(frozen=True)
class Scene(Topics):
    """One test's account, bucket and topics."""

    account: Account = field(kw_only=True)
    bucket: str = field(kw_only=True)

    @property
    def s3(self) -> Any:
        return self.account.client("s3")

    @property
    def sqs(self) -> Any:
        return self.account.client("sqs")

    def settings(self, **more: Any) -> ConnectS3:
        common = {"kafka": self.kafka, "prefix": self.prefix, "slots": self.slots}
        return ConnectS3(**{**common, "s3_bucket": self.bucket, "s3_list_s": 0.2, **more})

    def put(self, name: str, body: bytes) -> str:
        """Write an object; return its ETag."""
        return str(self.s3.put_object(Bucket=self.bucket, Key=name, Body=body)["ETag"])

    def queue(self, *, told: bool = True) -> str:
        """Make a queue that the bucket tells of its objects, or one that nobody does; return its URL."""
        url = str(self.sqs.create_queue(QueueName="told")["QueueUrl"])
        about = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        wanted = [{"QueueArn": about["QueueArn"], "Events": ["s3:ObjectCreated:*"]}] if told else []
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": wanted}
        )
        return url

    def left(self, url: str) -> int:
        """Return how many messages a queue has, visible or not.

        One that becomes visible after moto has counted those is among neither; so the count is taken twice.
        """
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = []
        for _ in range(2):
            found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            counts.append(sum(int(found[name]) for name in names))
        return max(counts)

    async def until_health(self, kind: str) -> str:
        """Wait for a health record of a kind; return its text. Raises `TimeoutError`."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for one in await self.messages(f"{self.prefix}health"):
                    if (record := decode_health(one.value)).kind == kind:
                        return record.text
                await asyncio.sleep(0.05)


def environment_of(account: Account, url: str | None = None) -> dict[str, str]:
    """Return the variables by which boto3 finds an account."""
    return {
        "AWS_ENDPOINT_URL": url or account.url,
        "AWS_ACCESS_KEY_ID": account.number,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
    }


@asynccontextmanager
async def connecting(settings: ConnectS3) -> AsyncIterator[Connector]:
    """Run a connector while in the context. Raises what ended it."""
    client = make_client("s3")
    try:
        async with running(Connector(settings, client)) as connector:
            yield connector
    finally:
        client.close()


def owned(connector: Connector) -> set[int]:
    """Return the slots that a connector owns."""
    return set(connector._ownership.owned)


async def polled(is_so: Callable[[], bool]) -> None:
    """Poll, with blocking calls in a thread, until something is so. Raises `TimeoutError`."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(is_so):  # noqa: ASYNC110 - what is asked is elsewhere
            await asyncio.sleep(0.02)


def use(monkeypatch: pytest.MonkeyPatch, account: Account, url: str | None = None) -> None:
    """Let boto3 of this process find an account."""
    for name, value in environment_of(account, url).items():
        monkeypatch.setenv(name, value)
