"""Streams in the emulator, connectors that read them, and all that they brought into Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from connectors.aws.session import make_client, session
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.health_messages import HealthRecord, decode_health
from connectors.kafka.slots import Slot, read_compacted
from connectors.kafka.topics import ensure_topics
from connectors.kinesis.connector import Connector
from connectors.kinesis.get_records import RecordsCall
from connectors.kinesis.positions import Position, Stream, decode_position, shard_key, slot_of_shard
from connectors.settings import Connect
from tests.connectors.arrived import DEADLINE_S, Topics
from tests.connectors.running import running
from tests.emulator.flowlogs.account import Account

HALF = 1 << 127


@dataclass(slots=True)
class Clock:
    """The time of this machine, and what a test has added to it."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        """Return it."""
        return time.time_ns() // 1_000_000 + self.ahead_ms


def lines(name: str, count: int) -> list[str]:
    """Make lines that no other name has."""
    return [
        f"2 123456789012 eni-{name} 10.0.0.1 10.0.0.2 {i % 60_000} 443 6 {i} 40 {1_700_000_000 + i}"
        f" {1_700_000_060 + i} ACCEPT OK"
        for i in range(count)
    ]


@dataclass(frozen=True)
class Scene(Topics):
    """One test's account, stream and topics."""

    account: Account = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    stream: str = field(kw_only=True)

    @property
    def kinesis(self) -> Any:
        """A client of the account."""
        return self.account.client("kinesis")

    def settings(self, **more: Any) -> Connect:
        """Return a connector's settings."""
        common = {"kafka": self.kafka, "prefix": self.prefix, "slots": self.slots, "stream": self.stream}
        return Connect(**{**common, "shard_limits": "none", **more})

    def create(self, shards: int = 1, name: str = "") -> None:
        """Make a stream."""
        self.kinesis.create_stream(StreamName=name or self.stream, ShardCount=shards)

    def put(self, content: Iterable[str], *, at: int = 0, name: str = "") -> None:
        """Put lines, one record each, on the shard that has a hash key."""
        self.put_data((line.encode() for line in content), at=at, name=name)

    def put_data(self, data: Iterable[bytes], *, at: int = 0, name: str = "") -> None:
        """Put records."""
        records = [{"Data": one, "PartitionKey": "p", "ExplicitHashKey": str(at)} for one in data]
        for first in range(0, len(records), 500):
            self.kinesis.put_records(StreamName=name or self.stream, Records=records[first : first + 500])

    def split(self, shard: int) -> None:
        """Split a shard in its middle."""
        shard_id = f"shardId-{shard:012d}"
        found = next(s for s in self._listed() if s["ShardId"] == shard_id)["HashKeyRange"]
        middle = (int(found["StartingHashKey"]) + int(found["EndingHashKey"])) // 2 + 1
        self.kinesis.split_shard(
            StreamName=self.stream, ShardToSplit=shard_id, NewStartingHashKey=str(middle)
        )

    def merge(self, shard: int, adjacent: int) -> None:
        """Merge two shards."""
        self.kinesis.merge_shards(
            StreamName=self.stream,
            ShardToMerge=f"shardId-{shard:012d}",
            AdjacentShardToMerge=f"shardId-{adjacent:012d}",
        )

    def _listed(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.kinesis.list_shards(StreamName=self.stream)["Shards"]
        return listed

    def described(self) -> Stream:
        """Return the stream as a connector sees it."""
        found = self.kinesis.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
        created_ms = round(found["StreamCreationTimestamp"].timestamp() * 1000)
        return Stream(found["StreamName"], found["StreamARN"], created_ms, found["RetentionPeriodHours"])

    async def faults(self, *rules: dict[str, Any]) -> None:
        """Let the emulator misbehave; without rules, no more."""
        async with aiohttp.ClientSession() as session:
            url = f"{self.account.url}/_vpcflow/faults"
            async with session.put(url, json={"seed": 1, "rules": list(rules)}) as answer:
                assert answer.status == 200, await answer.text()

    async def positions(self) -> dict[str, Position]:
        """Return where the stream's shards stand, by shard id."""
        head = shard_key(self.described().key, "")
        found: dict[str, Position] = {}
        for slot in range(self.slots):
            for key, value in (
                await read_compacted(KafkaConnection(self.kafka), f"{self.prefix}positions", slot)
            ).items():
                if key.startswith(head):
                    found[key.decode().rpartition("|")[2]] = decode_position(value)
        return found

    async def set_position(self, shard: int, position: Position) -> None:
        """Write where a shard stands, as a connector would have."""
        await ensure_topics(KafkaConnection(self.kafka), self.prefix, self.slots)
        key, shard_id = self.described().key, f"shardId-{shard:012d}"
        partition = slot_of_shard(key, shard_id, self.slots)
        slot = Slot(
            KafkaConnection(self.kafka),
            f"{self.prefix}positions",
            partition,
            f"{self.prefix}connect-{partition}",
        )
        await slot.open()
        await slot.commit({shard_key(key, shard_id): position.encode()}, [])
        await slot.close()

    async def health(self) -> list[HealthRecord]:
        """Return what was said of the data's health."""
        topic = f"{self.prefix}health"
        return [decode_health(m.value) for m in await self.messages(topic)]

    async def until_health(self, kind: str) -> HealthRecord:
        """Wait until something of a kind was said. Raises `TimeoutError`."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for one in await self.health():
                    if one.kind == kind:
                        return one
                await asyncio.sleep(0.05)

    async def until_positions(self, is_so: Callable[[dict[str, Position]], bool]) -> dict[str, Position]:
        """Poll positions until something is so. Raises `TimeoutError`."""
        async with asyncio.timeout(DEADLINE_S):
            while not is_so(found := await self.positions()):  # noqa: ASYNC110 - what is asked is elsewhere
                await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def connecting(
    settings: Connect, start_ms: int = 0, make: Callable[[Any], None] = lambda client: None
) -> AsyncIterator[Connector]:
    """Run a connector while in the context; `make` may spoil its client. Raises what ended it."""
    await ensure_topics(KafkaConnection(settings.kafka), settings.prefix, settings.slots)
    client = make_client("kinesis", silence_s=8)
    make(client)
    try:
        async with (
            RecordsCall(client, session().get_credentials()) as records,
            running(Connector(settings, client, records, start_ms)) as connector,
        ):
            yield connector
    finally:
        client.close()
