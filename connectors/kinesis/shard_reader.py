"""The reader of one shard, from a position to the shard's end, by polling or by enhanced fan-out.

A reader keeps only its own position. Its records count once its slot has committed them; a new reader starts
at the committed position.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import replace
from typing import Any

import structlog
from botocore.exceptions import ClientError

from connectors import metrics
from connectors.aws.errors import DENIED, FAILURES, code_of, describe_error, is_retryable
from connectors.aws.threads import in_thread
from connectors.clock import now_ms
from connectors.kafka import health_messages
from connectors.kafka.health_messages import HealthRecord
from connectors.kinesis.answers import GetRecordsResponse
from connectors.kinesis.client import parse_answer
from connectors.kinesis.polling import Polling
from connectors.kinesis.positions import Position, expires, is_trimmed, shard_key
from connectors.kinesis.source import Source
from connectors.kinesis.transaction import ParseContext, ShardBatch, joined, parse_records
from connectors.progress import NONE

log = structlog.get_logger()

NOTE_MS = 600_000  # between two commits of a quiet shard's position, which a restart continues from
CLOCK_S, CLOCK_AHEAD_MS = 1.0, 60_000
LOOK_S = 60.0  # a check costs two of the five calls per second
AGAIN_S = 5.0  # SubscribeToShard refuses a second subscription for five seconds after the first


class _Stopped(Exception):
    """The reader of this shard must stop."""


class ShardReader:
    """The reader of one shard. `put` queues a batch for the commit, and waits while the queue is full."""

    def __init__(
        self, source: Source, shard_id: str, position: Position, put: Callable[[ShardBatch], Awaitable[None]]
    ) -> None:
        self._source, self._shard_id, self._position, self._put = source, shard_id, position, put
        self._polling = Polling() if source.is_limited else Polling(least_s=0.0, bytes_s=0)
        self._is_stopped = threading.Event()
        self._noted_ms, self._look_at = 0, 0.0
        self._known_before = NONE
        self.name = f"kinesis:{source.naming.stream}/{shard_id}"
        self._behind = metrics.BEHIND.labels(source.naming.stream, shard_id)

    async def run(self) -> None:
        """Read until the shard has ended or its stream is deleted. Raises botocore's permanent errors."""
        try:
            if (
                not self._position.read_ms
            ):  # The first position, so that a loss of the shard is noticed even before its first record.
                self._position = replace(self._position, read_ms=now_ms())
                await self._put(self._note())
            if self._source.consumer:
                await self._be_pushed()
            await self._poll()
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            log.warning("shard not found", stream=self._source.naming.stream, shard=self._shard_id)
        except _Stopped:
            log.warning("stream was recreated", stream=self._source.naming.stream)
        finally:
            self._is_stopped.set()
            metrics.BEHIND.remove(self._source.naming.stream, self._shard_id)

    async def _poll(self) -> None:
        iterator = ""
        while not self._position.is_ended:
            await self._source.aligned(self._position.newest)
            began, known = time.monotonic(), self._source.group.newest
            try:
                async with self._source.budget.reserved(self._polling.expected):
                    # A reader that waited for memory may have passed the retention.
                    if not iterator or await self._has_lost():
                        iterator = await self._iterator()
                    answer, batch = await self._get(iterator)
            except ClientError as error:
                if code_of(error) != "ExpiredIteratorException":
                    raise
                iterator = ""  # It expired while the reader waited: continue at the position.
                continue
            iterator = "" if batch.is_cut else answer.next_iterator
            size = sum(len(record.data) for record in answer.records)
            self._polling.saw(len(answer.records), batch.held)
            await self._take(_with_progress(batch, answer, known))
            took_s = time.monotonic() - began
            await asyncio.sleep(self._polling.pause(batch.records, size, answer.behind_ms, took_s))

    async def _call(self, operation: str, function: Callable[..., Any], *args: Any) -> Any:
        caller = self._source.caller
        return await caller.call(operation, function, *args, when_throttled=self._polling.throttled)

    async def _get(self, iterator: str) -> tuple[GetRecordsResponse, ShardBatch]:
        answer = parse_answer(await self._body(iterator, self._polling.limit))
        return answer, await self._understood(answer)

    async def _body(self, iterator: str, limit: int) -> bytes:
        source = self._source
        named = source.reader.by_arn
        return await source.caller.retry(
            "GetRecords", lambda: source.records.body(iterator, limit, named), self._polling.throttled
        )

    async def _understood(self, answer: GetRecordsResponse) -> ShardBatch:
        """Parse an answer. If the formats of its log groups had to be looked up, parse it again with them."""
        batch = await self._in_slices(answer)
        formats = self._source.formats
        if formats.may_refresh(batch.log_groups):
            await formats.refresh()
            batch = await self._in_slices(answer)
        return batch

    async def _in_slices(self, answer: GetRecordsResponse) -> ShardBatch:
        """Parse an answer in this thread, and yield to other tasks between its parts.

        A worker thread costs a third more CPU: inflating a record releases the GIL, and each reacquisition of
        the GIL is contended.
        """
        source, batches = self._source, list[ShardBatch]()
        context = ParseContext(source.naming, source.stream.key, source.formats.now)
        for batch in parse_records(context, self._shard_id, answer, self._position, now_ms()):
            batches.append(batch)
            await asyncio.sleep(0)
        return joined(batches)

    async def _take(self, batch: ShardBatch) -> None:
        """Move to the end of a batch, and queue it; queue an empty one's position only at intervals."""
        if self._is_stopped.is_set():
            raise _Stopped
        self._position = batch.position
        self._behind.set(batch.position.behind_ms / 1000)
        at_ms = now_ms()
        if batch.records or batch.position.is_ended or at_ms - self._noted_ms > NOTE_MS:
            self._noted_ms = at_ms
            await self._put(batch)
        elif batch.is_caught_up:
            await self._put(replace(batch, is_quiet=True))

    async def _iterator(self) -> str:
        """Return an iterator at the position, after a check that it is within the retention."""
        await self._check_horizon()
        place, reader, call = self._position, self._source.reader, self._call
        while True:
            try:
                return str(await call("GetShardIterator", reader.iterator, self._shard_id, place))
            except ClientError as error:
                if code_of(error) != "InvalidArgumentException":
                    raise
                place = await self._other_place(place, error)

    async def _has_lost(self) -> bool:
        """Check at intervals whether the next records have expired: Kinesis skips them without an error."""
        place, now = self._position, time.monotonic()
        if not place.sequence_number or now < self._look_at or not self._may_have_expired():
            return False
        self._look_at = now + LOOK_S
        await self._check_horizon()
        return self._position is not place

    async def _other_place(self, place: Position, refused: ClientError) -> Position:
        """Return the position to read from if AWS refuses `place`. Raises the refusal if there is none."""
        described = await self._call("DescribeStreamSummary", self._source.reader.describe)
        if described.key != self._source.stream.key:
            raise _Stopped  # It was recreated: its sequence numbers are different.
        if place.sequence_number:
            # Observed for closed shards at their last number. Its time leads there, too.
            return Position(at_ms=max(place.arrival_ms, 1))
        if place.at_ms < now_ms() - CLOCK_AHEAD_MS:
            raise refused
        await asyncio.sleep(CLOCK_S)  # A future time: the clock of this machine is ahead of AWS's.
        return place

    async def _check_horizon(self) -> None:
        """Report records that may have expired unread, and continue with the oldest record of the shard."""
        reader, place = self._source.reader, self._position
        if not self._may_have_expired():
            return
        iterator = await self._call("GetShardIterator", reader.iterator, self._shard_id, Position())
        answer = parse_answer(await self._body(iterator, 1))
        while not answer.records and answer.next_iterator and answer.behind_ms:
            await asyncio.sleep(self._polling.least_s)
            answer = parse_answer(await self._body(answer.next_iterator, 1))
        horizon = answer.records[0] if answer.records else None
        if horizon and place.sequence_number and not is_trimmed(place, horizon.sequence_number):
            return
        self._position = Position(read_ms=now_ms())
        until_ms = horizon.arrival_ms if horizon else now_ms()
        text = f"records after {place.place} may have expired before they were read"
        note = self._note()
        found = HealthRecord(health_messages.TRIMMED, note.source, now_ms(), text, place.read_ms, until_ms)
        await self._put(replace(note, health=(found,)))

    def _may_have_expired(self) -> bool:
        """Return whether the next records may have expired, judged by time."""
        return expires(self._position, self._source.stream.retention_h) < now_ms()

    def _note(self) -> ShardBatch:
        """Return a batch with the position only."""
        key = shard_key(self._source.stream.key, self._shard_id)
        return ShardBatch(self._source.naming, self._shard_id, state={key: self._position.encode()})

    async def _be_pushed(self) -> None:
        """Subscribe repeatedly: Kinesis ends each subscription after five minutes."""
        while not self._position.is_ended:
            await self._check_horizon()
            began, place = time.monotonic(), self._position
            try:
                await in_thread(self._follow, asyncio.get_running_loop())
                metrics.CALLS.labels("SubscribeToShard", "ok").inc()
                if self._position.place == place.place and not self._position.is_ended:
                    await self._ask_once()  # LocalStack does not report the end of a shard
                continue
            except FAILURES as error:
                metrics.CALLS.labels("SubscribeToShard", "error").inc()
                if not await self._is_to_subscribe_again(error):
                    return
            await asyncio.sleep(max(AGAIN_S - (time.monotonic() - began), 1.0))

    async def _is_to_subscribe_again(self, error: Exception) -> bool:
        """Return whether to subscribe again. Without permission or consumer, the reader polls instead."""
        code = code_of(error)
        if code in DENIED or code == "ResourceNotFoundException":
            log.warning("fan-out refused, polling instead", shard=self._shard_id, error=describe_error(error))
            return False
        if code == "InvalidArgumentException":  # as for a closed shard's last number, which polling handles
            await self._ask_once()
        elif code != "ResourceInUseException" and not is_retryable(error):
            raise error
        return True

    async def _ask_once(self) -> None:
        known = self._source.group.newest
        answer, batch = await self._get(await self._iterator())
        await self._take(_with_progress(batch, answer, known))

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read pushed answers in a thread. A slow reader delays only its own connection."""
        source = self._source
        with closing(source.reader.subscribe(source.consumer, self._shard_id, self._position)) as pushed:
            for answer in pushed:
                if self._is_stopped.is_set():
                    return
                taking = asyncio.run_coroutine_threadsafe(self._take_pushed(answer), loop)
                try:
                    is_cut = taking.result()
                except (_Stopped, CancelledError):
                    return
                if is_cut:
                    return

    async def _take_pushed(self, answer: GetRecordsResponse) -> bool:
        """Queue an answer once there is memory for it. Return whether the rest must be requested again."""
        batch = await self._understood(answer)
        async with self._source.budget.reserved(batch.held):
            pass
        # Kinesis sent this event after the previous one, so it has all that was committed at that time.
        known, self._known_before = self._known_before, self._source.group.newest
        await self._take(_with_progress(batch, answer, known))
        await self._source.aligned(self._position.newest)
        return batch.is_cut


def _with_progress(batch: ShardBatch, answer: GetRecordsResponse, known: int) -> ShardBatch:
    """Return a batch that states whether the shard has more records; `known` is from before the request.

    A shard that has ended is complete only up to its own newest line: newer lines are in its children.
    """
    is_caught_up = not (answer.behind_ms or batch.is_cut or batch.position.is_ended)
    return replace(batch, is_caught_up=is_caught_up, known=known)
