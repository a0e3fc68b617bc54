"""A stream in LocalStack that is put into while its shards are split and merged."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.formats.envelope import wrap_subscription
from tests.connectors.localstack.site import Site
from tests.connectors.s3.scene import lines
from tests.emulator.aws import call

RECORDS = 8  # of a call
LINES = 5  # of a record
KEYS = 1 << 128
BETWEEN_S = 0.02


@dataclass
class Stream:
    """A stream, and the lines that were put into it."""

    kinesis: Any
    name: str
    lines: list[str] = field(default_factory=list)
    calls: int = 0

    async def put(self) -> None:
        """Put records all over the hash keys: plain lines in one call, envelopes in the next."""
        content = [lines(f"{self.calls}.{nth}", LINES) for nth in range(RECORDS)]
        as_data = plain if self.calls % 2 else enveloped
        records = [
            {"Data": as_data(texts), "PartitionKey": "k", "ExplicitHashKey": str(KEYS // RECORDS * nth)}
            for nth, texts in enumerate(content)
        ]
        answer = await call(self.kinesis.put_records, StreamName=self.name, Records=records)
        assert answer["FailedRecordCount"] == 0
        self.calls += 1
        self.lines += itertools.chain(*content)

    async def more(self, calls: int) -> None:
        """Wait until who feeds it has made so many more calls."""
        wanted = self.calls + calls
        while self.calls < wanted:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(BETWEEN_S)

    async def open_shards(self) -> list[dict[str, Any]]:
        """Return the shards that take records, in the order of their keys."""
        shards = (await call(self.kinesis.list_shards, StreamName=self.name))["Shards"]
        found = [one for one in shards if "EndingSequenceNumber" not in one["SequenceNumberRange"]]
        return sorted(found, key=lambda one: int(one["HashKeyRange"]["StartingHashKey"]))

    async def split(self) -> set[str]:
        """Split the first shard in its middle; return the ids of its children."""
        before = await self.open_shards()
        keys = before[0]["HashKeyRange"]
        middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2
        parent = {"ShardToSplit": before[0]["ShardId"], "NewStartingHashKey": str(middle)}
        await call(self.kinesis.split_shard, StreamName=self.name, **parent)
        return await self._new(before)

    async def merge(self) -> set[str]:
        """Merge the last two shards; return the id of what came of them."""
        before = await self.open_shards()
        parents = {"ShardToMerge": before[-2]["ShardId"], "AdjacentShardToMerge": before[-1]["ShardId"]}
        await call(self.kinesis.merge_shards, StreamName=self.name, **parents)
        return await self._new(before)

    async def _new(self, before: Iterable[dict[str, Any]]) -> set[str]:
        await self.is_active()
        return ids(await self.open_shards()) - ids(before)

    async def is_active(self) -> None:
        """Wait until a change is over."""
        often = {"Delay": 1, "MaxAttempts": 60}
        waiter = self.kinesis.get_waiter("stream_exists")
        await call(waiter.wait, StreamName=self.name, WaiterConfig=often)


def ids(shards: Iterable[dict[str, Any]]) -> set[str]:
    """Return the ids of shards."""
    return {one["ShardId"] for one in shards}


def plain(texts: list[str]) -> bytes:
    """Return lines as they are."""
    return "\n".join(texts).encode()


def enveloped(texts: list[str]) -> bytes:
    """Return lines as a subscription of CloudWatch Logs delivers them."""
    return wrap_subscription("eni-0a-all", [(f"{at:056}", at, text) for at, text in enumerate(texts)])


async def created(site: Site) -> Stream:
    """Make a stream of two shards."""
    stream = Stream(site.client("kinesis"), site.name)
    await call(stream.kinesis.create_stream, StreamName=stream.name, ShardCount=2)
    await stream.is_active()
    return stream


@asynccontextmanager
async def feeding(stream: Stream) -> AsyncIterator[None]:
    """Put into a stream while in the context."""
    done = asyncio.Event()

    async def feed() -> None:
        while not done.is_set():
            await stream.put()
            await asyncio.sleep(BETWEEN_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        try:
            yield
        finally:
            done.set()
