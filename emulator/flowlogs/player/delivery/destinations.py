"""The three destinations: log streams in CloudWatch Logs, files in S3, a Firehose delivery stream.

All writes are ordinary API calls, as in AWS. Accepted records are passed to the `delivered` callback, which
updates the ledger. If records cannot be delivered, `NotDelivered` is raised and they are lost, as in AWS.
Before each call, `pace` is awaited with the number of records in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import polars as pl
import pybase64

from emulator.firehose.destinations.objects import NotWritten, Objects
from emulator.flowlogs.access.permissions import Permissions
from emulator.flowlogs.flow_log import ACCESS_ERROR, UNKNOWN_ERROR, FlowLog
from emulator.flowlogs.player.delivery import naming
from emulator.flowlogs.player.delivery.batches import IntervalBatch
from emulator.flowlogs.player.delivery.files import File, Files
from emulator.flowlogs.player.rows import lines
from emulator.flowlogs.service_client import ServiceClient, content
from emulator.http.messages import Outgoing

Pace = Callable[[int], Awaitable[None]]
Delivered = Callable[[FlowLog, pl.DataFrame, Sequence[str]], None]
"""Callback for accepted records: their flow log, their `about` rows, and some of them as lines."""

EVENTS_MAX, EVENTS_MAX_BYTES, EVENT_OVERHEAD_BYTES = 10_000, 1 << 20, 26  # API reference, PutLogEvents
PUT_MAX_RECORDS, PUT_MAX_BYTES = 500, 4 << 20  # API reference, PutRecordBatch
SHOWN_LINES = 5
_AT_ONCE = 4

T = TypeVar("T")


class NotDelivered(Exception):
    """Records were not accepted; `lines` is their number.

    `error` is AWS's `DeliverLogsErrorMessage`. The message is a more detailed sentence.
    """

    def __init__(self, error: str, reason: str, lines: int) -> None:
        super().__init__(reason)
        self.error, self.lines = error, lines


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """The services and callbacks that all destinations share."""

    client: ServiceClient
    objects: Objects
    permissions: Permissions
    pace: Pace
    delivered: Delivered


@dataclass(slots=True)
class CloudWatchDestination:
    """The destination CloudWatch Logs, with one log stream for each interface.

    `filters` returns the traffic filters of all flow logs that write to the log group of a flow log.
    """

    flow_log: FlowLog
    context: DeliveryContext
    filters: Callable[[FlowLog], list[str]]

    async def deliver(self, batch: IntervalBatch) -> None:
        """Put the records as log events, in the order of `start`. Raises a group of `NotDelivered`."""
        _check(await self.context.permissions.to_log(self.flow_log), batch.height)
        places = asyncio.Semaphore(_AT_ONCE)

        async def put(eni: str, rows: pl.DataFrame) -> None:
            async with places:
                await self._put(eni, rows.sort("start", maintain_order=True))

        puts = [put(eni, rows) for eni, rows in batch.runs()]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        failures = [one for one in outcomes if isinstance(one, Exception)]
        if failures:
            raise ExceptionGroup("log events were not accepted", failures)

    def waits(self, now: int | None) -> bool:
        """Return False: this destination holds no records back."""
        return False

    async def finish(self, now: int | None) -> None:
        """Do nothing: this destination holds no records back."""

    async def _put(self, eni: str, rows: pl.DataFrame) -> None:
        stream = naming.log_stream(eni, self.filters(self.flow_log))
        group = self.flow_log.settings.log_group_name
        left = rows.height
        for part in _parts(rows, EVENTS_MAX, EVENTS_MAX_BYTES, EVENT_OVERHEAD_BYTES):
            texts = part["line"].to_list()
            times = (part["start"] * 1000).to_list()
            events = [{"timestamp": at, "message": text} for at, text in zip(times, texts, strict=True)]
            await self.context.pace(part.height)
            request = {"logGroupName": group, "logStreamName": stream, "logEvents": events}
            answer = await _tried(self._put_events(request), left)
            _check_answer("PutLogEvents", answer, left)
            self.context.delivered(self.flow_log, part, texts[-SHOWN_LINES:])
            left -= part.height

    async def _put_events(self, request: dict[str, Any]) -> Outgoing:
        """Put events. If the log group or log stream does not exist, create it, as AWS does."""
        scope = self.flow_log.settings.destination_scope(self.flow_log.scope)
        answer = await self.context.client.logs(scope, "PutLogEvents", request)
        if answer.status != 200 and b"ResourceNotFoundException" in content(answer):
            group, stream = request["logGroupName"], request["logStreamName"]
            await self.context.client.logs(scope, "CreateLogGroup", {"logGroupName": group})
            names = {"logGroupName": group, "logStreamName": stream}
            await self.context.client.logs(scope, "CreateLogStream", names)
            answer = await self.context.client.logs(scope, "PutLogEvents", request)
        return answer


@dataclass(slots=True)
class S3Destination:
    """The destination S3, with one or more files for each five minutes."""

    flow_log: FlowLog
    context: DeliveryContext
    _files: Files = field(default_factory=Files)

    async def deliver(self, batch: IntervalBatch) -> None:
        """Add records to their files, and write full files. Raises a group of `NotDelivered`."""
        await self._write_all(list(self._files.add(batch)))

    def waits(self, now: int | None) -> bool:
        """Return True if the period of a file has ended at `now` (seconds since the epoch)."""
        return self._files.has_due(now)

    async def finish(self, now: int | None) -> None:
        """Write the files whose period has ended at `now`, or all for None. Raises like `deliver`."""
        await self._write_all(list(self._files.due(now)))

    async def _write_all(self, files: list[File]) -> None:
        failures = []
        for file in files:
            try:
                await self._write(file)
            except NotDelivered as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("files were not written", failures)

    async def _write(self, file: File) -> None:
        settings = self.flow_log.settings
        _check(await self.context.permissions.to_write(self.flow_log), file.height)
        is_parquet = settings.options is not None and settings.options.file_format == "parquet"
        body = await asyncio.to_thread(file.parquet if is_parquet else file.text)
        await self.context.pace(file.height)
        key = naming.object_key(self.flow_log, file.starts, file.nth)
        try:
            await _tried(
                self.context.objects.put(self.flow_log.scope, settings.bucket, key, body), file.height
            )
        except NotWritten as error:
            raise NotDelivered(UNKNOWN_ERROR, str(error), file.height) from error
        for batch in file.batches:
            self.context.delivered(self.flow_log, batch.about, lines(batch.frame.tail(SHOWN_LINES)).to_list())


@dataclass(slots=True)
class FirehoseDestination:
    """The destination Firehose: each line is a record with one JSON object and a newline (from captures)."""

    flow_log: FlowLog
    context: DeliveryContext

    async def deliver(self, batch: IntervalBatch) -> None:
        """Put the records in batches. Raises `NotDelivered`."""
        _check(await self.context.permissions.to_stream(self.flow_log), batch.height)
        settings = self.flow_log.settings
        scope = settings.destination_scope(self.flow_log.scope)
        rows = batch.about.with_columns(lines(batch.frame))
        left = rows.height
        for part in _parts(rows, PUT_MAX_RECORDS, PUT_MAX_BYTES, len('{"message":""}\n')):
            texts = part["line"].to_list()
            records = [{"Data": pybase64.b64encode_as_string(_message(text))} for text in texts]
            await self.context.pace(part.height)
            request = {"DeliveryStreamName": settings.stream_name, "Records": records}
            answer = await _tried(self.context.client.firehose(scope, "PutRecordBatch", request), left)
            _check_answer("PutRecordBatch", answer, left)
            self.context.delivered(self.flow_log, part, texts[-SHOWN_LINES:])
            left -= part.height

    def waits(self, now: int | None) -> bool:
        """Return False: this destination holds no records back."""
        return False

    async def finish(self, now: int | None) -> None:
        """Do nothing: this destination holds no records back."""


Destination = CloudWatchDestination | S3Destination | FirehoseDestination


async def _tried(call: Awaitable[T], lines: int) -> T:
    try:
        return await call
    except (OSError, TimeoutError) as error:
        raise NotDelivered(UNKNOWN_ERROR, repr(error), lines) from error


def _check(reason: str, lines: int) -> None:
    if reason:
        raise NotDelivered(ACCESS_ERROR, reason, lines)


def _check_answer(operation: str, answer: Outgoing, lines: int) -> None:
    body = content(answer)
    if answer.status != 200 or b'"rejectedLogEventsInfo"' in body:
        shown = body[:300].decode(errors="replace")
        raise NotDelivered(UNKNOWN_ERROR, f"{operation}: {answer.status} {shown}", lines)


def _message(line: str) -> bytes:
    return orjson.dumps({"message": line}) + b"\n"


def _parts(rows: pl.DataFrame, most: int, most_bytes: int, overhead: int) -> list[pl.DataFrame]:
    """Split rows into parts within the limits of one call. A line is far shorter than these limits."""
    longest = int(rows["line"].str.len_bytes().max() or 0) + overhead  # type: ignore[arg-type]
    count = max(1, min(most, most_bytes // longest))
    return [rows.slice(at, count) for at in range(0, rows.height, count)]
