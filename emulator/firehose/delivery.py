"""The delivery of one delivery stream's records: one delivery at a time, in order, with retries.

A write to S3 is retried until it succeeds, the stream is deleted, or the emulator stops. A request to an HTTP
endpoint is retried for the duration in `RetryOptions`, which counts the pauses but not the response times.
Then its records are written to the S3 backup as error records. The first pause is one second; pauses double
up to two minutes, ±15 %. Settings are read at each attempt, so that an update takes effect at once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import orjson
import pybase64
import structlog
from isal import igzip

from emulator.firehose.buffers import BufferedRecord
from emulator.firehose.destinations import prefixes
from emulator.firehose.destinations.destinations import HttpTarget, S3Target
from emulator.firehose.destinations.endpoint import DeliveryRequest, DeliveryResult, HttpEndpoint
from emulator.firehose.destinations.objects import NotWritten, Objects
from emulator.firehose.streams import DeliveryStream

_PAUSE_MOST_S = 120.0
_PAUSE_JITTER = 0.15
_GZIP_LEVEL = 2
_ERROR_TYPE = "http-endpoint-failed"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

log = structlog.get_logger("emulator.firehose")


@dataclass(frozen=True, slots=True)
class DeliveryServices:
    """The services that all deliveries share. The default of `first_pause_s` is AWS's; tests shorten it."""

    objects: Objects
    endpoint: HttpEndpoint
    clock: Callable[[], int]
    random: Random
    first_pause_s: float = 1.0


@dataclass(slots=True)
class _ActiveDelivery:
    """The delivery in progress, if any."""

    records: list[BufferedRecord] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        return self.task is None or self.task.done()

    async def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])


@dataclass(slots=True)
class StreamDelivery:
    """The deliveries of one stream. `start_due` is called often and does not block."""

    stream: DeliveryStream
    services: DeliveryServices
    _delivering: _ActiveDelivery = field(default_factory=_ActiveDelivery)
    _backing_up: _ActiveDelivery = field(default_factory=_ActiveDelivery)

    def start_due(self, now_ms: int, *, everything: bool = False) -> None:
        """Start the deliveries that are due. If `everything` is set, start deliveries of all records."""
        stream, destination = self.stream, self.stream.destination
        if self._delivering.is_free and (
            everything or stream.buffer.is_due(destination.target.hints, now_ms)
        ):
            self._send(self._delivering, stream.buffer.take(destination.target.hints), self._deliver)
        if destination.backup is None or not self._backing_up.is_free:
            return
        if everything or stream.backup_buffer.is_due(destination.backup.hints, now_ms):
            self._send(self._backing_up, stream.backup_buffer.take(destination.backup.hints), self._back_up)

    @property
    def left(self) -> int:
        """The number of records in buffers and in deliveries, including the backup's."""
        waiting = len(self.stream.buffer.records) + len(self.stream.backup_buffer.records)
        return waiting + len(self._delivering.records) + len(self._backing_up.records)

    async def stop(self) -> None:
        """Cancel the deliveries in progress."""
        await self._delivering.cancel()
        await self._backing_up.cancel()

    def _send(
        self,
        active: _ActiveDelivery,
        records: list[BufferedRecord],
        deliver: Callable[[list[BufferedRecord]], Awaitable[None]],
    ) -> None:
        if records:
            active.records = records
            active.task = asyncio.create_task(self._run(active, deliver))

    async def _run(
        self, active: _ActiveDelivery, deliver: Callable[[list[BufferedRecord]], Awaitable[None]]
    ) -> None:
        try:
            await deliver(active.records)
        except Exception as error:  # Unexpected: logged as an error, and the stream continues.
            self.stream.counts.dropped += len(active.records)
            self.stream.failure = repr(error)
            log.exception("delivery failed unexpectedly, its records are lost", stream=self.stream.arn)
        active.records = []

    async def _deliver(self, records: list[BufferedRecord]) -> None:
        if isinstance(self.stream.destination.target, HttpTarget):
            await self._post(records)
        else:
            await self._write(records, self._s3_target)
        self.stream.counts.deliveries += 1

    async def _back_up(self, records: list[BufferedRecord]) -> None:
        await self._write(records, lambda: self.stream.destination.backup, counts=False)

    async def _write(
        self, records: list[BufferedRecord], target_now: Callable[[], S3Target | None], *, counts: bool = True
    ) -> None:
        """Write one object. Retry until S3 accepts it."""
        attempt = 0
        unique = self._uuid()
        while (target := target_now()) is not None:
            joined = target.delimiter.join([*(record.data for record in records), b""])
            try:
                await self._put(target, joined, records[0].arrival_ms, unique)
                break
            except NotWritten as failed:
                attempt += 1
                self._note_failure(str(failed), attempt)
                await asyncio.sleep(self._pause_s(attempt))
        if counts:
            self.stream.failure = ""
            self.stream.counts.delivered += len(records)

    async def _post(self, records: list[BufferedRecord]) -> None:
        """Post one request. Retry until the endpoint accepts it or the retry duration has passed."""
        delivery = DeliveryRequest(self._uuid(), self.stream.arn, records)
        attempt, waited_s = 0, 0.0
        while True:
            target = self.stream.destination.target
            assert isinstance(target, HttpTarget), "an update cannot change the destination's type"
            outcome = await self.services.endpoint.post(target, delivery, self.services.clock())
            if not outcome.code:
                self.stream.failure = ""
                self.stream.counts.delivered += len(records)
                return
            attempt += 1
            self._note_failure(f"{outcome.code}: {outcome.message}", attempt)
            if outcome.is_final:
                self.stream.counts.dropped += len(records)
                log.error("endpoint refused records finally", stream=self.stream.arn, records=len(records))
                return
            if waited_s >= target.retry_s:
                await self._set_aside(records, outcome, attempt)
                return
            pause_s = min(self._pause_s(attempt), target.retry_s - waited_s)
            await asyncio.sleep(pause_s)
            waited_s += pause_s

    async def _set_aside(self, records: list[BufferedRecord], outcome: DeliveryResult, attempts: int) -> None:
        """Write error records to the S3 backup. Retry until S3 accepts them."""
        ended_ms = self.services.clock()
        lines = b"\n".join([_error_record(each, outcome, attempts, ended_ms) for each in records]) + b"\n"
        unique, attempt = self._uuid(), 0
        while (target := self.stream.destination.failed) is not None:
            try:
                await self._put(target, lines, records[0].arrival_ms, unique, _ERROR_TYPE)
                break
            except NotWritten as failed:
                attempt += 1
                self._note_failure(str(failed), attempt)
                await asyncio.sleep(self._pause_s(attempt))
        self.stream.counts.set_aside += len(records)

    async def _put(
        self, target: S3Target, content: bytes, arrival_ms: int, unique: str, error_type: str = ""
    ) -> None:
        moment = prefixes.Moment(arrival_ms, target.zone, self._random_text, error_type)
        prefix = target.prefix
        if error_type and target.error_prefix is not None:
            prefix = target.error_prefix
        at = datetime.fromtimestamp(self.services.clock() / 1000, UTC)
        name = prefixes.object_name(self.stream.name, str(self.stream.version), at, unique)
        if target.is_gzip:
            content = await asyncio.to_thread(igzip.compress, content, _GZIP_LEVEL)
        key = prefixes.evaluate(prefix, moment) + name + target.extension
        await self.services.objects.put(self.stream.scope, target.bucket, key, content)

    def _s3_target(self) -> S3Target:
        target = self.stream.destination.target
        assert isinstance(target, S3Target), "an update cannot change the destination's type"
        return target

    def _note_failure(self, sentence: str, attempt: int) -> None:
        self.stream.failure = sentence
        self.stream.counts.failed_attempts += 1
        log.warning("delivery failed", stream=self.stream.arn, attempt=attempt, reason=sentence)

    def _pause_s(self, attempt: int) -> float:
        pause_s = min(self.services.first_pause_s * 2.0 ** min(attempt - 1, 16), _PAUSE_MOST_S)
        return pause_s * self.services.random.uniform(1 - _PAUSE_JITTER, 1 + _PAUSE_JITTER)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.services.random.getrandbits(128), version=4))

    def _random_text(self, length: int) -> str:
        return "".join(self.services.random.choices(_ALPHABET, k=length))


def _error_record(record: BufferedRecord, outcome: DeliveryResult, attempts: int, ended_ms: int) -> bytes:
    """Return a record in AWS's format for records that an HTTP endpoint did not accept."""
    return orjson.dumps(
        {
            "attemptsMade": attempts,
            "arrivalTimestamp": record.arrival_ms,
            "errorCode": outcome.code,
            "errorMessage": outcome.message,
            "attemptEndingTimestamp": ended_ms,
            "rawData": pybase64.b64encode(record.data).decode("ascii"),
            "subsequenceNumber": 0,
            "dataId": record.data_id,
        }
    )
