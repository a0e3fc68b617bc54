"""Puts a load on a Kinesis stream, as a producer that writes lines or as CloudWatch Logs' subscription does.

Open loop: with a `rate`, every call has a time fixed before the first one is sent. A slow stream makes calls
late, never fewer, so that a measured delay includes the wait that the stream itself caused.

What must hold: a line is acknowledged exactly once. Entries that Kinesis refuses are put again until they
are taken, and only those. The client must not repeat a whole call after a time-out by itself, or lines may
be written twice without anybody knowing: give it `retries={"total_max_attempts": 1}`.
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
CALL_MAX_BYTES = 4_718_592  # 4.5 of the 5 MiB that PutRecords takes, keys included
CALLS_IN_FLIGHT = 3
CALLS_PER_S = 4  # with a rate, calls are cut so that the stream is not fed in bursts
EVENTS_PER_ENVELOPE = 500
ATTEMPTS = 12
BACKOFF = wait_random_exponential(multiplier=0.05, max=20)  # botocore's standard mode: full jitter, cap 20 s

_EVENT_ID_PREFIX = "3" + "0" * 35  # CloudWatch's ids have 56 digits; the last 20 are the place of the line


class Client(Protocol):
    """The one call of boto3's Kinesis client that is needed here."""

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]: ...


class FeedRefused(Exception):
    """Kinesis kept refusing records; the message says how many and its last reason."""


class _PartialFailure(Exception):
    """Some entries of a call were refused; never leaves this module."""


@dataclass(frozen=True, slots=True)
class KinesisRecord:
    """One Kinesis record to put, and how many lines it carries."""

    key: str
    data: bytes
    lines: int


async def feed(  # noqa: PLR0913 - the knobs of `vpcflow replay`, one by one
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
    """Put every line of the batches, `rate` of them a second, and return how many were acknowledged.

    With one call in flight, records are stored in their order. `on_progress` is called on the event loop with
    the number acknowledged so far. A failure comes out of a task group, as an `ExceptionGroup` of
    `FeedRefused` or of the client's own error.
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
    """Put the records of one call, and those that were refused again, until all are taken."""
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
    """Group records into calls within the limits of `PutRecords`; with `max_lines`, into smaller ones."""
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
    """Join lines. The key spreads records over the shards at random, yet follows from the load's seed."""
    lines = batch.frame["line"].to_list()
    for at in range(0, len(lines), lines_per_record):
        part = lines[at : at + lines_per_record]
        data = "\n".join([batch.header, *part] if batch.header else part).encode()
        yield KinesisRecord(f"{zlib.crc32(data):08x}", data, len(part))


def _envelopes(batch: LineBatch) -> Iterator[KinesisRecord]:
    """Wrap lines as a subscription with distribution by log stream does: one interface, one partition key."""
    place = (pl.int_range(pl.len()) + batch.first).cast(pl.String).str.zfill(20)
    frame = batch.frame.select(
        "line", "eni", id=pl.lit(_EVENT_ID_PREFIX) + place, timestamp=pl.col("start") * 1000
    ).sort("eni", maintain_order=True)
    # Three lists zipped cost a third less than Polars' own rows.
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
