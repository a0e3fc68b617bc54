"""The feed of a Kinesis stream, as a producer that writes lines or as a subscription of CloudWatch Logs.

Open loop: with a `rate`, the time of every call is fixed before the first call. A slow stream delays calls
and does not reduce their number, so that a measured latency includes the delay that the stream caused.

Invariant: each line is acknowledged exactly once. Only the entries that Kinesis refuses are put again. The
client must not retry a whole call after a time-out, because lines could be written twice: create it with
`retries={"total_max_attempts": 1}`.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import polars as pl
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from connectors.formats.envelope import control_message, wrap_subscription
from emulator.load.line_batch import LineBatch

Payload = Literal["lines", "cloudwatch"]

CALL_MAX_RECORDS = 500  # PutRecords, API reference
CALL_MAX_BYTES = 4_718_592  # 4.5 MiB; PutRecords accepts 5 MiB, keys included.
CALLS_IN_FLIGHT = 3
CALLS_PER_S = 4  # With a rate, calls are this small, so that records do not arrive in bursts.
EVENTS_PER_ENVELOPE = 500
ATTEMPTS = 12
BACKOFF = wait_random_exponential(multiplier=0.05, max=20)  # botocore's standard mode: full jitter, cap 20 s

_EVENT_ID_PREFIX = "3" + "0" * 35  # CloudWatch's ids have 56 digits; the last 20 are the line's number.


class Client(Protocol):
    """The call of boto3's Kinesis client that the feed uses."""

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]: ...


class FeedRefused(Exception):
    """Kinesis refused records in every attempt. The message has their number and the last reason."""


class _PartialFailure(Exception):
    """Some entries of a call were refused. Internal to this module."""


@dataclass(frozen=True, slots=True)
class KinesisRecord:
    """A Kinesis record to put, and its number of lines."""

    key: str
    data: bytes
    lines: int


async def feed(  # noqa: PLR0913 - the options of `vpcflow replay`
    client: Client,
    stream: str,
    batches: Iterable[LineBatch],
    *,
    payload: Payload,
    rate: float | None,
    on_progress: Callable[[int], None],
    lines_per_record: int = 200,
    calls_in_flight: int = CALLS_IN_FLIGHT,
    backoff: wait_base = BACKOFF,
) -> int:
    """Put every line of the batches, at `rate` lines per second. Return the number of acknowledged lines.

    With one call in flight, records are stored in their order. `on_progress` is called on the event loop with
    the number of lines acknowledged so far. Raises an `ExceptionGroup` of `FeedRefused` or of the client's
    own errors.
    """
    records = to_records(batches, payload, lines_per_record)
    calls = to_calls(records, max_lines=max(1, int(rate / CALLS_PER_S)) if rate else None)
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(calls_in_flight)
    began, scheduled, acknowledged = loop.time(), 0, 0

    def count(lines: int) -> None:
        nonlocal acknowledged
        acknowledged += lines
        on_progress(acknowledged)

    async with asyncio.TaskGroup() as tasks:
        while (call := await asyncio.to_thread(next, calls, None)) is not None:
            if rate:
                await asyncio.sleep(began + scheduled / rate - loop.time())
            await places.acquire()
            task = tasks.create_task(_put(client, stream, call, backoff, count))
            task.add_done_callback(lambda _: places.release())
            scheduled += sum(record.lines for record in call)
    return acknowledged


async def _put(
    client: Client, stream: str, call: list[KinesisRecord], backoff: wait_base, count: Callable[[int], None]
) -> None:
    """Put the records of one call, then those that were refused, until all are accepted."""
    left, why = call, ""
    retrying = AsyncRetrying(
        wait=backoff, stop=stop_after_attempt(ATTEMPTS), retry=retry_if_exception_type(_PartialFailure)
    )
    try:
        async for attempt in retrying:
            with attempt:
                entries = [{"Data": record.data, "PartitionKey": record.key} for record in left]
                answer = await asyncio.to_thread(client.put_records, StreamName=stream, Records=entries)
                results = list(zip(left, answer["Records"], strict=True))
                count(sum(record.lines for record, result in results if not result.get("ErrorCode")))
                left = [record for record, result in results if result.get("ErrorCode")]
                if left:
                    why = next(
                        f"{r['ErrorCode']}: {r.get('ErrorMessage')}" for _, r in results if r.get("ErrorCode")
                    )
                    raise _PartialFailure
    except RetryError as error:
        raise FeedRefused(
            f"{len(left)} records refused {ATTEMPTS} times by {stream}, last with {why}"
        ) from error


def to_calls(
    records: Iterable[KinesisRecord], *, max_lines: int | None = None
) -> Iterator[list[KinesisRecord]]:
    """Group records into calls within the limits of `PutRecords`, and of `max_lines` if given."""
    call: list[KinesisRecord] = []
    size = lines = 0
    for record in records:
        cost = len(record.data) + len(record.key.encode())
        is_full = len(call) == CALL_MAX_RECORDS or size + cost > CALL_MAX_BYTES
        if call and (is_full or (max_lines is not None and lines + record.lines > max_lines)):
            yield call
            call, size, lines = [], 0, 0
        call.append(record)
        size += cost
        lines += record.lines
    if call:
        yield call


def to_records(
    batches: Iterable[LineBatch], payload: Payload, lines_per_record: int = 200
) -> Iterator[KinesisRecord]:
    """Pack the lines of batches into records, in their order (`lines`) or by log stream (`cloudwatch`)."""
    if payload == "cloudwatch":
        yield KinesisRecord("control", control_message(), 0)
    for batch in batches:
        yield from _plain(batch, lines_per_record) if payload == "lines" else _envelopes(batch)


def _plain(batch: LineBatch, lines_per_record: int) -> Iterator[KinesisRecord]:
    """Join lines. The key is a hash of the data, so that it is random and reproducible."""
    lines = batch.frame["line"].to_list()
    for at in range(0, len(lines), lines_per_record):
        part = lines[at : at + lines_per_record]
        data = "\n".join([batch.header, *part] if batch.header else part).encode()
        yield KinesisRecord(f"{zlib.crc32(data):08x}", data, len(part))


def _envelopes(batch: LineBatch) -> Iterator[KinesisRecord]:
    """Wrap lines as a subscription with distribution by log stream: one partition key per interface."""
    place = (pl.int_range(pl.len()) + batch.first).cast(pl.String).str.zfill(20)
    frame = batch.frame.select(
        "line", "eni", id=pl.lit(_EVENT_ID_PREFIX) + place, timestamp=pl.col("start") * 1000
    ).sort("eni", maintain_order=True)
    # Zipping three lists takes a third less time than Polars' own rows.
    columns = (frame[name].to_list() for name in ("id", "timestamp", "line"))
    events: list[tuple[str, int, str]] = list(zip(*columns, strict=True))
    runs = frame["eni"].rle().struct.unnest()
    at = 0
    for length, eni in runs.iter_rows():
        log_stream = f"{eni}-all"  # the stream's name as in payloads that AWS delivered
        for first in range(at, at + length, EVENTS_PER_ENVELOPE):
            part = events[first : min(first + EVENTS_PER_ENVELOPE, at + length)]
            header = [(part[0][0], part[0][1], batch.header)] if batch.header else []
            yield KinesisRecord(log_stream, wrap_subscription(log_stream, header + part), len(part))
        at += length
