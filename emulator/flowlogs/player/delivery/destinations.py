"""Hands records over: to log streams of CloudWatch Logs, files in S3, or a Firehose delivery stream.

Everything is an ordinary call to the service, as AWS's own delivery makes it. What was taken is told to
`delivered`, so that a ledger can be kept of it; what cannot be delivered is `NotDelivered`, and is lost, as
in AWS. `pace` is awaited before each call with how many records it carries.
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
from emulator.flowlogs.player.delivery.batches import Batch
from emulator.flowlogs.player.delivery.files import File, Files
from emulator.flowlogs.player.rows import lines
from emulator.flowlogs.service_client import Asking, content
from emulator.http.messages import Outgoing

Pace = Callable[[int], Awaitable[None]]
Delivered = Callable[[FlowLog, pl.DataFrame, Sequence[str]], None]
"""Told the `about` of records that were taken, and some of them as lines."""

EVENTS_MAX, EVENTS_MAX_BYTES, EVENT_OVERHEAD_BYTES = 10_000, 1 << 20, 26  # API reference, PutLogEvents
PUT_MAX_RECORDS, PUT_MAX_BYTES = 500, 4 << 20  # API reference, PutRecordBatch
SHOWN_LINES = 5
_AT_ONCE = 4

T = TypeVar("T")


class NotDelivered(Exception):
    """So many records were not taken. `error` is AWS's `DeliverLogsErrorMessage`, the message says more."""

    def __init__(self, error: str, reason: str, lines: int) -> None:
        super().__init__(reason)
        self.error, self.lines = error, lines


@dataclass(frozen=True, slots=True)
class Means:
    """What destinations work with."""

    asking: Asking
    objects: Objects
    permissions: Permissions
    pace: Pace
    delivered: Delivered


@dataclass(slots=True)
class LogStreams:
    """CloudWatch Logs: a stream for each interface. `filters` are those of all flow logs of one's group."""

    flow_log: FlowLog
    means: Means
    filters: Callable[[FlowLog], list[str]]

    async def deliver(self, batch: Batch) -> None:
        """Put the records as log events, in the order of their starts. Raises `NotDelivered`, in a group."""
        _check(await self.means.permissions.to_log(self.flow_log), batch.height)
        places = asyncio.Semaphore(_AT_ONCE)

        async def put(eni: str, rows: pl.DataFrame) -> None:
            async with places:
                await self._put(eni, rows.sort("start", maintain_order=True))

        puts = [put(eni, rows) for eni, rows in batch.runs()]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        failures = [one for one in outcomes if isinstance(one, Exception)]
        if failures:
            raise ExceptionGroup("log events were not taken", failures)

    def waits(self, now: int | None) -> bool:
        """Nothing waits here."""
        return False

    async def finish(self, now: int | None) -> None:
        """There is nothing to do."""

    async def _put(self, eni: str, rows: pl.DataFrame) -> None:
        stream = naming.log_stream(eni, self.filters(self.flow_log))
        group = self.flow_log.settings.log_group_name
        left = rows.height
        for part in _parts(rows, EVENTS_MAX, EVENTS_MAX_BYTES, EVENT_OVERHEAD_BYTES):
            texts = part["line"].to_list()
            times = (part["start"] * 1000).to_list()
            events = [{"timestamp": at, "message": text} for at, text in zip(times, texts, strict=True)]
            await self.means.pace(part.height)
            request = {"logGroupName": group, "logStreamName": stream, "logEvents": events}
            answer = await _tried(self._asked(request), left)
            _check_answer("PutLogEvents", answer, left)
            self.means.delivered(self.flow_log, part, texts[-SHOWN_LINES:])
            left -= part.height

    async def _asked(self, request: dict[str, Any]) -> Outgoing:
        """Put events; a group or stream that is not there is made, as AWS does when traffic comes."""
        scope = self.flow_log.settings.destination_scope(self.flow_log.scope)
        answer = await self.means.asking.logs(scope, "PutLogEvents", request)
        if answer.status != 200 and b"ResourceNotFoundException" in content(answer):
            group, stream = request["logGroupName"], request["logStreamName"]
            await self.means.asking.logs(scope, "CreateLogGroup", {"logGroupName": group})
            names = {"logGroupName": group, "logStreamName": stream}
            await self.means.asking.logs(scope, "CreateLogStream", names)
            answer = await self.means.asking.logs(scope, "PutLogEvents", request)
        return answer


@dataclass(slots=True)
class Bucket:
    """S3: a file, or several, for each five minutes."""

    flow_log: FlowLog
    means: Means
    _files: Files = field(default_factory=Files)

    async def deliver(self, batch: Batch) -> None:
        """Let the records wait for their file. Raises `NotDelivered`, in a group, if one was full."""
        await self._write_all(list(self._files.add(batch)))

    def waits(self, now: int | None) -> bool:
        """Say whether there is a file whose five minutes are over."""
        return self._files.has_due(now)

    async def finish(self, now: int | None) -> None:
        """Write the files whose five minutes are over, or all. Raises `NotDelivered`, in a group."""
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
        _check(await self.means.permissions.to_write(self.flow_log), file.height)
        is_parquet = settings.options is not None and settings.options.file_format == "parquet"
        body = await asyncio.to_thread(file.parquet if is_parquet else file.text)
        await self.means.pace(file.height)
        key = naming.object_key(self.flow_log, file.starts, file.nth)
        try:
            await _tried(self.means.objects.put(self.flow_log.scope, settings.bucket, key, body), file.height)
        except NotWritten as error:
            raise NotDelivered(UNKNOWN_ERROR, str(error), file.height) from error
        for batch in file.batches:
            self.means.delivered(self.flow_log, batch.about, lines(batch.frame.tail(SHOWN_LINES)).to_list())


@dataclass(slots=True)
class DeliveryStream:
    """Firehose: a record of one JSON object with a newline for each line (seen in captures)."""

    flow_log: FlowLog
    means: Means

    async def deliver(self, batch: Batch) -> None:
        """Put the records. Raises `NotDelivered`."""
        _check(await self.means.permissions.to_stream(self.flow_log), batch.height)
        settings = self.flow_log.settings
        scope = settings.destination_scope(self.flow_log.scope)
        rows = batch.about.with_columns(lines(batch.frame))
        left = rows.height
        for part in _parts(rows, PUT_MAX_RECORDS, PUT_MAX_BYTES, len('{"message":""}\n')):
            texts = part["line"].to_list()
            records = [{"Data": pybase64.b64encode_as_string(_message(text))} for text in texts]
            await self.means.pace(part.height)
            request = {"DeliveryStreamName": settings.stream_name, "Records": records}
            answer = await _tried(self.means.asking.firehose(scope, "PutRecordBatch", request), left)
            _check_answer("PutRecordBatch", answer, left)
            self.means.delivered(self.flow_log, part, texts[-SHOWN_LINES:])
            left -= part.height

    def waits(self, now: int | None) -> bool:
        """Nothing waits here."""
        return False

    async def finish(self, now: int | None) -> None:
        """There is nothing to do."""


Destination = LogStreams | Bucket | DeliveryStream


async def _tried(call: Awaitable[T], lines: int) -> T:
    try:
        return await call
    except (OSError, TimeoutError) as error:
        raise NotDelivered(UNKNOWN_ERROR, repr(error), lines) from error


def _check(reason: str, lines: int) -> None:
    if reason:
        raise NotDelivered(ACCESS_ERROR, reason, lines)


def _check_answer(operation: str, answer: Outgoing, lines: int) -> None:
    said = content(answer)
    if answer.status != 200 or b'"rejectedLogEventsInfo"' in said:
        shown = said[:300].decode(errors="replace")
        raise NotDelivered(UNKNOWN_ERROR, f"{operation}: {answer.status} {shown}", lines)


def _message(line: str) -> bytes:
    return orjson.dumps({"message": line}) + b"\n"


def _parts(rows: pl.DataFrame, most: int, most_bytes: int, overhead: int) -> list[pl.DataFrame]:
    """Return rows in parts that one call may carry. A line is far shorter than a call."""
    longest = int(rows["line"].str.len_bytes().max() or 0) + overhead  # type: ignore[arg-type]
    count = max(1, min(most, most_bytes // longest))
    return [rows.slice(at, count) for at in range(0, rows.height, count)]
