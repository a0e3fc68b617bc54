"""Read one shard to its end: polled, or pushed by fan-out; whatever is read goes on in order.

A reader keeps its own place and nothing else. What it reads counts when its slot has committed it; a reader
that is begun again begins at the committed place.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import structlog
from botocore.exceptions import ClientError

from connectors import data_health, metrics
from connectors.answers import Answer
from connectors.data_health import HealthRecord
from connectors.described_formats import GroupFormats
from connectors.get_records import LARGE_BYTES, RecordsCall
from connectors.kinesis import StreamReader, parse_answer
from connectors.kinesis_calls import DENIED, FAILURES, Caller, code_of, is_passing
from connectors.polling import Polling
from connectors.positions import Position, Stream, is_trimmed, shard_key
from connectors.reads import About, Naming, Read, understand
from connectors.room import Room

log = structlog.get_logger()

HOUR_MS = 3_600_000
AGAIN_S = 5.0  # SubscribeToShard refuses a second subscription for five seconds after the first


@dataclass(frozen=True, slots=True)
class Source:
    """One stream as its readers share it; `consumer` is the ARN to be pushed by, empty to poll."""

    stream: Stream
    reader: StreamReader
    naming: Naming
    caller: Caller
    records: RecordsCall
    formats: GroupFormats
    room: Room
    is_limited: bool = True
    consumer: str = ""


class _Stopped(Exception):
    """Nothing of this shard is wanted any more."""


class ShardReader:
    """One shard, from a position on; `put` hands over what was read and waits while others must catch up."""

    def __init__(
        self, source: Source, shard_id: str, position: Position, put: Callable[[Read], Awaitable[None]]
    ) -> None:
        self._source, self._shard_id, self._position, self._put = source, shard_id, position, put
        self._polling = Polling() if source.is_limited else Polling(least_s=0.0, bytes_s=0)
        self._is_stopped = threading.Event()
        metrics.BEHIND.labels(source.naming.stream, shard_id).set(0)

    async def run(self) -> None:
        """Read until the shard has ended, or its stream is gone. Raises botocore's errors that stay."""
        try:
            if (
                not self._position.read_ms
            ):  # So that every shard can be seen, and missed, before it has a record.
                self._position = replace(self._position, read_ms=_now_ms())
                await self._put(self._note())
            if self._source.consumer:
                await self._be_pushed()
            await self._poll()
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            log.warning(
                "a shard is not there any more", source=self._source.naming.stream, shard=self._shard_id
            )
        finally:
            self._is_stopped.set()
            metrics.BEHIND.remove(self._source.naming.stream, self._shard_id)

    async def _poll(self) -> None:
        iterator, room = "", self._source.room
        while not self._position.is_ended:
            iterator = iterator or await self._iterator()
            await room.wait()
            began = time.monotonic()
            try:
                answer, read = await self._get(iterator)
            except ClientError as error:
                if code_of(error) != "ExpiredIteratorException":
                    raise
                iterator = ""  # Expired while we were held back: begin again where we are.
                continue
            iterator = answer.next_iterator
            size = sum(len(record.data) for record in answer.records)
            self._polling.saw(len(answer.records), read.size)
            await self._take(read)
            took_s = time.monotonic() - began
            await asyncio.sleep(self._polling.pause(read.records, size, answer.behind_ms, took_s))

    async def _call(self, operation: str, function: Callable[..., Any], *args: Any) -> Any:
        caller = self._source.caller
        return await caller.call(operation, function, *args, when_throttled=self._polling.throttled)

    async def _get(self, iterator: str) -> tuple[Answer, Read]:
        source, polling = self._source, self._polling
        named = source.reader.by_arn
        body = await source.caller.persist(
            "GetRecords", lambda: source.records.body(iterator, polling.limit, named), polling.throttled
        )
        is_large = len(body) >= LARGE_BYTES
        answer, read = await asyncio.to_thread(self._decode, body) if is_large else self._decode(body)
        return answer, await self._known(read, answer, self._position)

    def _decode(self, body: bytes) -> tuple[Answer, Read]:
        answer = parse_answer(body)
        return answer, self._understand(answer, self._position)

    async def _known(self, read: Read, answer: Answer, position: Position) -> Read:
        """Return a read again, if asking has told more of the formats of its log groups."""
        formats = self._source.formats
        if not formats.has_news_of(read.log_groups):
            return read
        await formats.ask()
        return await asyncio.to_thread(self._understand, answer, position)

    def _understand(self, answer: Answer, position: Position) -> Read:
        source = self._source
        about = About(source.naming, source.stream.key, source.formats.now)
        return understand(about, self._shard_id, answer, position, _now_ms())

    async def _take(self, read: Read) -> None:
        if self._is_stopped.is_set():
            raise _Stopped
        self._position = read.position
        labels = self._source.naming.stream, self._shard_id
        metrics.BEHIND.labels(*labels).set(read.position.behind_ms / 1000)
        if read.records or read.position.is_ended:
            self._source.room.take(read.size)
            await self._put(read)

    async def _iterator(self) -> str:
        """Return an iterator at our place, after a look at whether it is still within the retention."""
        place = self._position
        retained_from_ms = _now_ms() - self._source.stream.retention_h * HOUR_MS
        if place.sequence_number and place.arrival_ms and place.arrival_ms < retained_from_ms:
            await self._check_horizon()
        reader = self._source.reader
        try:
            return str(await self._call("GetShardIterator", reader.iterator, self._shard_id, self._position))
        except ClientError as error:
            if code_of(error) != "InvalidArgumentException" or not place.sequence_number:
                raise
        # Seen on closed shards at their last number. The time leads there too; what is done is passed over.
        by_time = Position(at_ms=max(place.arrival_ms, 1))
        return str(await self._call("GetShardIterator", reader.iterator, self._shard_id, by_time))

    async def _check_horizon(self) -> None:
        """Say that records have expired before they were read, if so, and go on with the oldest there is."""
        reader, place = self._source.reader, self._position
        iterator = await self._call("GetShardIterator", reader.iterator, self._shard_id, Position())
        answer = await self._call("GetRecords", reader.get, iterator, 1)
        while not answer.records and answer.next_iterator and answer.behind_ms:
            await asyncio.sleep(self._polling.least_s)
            answer = await self._call("GetRecords", reader.get, answer.next_iterator, 1)
        horizon = answer.records[0] if answer.records else None
        if horizon and not is_trimmed(place, horizon.sequence_number, horizon.arrival_ms):
            return
        self._position = Position(read_ms=_now_ms())
        until_ms = horizon.arrival_ms if horizon else _now_ms()
        text = f"records after {place.sequence_number} may have expired before they were read"
        note = self._note()
        found = HealthRecord(data_health.TRIMMED, note.source, _now_ms(), text, place.arrival_ms, until_ms)
        await self._put(replace(note, health=(found,)))

    def _note(self) -> Read:
        """Return what keeps our place, and nothing else."""
        key = shard_key(self._source.stream.key, self._shard_id)
        return Read(self._source.naming, self._shard_id, state={key: self._position.encode()})

    async def _be_pushed(self) -> None:
        """Subscribe again and again: Kinesis ends each subscription after five minutes."""
        while not self._position.is_ended:
            began = time.monotonic()
            if self._position.sequence_number:
                await self._iterator()  # for its look at the retention
            place = self._position
            try:
                await _in_thread(self._follow, asyncio.get_running_loop())
                metrics.CALLS.labels("SubscribeToShard", "ok").inc()
                if self._position.place == place.place and not self._position.is_ended:
                    await self._ask_once()  # LocalStack does not say that a shard has ended
                continue
            except FAILURES as error:
                metrics.CALLS.labels("SubscribeToShard", "error").inc()
                if code_of(error) in DENIED:
                    log.warning("no fan-out, polling instead", shard=self._shard_id, refused=str(error))
                    return
                if code_of(error) != "ResourceInUseException" and not is_passing(error):
                    raise
            await asyncio.sleep(max(AGAIN_S - (time.monotonic() - began), 1.0))

    async def _ask_once(self) -> None:
        _, read = await self._get(await self._iterator())
        await self._take(read)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take what is pushed, in a thread; whoever is slow holds the connection back, and nothing else."""
        position = self._position
        with closing(
            self._source.reader.subscribe(self._source.consumer, self._shard_id, position)
        ) as pushed:
            for answer in pushed:
                if self._is_stopped.is_set():
                    return
                read = self._understand(answer, position)
                taking = asyncio.run_coroutine_threadsafe(self._take_in_turn(read, answer, position), loop)
                position = read.position
                try:
                    taking.result()
                except (_Stopped, CancelledError):
                    return

    async def _take_in_turn(self, read: Read, answer: Answer, position: Position) -> None:
        await self._source.room.wait()
        await self._take(await self._known(read, answer, position))


async def _in_thread(function: Callable[..., None], *args: Any) -> None:
    """Run in a thread that holds up no exit: a subscription may be silent for seconds."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if not ended.done():
            ended.set_result(None) if error is None else ended.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            function(*args)
        except BaseException as raised:
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=work, name="fan-out", daemon=True).start()
    await ended


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
