"""The loop of `connect kinesis`: shards → envelopes → blocks → one transaction a slot.

Each shard has a reader, each slot that is ours (`ownership`) a committer, and between them a short queue:
when Kafka is slow, the queue is full and the readers wait. Many shards share one transaction (group commit).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential_jitter

from connectors import metrics
from connectors.errors import ConnectError
from connectors.health import health
from connectors.kinesis import ShardReader, make_client
from connectors.ownership import Ownership
from connectors.positions import (
    NUMBER_KEY,
    Position,
    Shard,
    decode_position,
    shard_key,
    slot_of,
    startable,
)
from connectors.reads import Naming, Read, transaction, understand
from connectors.settings import Connect
from connectors.slots import Slot
from connectors.topics import ensure_topics

log = structlog.get_logger()

QUEUED_READS = 4  # answers of up to 10 MiB each that may wait for a commit
COMMIT_BYTES = 8 << 20
DISCOVER_S = 10.0
PASSING = {"ProvisionedThroughputExceededException", "LimitExceededException", "InternalFailure"}


class OwnedSlot:
    """A slot of ours while it is ours: its readers, its queue and its committer."""

    def __init__(self, slot: Slot, reader: ShardReader, naming: Naming, poll_s: float) -> None:
        self.slot = slot
        self._reader, self._naming, self._poll_s = reader, naming, poll_s
        self._queue: asyncio.Queue[Read] = asyncio.Queue(QUEUED_READS)
        self._number = int(slot.state.get(NUMBER_KEY, b"-1"))
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._committer = asyncio.ensure_future(self._commit_reads())

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Everything that runs for this slot; one that failed ends the process."""
        return [self._committer, *self._readers.values()]

    def start(self, shard: Shard, first: Position) -> None:
        """Begin to read a shard, once; `first` is where, when it was never read."""
        if shard.shard_id in self._readers:
            return
        value = self.slot.state.get(shard_key(self._naming.stream, shard.shard_id))
        position = decode_position(value) if value else first
        self._readers[shard.shard_id] = asyncio.ensure_future(self._read(shard.shard_id, position))

    async def _read(self, shard_id: str, position: Position) -> None:
        key = shard_key(self._naming.stream, shard_id)
        if position.at_ms:  # LATEST became a time: keep it before anything is read.
            await self.slot.commit({key: position.encode()}, [])
        iterator = ""
        while not position.is_ended:
            try:
                iterator = iterator or await self._call("GetShardIterator", shard_id, position)
                read, iterator, behind_ms = await self._call("GetRecords", shard_id, position, iterator, key)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExpiredIteratorException":
                    raise
                iterator = ""  # Expired while a full queue held us back: begin again where we are.
                continue
            position = read.position
            if read.records or position.is_ended:
                await self._queue.put(read)
            metrics.BEHIND.labels(shard_id).set(behind_ms / 1000)
            if not read.records:
                await asyncio.sleep(self._poll_s)

    async def _call(self, operation: str, *args: Any) -> Any:
        """Call Kinesis in a thread; what passes is tried again, for this shard alone."""
        calls: dict[str, Callable[..., Any]] = {
            "GetShardIterator": self._reader.iterator,
            "GetRecords": self._get,
        }
        call = calls[operation]
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_passing),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                try:
                    answer = await asyncio.to_thread(call, *args)
                except (ClientError, BotoCoreError) as error:
                    metrics.CALLS.labels(operation, _outcome(error)).inc()
                    raise
                metrics.CALLS.labels(operation, "ok").inc()
                return answer
        raise AssertionError("tenacity returned without an answer")

    def _get(self, shard_id: str, position: Position, iterator: str, key: bytes) -> tuple[Read, str, int]:
        answer = self._reader.get(iterator)
        return understand(shard_id, key, answer, position), answer.next_iterator, answer.behind_ms

    async def _commit_reads(self) -> None:
        while True:
            reads = [await self._queue.get()]
            size = reads[0].size
            while size < COMMIT_BYTES and not self._queue.empty():
                reads.append(self._queue.get_nowait())
                size += reads[-1].size
            commit = transaction(reads, self.slot.partition, self._number, self._naming)
            await self.slot.commit(commit.state, commit.messages)
            self._number = commit.number
            metrics.BYTES.inc(size)
            for read in reads:
                metrics.RECORDS.labels("refused").inc(len(read.refusals))
                metrics.RECORDS.labels("control").inc(read.control)
                metrics.RECORDS.labels("read").inc(read.records)

    async def close(self) -> None:
        """Stop everything; what was not committed will be read again."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.slot.close()


class Connector:
    """One stream's shards, each read in its slot, if the slot is ours."""

    def __init__(self, settings: Connect, reader: ShardReader, naming: Naming, start: Position) -> None:
        self._settings, self._reader, self._naming, self._start = settings, reader, naming, start
        self._shards: list[Shard] = []
        self._ownership = Ownership(settings, f"kinesis {naming.stream}", self._own, self._changed)

    @property
    def is_ready(self) -> bool:
        """Whether this process reads something, or has nothing to read."""
        return self._ownership.is_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set. Raises what ended the work otherwise."""
        self._shards = await asyncio.to_thread(self._reader.shards)
        await self._ownership.run(stop, [asyncio.ensure_future(self._discover())])

    def _own(self, slot: Slot) -> OwnedSlot:
        return OwnedSlot(slot, self._reader, self._naming, self._settings.poll_s)

    def _changed(self, news: Mapping[bytes, bytes]) -> None:
        """Start what may be read now: slots were assigned, or a parent has ended, here or elsewhere."""
        if not news or any(b'"is_ended":true' in value for value in news.values()):
            self._start_shards()

    def _start_shards(self) -> None:
        owned, slots, stream = self._ownership.owned, self._settings.slots, self._naming.stream
        for shard in startable(self._shards, self._ownership.positions, stream, frozenset(owned), slots):
            # A child holds nothing that was there before its parents ended: always from its beginning.
            first = Position() if shard.parents else self._start
            owned[slot_of(shard.shard_id, slots)].start(shard, first)

    async def _discover(self) -> None:
        while True:
            await asyncio.sleep(DISCOVER_S)
            self._shards = await asyncio.to_thread(self._reader.shards)
            self._start_shards()


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return (
            error.response["Error"]["Code"] in PASSING
            or error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= 500
        )
    return isinstance(error, BotoCoreError)


def _outcome(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return {"ExpiredIteratorException": "expired"}.get(code, "throttled" if code in PASSING else "error")


def _client() -> Any:
    try:
        return make_client()
    except (BotoCoreError, ValueError) as error:  # No region, no such profile, an endpoint that is no URL.
        raise ConnectError(
            f"no client for Kinesis can be made ({error}): set AWS_DEFAULT_REGION, or AWS_PROFILE"
        ) from error


async def run(settings: Connect, now_ms: int) -> None:
    """Connect a Kinesis stream until SIGTERM or SIGINT.

    Raises `TopicError`, `ConnectError`, or `SettingsError` when the health port is taken.
    """
    await ensure_topics(settings.kafka, settings.prefix, settings.slots)
    client = _client()
    reader = ShardReader(client, settings.stream)
    naming = Naming(
        settings.prefix, settings.stream, settings.line_format, settings.account, client.meta.region_name
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    start = Position(at_ms=now_ms) if settings.start == "LATEST" else Position()
    try:
        connector = Connector(settings, reader, naming, start)
        async with health(settings.health_port, lambda: connector.is_ready):
            await connector.run(stop)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise ConnectError(
                f"no Kinesis stream {settings.stream!r} at {client.meta.endpoint_url}:"
                " create it, or set VPCFLOW_STREAM"
            ) from error
        raise
    except BotoCoreError as error:
        raise ConnectError(f"cannot reach Kinesis at {client.meta.endpoint_url}: {error}") from error
