"""The subscription of a registered consumer to a shard, as a state machine over time. Pure.

It lasts five minutes. Within five seconds, a second subscription of the same consumer and shard is refused;
after that it replaces the first, which ends with `ResourceInUseException` (API reference of
SubscribeToShard). The last event of a closed shard names the child shards and no continuation.
The edge that holds the connection calls `step`, and waits for the returned time or for the shard's callback.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from emulator.kinesis import errors
from emulator.kinesis.descriptions import describe_child
from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol import cbor, event_stream
from emulator.kinesis.protocol.record_texts import in_list
from emulator.kinesis.protocol.wire import Format
from emulator.kinesis.state.consumers import Consumer
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream

LIFE_MS = 300_000  # SubscribeToShard: "the connection … is persisted for up to 5 minutes"
EXCLUSIVE_MS = 5_000
BEAT_MS = 5_000
"""The interval of empty events without records. botocore's read timeout is 60 s."""
EVENT_MOST_RECORDS = 10_000
EVENT_MOST_BYTES = 1 << 20

Pace = Callable[[int, int], int]
"""A rate limiter: (now in ms, bytes just sent, or 0) → milliseconds to wait before the next event."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next step: a message to send, which may be empty, and then the end or a wait (0: none)."""

    message: bytes = b""
    wait_ms: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionStart:
    """The start of a subscription: record index, time, and encoding."""

    index: int
    at_ms: int
    format: Format


class Subscription:
    """The subscription of one consumer to one shard."""

    def __init__(self, stream: Stream, consumer: Consumer, shard: Shard, start: SubscriptionStart) -> None:
        self.stream, self.consumer, self.shard = stream, consumer, shard
        self.started_ms, self.format = start.at_ms, start.format
        self.pace: Pace | None = None  # Set by the service if limits are enabled.
        self.is_taken_over = self.is_closed = False
        self.millis_behind_latest = 0
        self._index = start.index
        self._next_beat_ms = start.at_ms

    def take_over(self) -> None:
        """End the subscription because a new one replaces it."""
        self.is_taken_over = True
        self.shard.wake()

    def close(self) -> None:
        """Mark the subscription as ended: the client has disconnected, or the last message is sent."""
        self.is_closed = True

    def is_alive(self, now_ms: int) -> bool:
        """Return True if the subscription still serves a client."""
        return not self.is_closed and not self.is_taken_over and now_ms < self.started_ms + LIFE_MS

    def opening(self) -> bytes:
        """Return the stream's first message."""
        return event_stream.initial_response(self.format)

    def step(self, now_ms: int) -> Step:
        """Return the next step."""
        self.stream.settle(now_ms)  # A resharding whose time has come closes the shard.
        ending = self._ending()
        if ending is not None:
            return Step(event_stream.exception(ending, self.format), is_over=True)
        left_ms = self.started_ms + LIFE_MS - now_ms
        if left_ms <= 0:
            return Step(is_over=True)
        hold_ms = self.pace(now_ms, 0) if self.pace is not None else 0
        if hold_ms > 0:
            return Step(wait_ms=min(hold_ms, left_ms))
        return self._read(now_ms) or Step(wait_ms=self._wait_ms(now_ms, left_ms))

    def _wait_ms(self, now_ms: int, left_ms: int) -> int:
        settles_ms = self.stream.settles_ms
        until_ms = self._next_beat_ms if settles_ms is None else min(self._next_beat_ms, settles_ms)
        return max(1, min(until_ms - now_ms, left_ms))

    def _ending(self) -> Refused | None:
        """Return the error that ends the stream, if there is one."""
        account = self.stream.scope.account
        if self.is_taken_over:
            return errors.Refused(
                "ResourceInUseException",
                "Another active subscription exists for this consumer.",
            )
        if self.shard not in self.stream.shards:  # The stream and its shards are deleted.
            return errors.stream_not_found(self.stream.name, account)
        if self.consumer.deleted_ms is not None:
            return errors.consumer_not_found(self.consumer.name, account)
        return None

    def _read(self, now_ms: int) -> Step | None:
        """Return the next event, or None if there are no records and no heartbeat is due."""
        part = self.shard.read(self._index, EVENT_MOST_RECORDS, EVENT_MOST_BYTES, now_ms)
        self._index = max(part.next_index, self.shard.first_index)
        is_end = self.shard.ended_ms is not None and self._index >= self.shard.next_index
        if not part.texts and not is_end and now_ms < self._next_beat_ms:
            return None
        self._next_beat_ms = now_ms + BEAT_MS
        self.millis_behind_latest = part.millis_behind_latest
        after = children_of(self.stream, self.shard) if is_end else self._continuation(now_ms)
        payload = _payload(part.texts, part.millis_behind_latest, after, self.format)
        if self.pace is not None:
            self.pace(now_ms, sum(map(len, part.texts)))
        return Step(event_stream.event("SubscribeToShardEvent", payload, self.format), is_over=is_end)

    def _continuation(self, now_ms: int) -> str:
        return str(self.shard.number_before(self._index, now_ms))


def children_of(stream: Stream, shard: Shard) -> list[dict[str, object]]:
    """Return the descriptions of a closed shard's children."""
    return [dict(describe_child(child)) for child in stream.shards if shard.number in child.parents]


def _payload(
    texts: list[bytes], millis_behind_latest: int, after: str | list[dict[str, object]], format: Format
) -> bytes:
    """Encode an event around encoded records. `after`: the continuation number, or the list of children."""
    name = "ContinuationSequenceNumber" if isinstance(after, str) else "ChildShards"
    if format is Format.JSON:
        end = b',"MillisBehindLatest":%d,"%b":%b}' % (
            millis_behind_latest,
            name.encode(),
            orjson.dumps(after),
        )
        return in_list(b'{"Records":', texts, end, format)
    behind = cbor.text("MillisBehindLatest") + cbor.integer(millis_behind_latest)
    end = behind + cbor.text(name) + cbor.dumps_value(after)
    return in_list(b"\xa3" + cbor.text("Records"), texts, end, format)
