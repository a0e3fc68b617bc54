"""The delivery of log events to the destination of a subscription filter, in CloudWatch's gzip envelope.

Records are put directly into the Kinesis store, and to Firehose by a call in this process. AWS retries a
delivery for up to 24 hours. The emulator retries for a few seconds while the writer of the events waits, so
that a full stream slows its writer down. Then the events are lost: they are counted, and logged once per
reason.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import orjson
import pybase64
import structlog

from connectors.formats.envelope import control_message, wrap_subscription
from emulator.flowlogs.service_client import ServiceClient, content
from emulator.flowlogs.subscriptions.filters import SubscriptionDestination, SubscriptionFilter
from emulator.kinesis.call import Call
from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol.wire import Format
from emulator.kinesis.puts import PutBatch
from emulator.kinesis.store import Store

EVENTS_PER_ENVELOPE = 500
ENVELOPE_MAX_BYTES = 1_000_000  # a record: 1 MiB with its key in Kinesis, 1,000 KiB in Firehose
BATCH_MAX_BYTES, BATCH_MAX_RECORDS = 4_000_000, 500  # PutRecordBatch: 4 MiB
ATTEMPTS, PAUSE_S = 20, 0.25
_KEY_MAX = 256
_ID_PREFIX = "3" + "0" * 35  # CloudWatch's ids have 56 digits; the emulator counts in the last 20.
_IDS_PER_MS = 1_000_000

Event = tuple[str, int, str]
"""Id, milliseconds since the epoch, message."""
Record = tuple[str, bytes]
"""Partition key, data."""

log = structlog.get_logger("emulator.flowlogs")


class _Refusing(Exception):
    """The destination refuses records permanently; the message is the reason."""


class SubscriptionDelivery:
    """The delivery to Kinesis streams and delivery streams."""

    def __init__(
        self, store: Store, client: ServiceClient, clock: Callable[[], int], pause_s: float = PAUSE_S
    ) -> None:
        self._store, self._client, self._clock, self._pause_s = store, client, clock, pause_s
        self._next_id = clock() * _IDS_PER_MS  # Ids increase across restarts.

    async def test(self, destination: SubscriptionDestination) -> bool:
        """Send the test message. Return True if the destination accepted it."""
        kind = "Firehose" if destination.service == "firehose" else "Kinesis stream"
        try:
            return not await self._put(destination, [("control", control_message(kind))])
        except _Refusing:
            return False

    def events(self, lines: Sequence[tuple[int, str]]) -> list[Event]:
        """Return events for (time in ms, message) pairs, with new ids that are the same for all filters."""
        first, self._next_id = self._next_id, self._next_id + len(lines)
        return [(f"{_ID_PREFIX}{number:020}", at, text) for number, (at, text) in enumerate(lines, first)]

    async def deliver(self, one: SubscriptionFilter, log_stream: str, events: Sequence[Event]) -> None:
        """Deliver the events that match a filter. Failures are counted and logged, not raised."""
        if one.matches is not None:
            matches = one.matches
            events = [event for event in events if matches(event[2])]
        if not events:
            return
        records = list(_records(one, log_stream, events))
        try:
            left, why = await self._put_all(one.destination, records), "the destination is full"
        except _Refusing as refusing:
            left, why = records, str(refusing)
        if not left:
            one.delivered.events += len(events)
            one.delivered.failure = ""
            return
        # Some of them may have been accepted. The counter of lost events is an upper bound.
        one.delivered.lost += len(events)
        if one.delivered.failure != why:
            one.delivered.failure = why
            log.warning(
                "log events lost, the destination does not accept them",
                log_group=one.log_group,
                filter=one.name,
                destination=one.destination.arn,
                reason=why,
            )

    async def _put_all(self, destination: SubscriptionDestination, records: list[Record]) -> list[Record]:
        """Put records and retry throttled ones. Return the records that were never accepted."""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._pause_s)
            records = await self._put(destination, records)
            if not records:
                break
        return records

    async def _put(self, destination: SubscriptionDestination, records: list[Record]) -> list[Record]:
        """Put records once. Return the throttled ones."""
        if destination.service == "kinesis":
            return self._put_to_kinesis(destination, records)
        left: list[Record] = []
        for batch in _batches(records):
            left += await self._put_to_firehose(destination, batch)
        return left

    def _put_to_kinesis(self, destination: SubscriptionDestination, records: list[Record]) -> list[Record]:
        now_ms, request = self._clock(), cast("dict[str, object]", {"StreamARN": destination.arn})
        call = Call(self._store, destination.scope, request, now_ms, Format.CBOR, "PutRecords")
        try:
            batch = PutBatch(call.active_stream(), Format.CBOR)
            for number, (key, data) in enumerate(records, 1):
                batch.add({"PartitionKey": key, "Data": data}, number)
        except Refused as refused:
            raise _Refusing(refused.message) from None
        results = batch.put(self._store, now_ms)
        if not batch.failed:
            return []
        # A result has either this field, or the sequence number and shard of a stored record.
        return [record for record, result in zip(records, results, strict=True) if b"ErrorCode" in result]

    async def _put_to_firehose(
        self, destination: SubscriptionDestination, records: list[Record]
    ) -> list[Record]:
        entries = [{"Data": pybase64.b64encode(data).decode("ascii")} for _, data in records]
        request = {"DeliveryStreamName": destination.name, "Records": entries}
        answer = await self._client.firehose(destination.scope, "PutRecordBatch", request)
        if answer.status == 200:
            return []
        if answer.status == 503:
            return records
        raise _Refusing(str(orjson.loads(content(answer)).get("message", answer.status)))


def _records(one: SubscriptionFilter, log_stream: str, events: Sequence[Event]) -> Iterator[Record]:
    """Wrap events into envelopes. Split an envelope that is too large for a record, down to single events."""
    for at in range(0, len(events), EVENTS_PER_ENVELOPE):
        yield from _wrapped(one, log_stream, events[at : at + EVENTS_PER_ENVELOPE])


def _wrapped(one: SubscriptionFilter, log_stream: str, events: Sequence[Event]) -> Iterator[Record]:
    data = wrap_subscription(
        log_stream, events, owner=one.scope.account, log_group=one.log_group, filters=(one.name,)
    )
    if len(data) > ENVELOPE_MAX_BYTES and len(events) > 1:
        half = len(events) // 2
        yield from _wrapped(one, log_stream, events[:half])
        yield from _wrapped(one, log_stream, events[half:])
        return
    # AWS sends a log stream to one shard. Its partition keys are not documented.
    yield (secrets.token_hex(16) if one.distribution == "Random" else log_stream[:_KEY_MAX]), data


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        if batch and (size + len(record[1]) > BATCH_MAX_BYTES or len(batch) == BATCH_MAX_RECORDS):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record[1])
    if batch:
        yield batch
