"""AWS's limits per second, as data, and the throttle that enforces them. Off by default.

Source: Developer Guide, "Quotas and limits". Control-plane calls are limited by account or by stream, reads
and writes by shard, fan-out by consumer and shard. The limits also apply to on-demand streams, whose
throughput is that of their shards (see `growth`).

Each limit is a token bucket with a capacity of one second. A bucket is stored as one number, the time at
which it is full again; full buckets are deleted. A read or a record that is larger than the capacity is
allowed if the bucket is full, and leaves it in debt: a read of 10 MiB blocks its shard for five seconds, as
the API reference of `GetRecords` documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import cast

from emulator.kinesis.admission import Admit, Throttled
from emulator.kinesis.errors import Refused
from emulator.kinesis.protocol.wire import Request
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.subscription import Pace
from emulator.scope import Scope

SECOND_MS = 1000.0
_ROUNDING_MS = 0.5  # Three times a third of a second must not exceed a second.
_KEPT_BUCKETS = 4096  # Above this number, full buckets are deleted.
_PER_ACCOUNT = {
    "AddTagsToStream": 5.0,
    "CreateStream": 5.0,
    "DeleteResourcePolicy": 5.0,
    "DeleteStream": 5.0,
    "DescribeAccountSettings": 5.0,
    "DescribeLimits": 1.0,
    "DescribeStream": 10.0,
    "DescribeStreamSummary": 20.0,
    "GetResourcePolicy": 5.0,
    "ListStreams": 5.0,
    "PutResourcePolicy": 5.0,
    "UpdateAccountSettings": 5.0,
    "UpdateShardCount": 10.0,
    "UpdateStreamWarmThroughput": 5.0,
}
_PER_STREAM = {
    "DecreaseStreamRetentionPeriod": 5.0,
    "DeregisterStreamConsumer": 5.0,
    "DescribeStreamConsumer": 20.0,
    "DisableEnhancedMonitoring": 5.0,
    "EnableEnhancedMonitoring": 5.0,
    "IncreaseStreamRetentionPeriod": 5.0,
    "ListShards": 1000.0,
    "ListStreamConsumers": 5.0,
    "ListTagsForStream": 5.0,
    "MergeShards": 5.0,
    "RegisterStreamConsumer": 5.0,
    "RemoveTagsFromStream": 5.0,
    "SplitShard": 5.0,
}


class BadLimits(ValueError):
    """A limits document is invalid. The message has the field, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """The limits. `calls_per_s` is by control-plane call; the others are for one shard."""

    enabled: bool = True
    write_bytes_per_s: float = 1 << 20
    write_records_per_s: float = 1000.0
    read_bytes_per_s: float = 2 << 20
    read_calls_per_s: float = 5.0
    iterator_calls_per_s: float = 5.0
    fan_out_bytes_per_s: float = 2 << 20
    calls_per_s: Mapping[str, float] = field(default_factory=lambda: {**_PER_ACCOUNT, **_PER_STREAM})

    def as_document(self) -> dict[str, object]:
        """Return the JSON document for `GET /_vpcflow/limits`. `apply` accepts it."""
        document: dict[str, object] = {each.name: getattr(self, each.name) for each in fields(self)}
        document["calls_per_s"] = dict(self.calls_per_s)
        return document


AWS = ThrottleLimits()
OFF = ThrottleLimits(enabled=False)


def apply(document: object) -> ThrottleLimits:
    """Return the limits of a document: "aws", "off", or an object with changes to AWS's limits.

    Raises `BadLimits`. `{"write_records_per_s": 10}` changes one of AWS's limits, and
    `{"calls_per_s": {"ListStreams": 1}}` the limit of one call.
    """
    if document == "aws":
        return AWS
    if document == "off":
        return OFF
    if not isinstance(document, dict):
        raise BadLimits('Limits are "aws", "off", or an object such as {"write_records_per_s": 100}.')
    figures = dict(document)
    enabled = figures.pop("enabled", True)
    if not isinstance(enabled, bool):
        raise BadLimits(f"enabled must be true or false, not {enabled!r}.")
    calls = figures.pop("calls_per_s", {})
    if not isinstance(calls, dict):
        raise BadLimits('calls_per_s must be an object of calls, such as {"ListStreams": 5}.')
    known = {each.name for each in fields(ThrottleLimits)} - {"enabled", "calls_per_s"}
    _check_figures(figures, known, "limit")
    _check_figures(calls, set(AWS.calls_per_s), "call with a limit")
    given = cast("dict[str, float]", figures)
    return replace(AWS, enabled=enabled, calls_per_s={**AWS.calls_per_s, **calls}, **given)


def _check_figures(figures: Mapping[object, object], known: set[str], what: str) -> None:
    for name, value in figures.items():
        if name not in known:
            raise BadLimits(f"There is no {what} named {name!r}. There are: {', '.join(sorted(known))}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise BadLimits(f"{name} must be a number above 0, not {value!r}.")


class Throttle:
    """The token buckets of all limits. Time is an argument."""

    def __init__(self, limits: ThrottleLimits) -> None:
        self.limits = limits
        self._full_at_ms: dict[tuple[object, ...], float] = {}

    def check_call(self, operation: str, scope: Scope, request: Request, now_ms: int) -> None:
        """Count a control-plane call. Raises `Refused` above its limit."""
        rate = self.limits.calls_per_s.get(operation)
        if rate is None:
            return
        stream = stream_named(request)
        of = (operation, scope, stream) if operation in _PER_STREAM else (operation, scope)
        if self._take(of, rate, 1, now_ms):
            return
        # Sources of the two messages: boto/botocore#821, Graylog2/graylog-plugin-integrations#341.
        whose = f"stream {stream} under account" if stream else "account"
        raise Refused("LimitExceededException", f"Rate exceeded for {whose} {scope.account}.")

    def admit(self, stream: Stream, now_ms: int) -> Admit:
        """Return the admission function for the records of one call."""
        limits = self.limits
        buckets: dict[int, tuple[tuple[object, ...], tuple[object, ...]]] = {}

        def admit(shard: Shard, record_bytes: int) -> Throttled | None:
            if shard.number not in buckets:
                of = _of(stream, shard)
                buckets[shard.number] = (("records", *of), ("written", *of))
            records, written = buckets[shard.number]
            if self._has(records, limits.write_records_per_s, 1, now_ms) and self._take(
                written, limits.write_bytes_per_s, record_bytes, now_ms
            ):
                self._spend(records, limits.write_records_per_s, 1, now_ms)
                return None
            return rate_exceeded(stream, shard)

        return admit

    def check_iterator(self, stream: Stream, shard: Shard, now_ms: int) -> None:
        """Count a `GetShardIterator` call. Raises `Refused` above its limit."""
        if not self._take(("iterators", *_of(stream, shard)), self.limits.iterator_calls_per_s, 1, now_ms):
            throttled = rate_exceeded(stream, shard)
            raise Refused(throttled.code, throttled.message)

    def check_read(self, stream: Stream, shard: Shard, now_ms: int) -> None:
        """Count a `GetRecords` call. Raises `Refused` above its limits of calls and bytes."""
        of = _of(stream, shard)
        if self._has(("read", *of), self.limits.read_bytes_per_s, 1, now_ms) and self._take(
            ("reads", *of), self.limits.read_calls_per_s, 1, now_ms
        ):
            return
        raise read_rate_exceeded(stream, shard)

    def count_read(self, stream: Stream, shard: Shard, payload_bytes: int, now_ms: int) -> None:
        """Count the bytes in an answer of `GetRecords`."""
        self._pay_whole(("read", *_of(stream, shard)), self.limits.read_bytes_per_s, payload_bytes, now_ms)

    def pace(self, stream: Stream, shard: Shard, consumer_arn: str) -> Pace:
        """Return the rate limiter of one consumer of a shard, shared by all its subscriptions."""
        of = ("fan-out", consumer_arn, *_of(stream, shard))

        def pace(now_ms: int, sent_bytes: int) -> int:
            rate = self.limits.fan_out_bytes_per_s
            if sent_bytes:
                self._spend(of, rate, sent_bytes, now_ms)
            return max(0, round(self._full_at_ms.get(of, 0.0) - now_ms - SECOND_MS + 0.5))

        return pace

    def _has(self, of: tuple[object, ...], rate: float, amount: float, now_ms: int) -> bool:
        """Return True if a bucket holds an amount, or is full and the amount exceeds its capacity."""
        full_at_ms = self._full_at_ms.get(of, 0.0)
        after_ms = full_at_ms - now_ms + amount / rate * SECOND_MS
        return full_at_ms <= now_ms or after_ms <= max(SECOND_MS, SECOND_MS / rate) + _ROUNDING_MS

    def _take(self, of: tuple[object, ...], rate: float, amount: float, now_ms: int) -> bool:
        """Take an amount from a bucket if it holds it. Return True on success."""
        if not self._has(of, rate, amount, now_ms):
            return False
        self._spend(of, rate, amount, now_ms)
        return True

    def _spend(self, of: tuple[object, ...], rate: float, amount: float, now_ms: int) -> None:
        """Take an amount from a bucket, which may go into debt."""
        if of not in self._full_at_ms and len(self._full_at_ms) >= _KEPT_BUCKETS:
            self._full_at_ms = {each: at for each, at in self._full_at_ms.items() if at > now_ms}
        self._full_at_ms[of] = max(self._full_at_ms.get(of, 0.0), now_ms) + amount / rate * SECOND_MS

    def _pay_whole(self, of: tuple[object, ...], rate: float, amount: float, now_ms: int) -> None:
        """Take an amount. If it exceeds the capacity, the bucket must be full before the next read."""
        extra = rate if amount > rate else 0.0
        self._spend(of, rate, amount + extra, now_ms)


def rate_exceeded(stream: Stream, shard: Shard) -> Throttled:
    """Return AWS's error for a throttled write (rclark/kinesis-readable#4)."""
    return Throttled(
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard {shard.shard_id} in stream {stream.name} under account "
        f"{stream.scope.account}.",
    )


def read_rate_exceeded(stream: Stream, shard: Shard) -> Refused:
    """Return AWS's error for a throttled read, as of 2023 and 2025 (amazon-kinesis-client#1521)."""
    return Refused(
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for Shard - {stream.scope.account}/{stream.name}/{shard.shard_id}",
    )


def _of(stream: Stream, shard: Shard) -> tuple[object, ...]:
    scope = stream.scope  # Its texts are used separately, because a text caches its hash.
    return scope.account, scope.region, stream.name, stream.created_ms, shard.number


def stream_named(request: Request) -> str:
    """Return the name of the stream in a request's name or ARN fields, or an empty string."""
    name = request.get("StreamName")
    if isinstance(name, str) and name:
        return name
    for member in ("StreamARN", "ConsumerARN", "ResourceARN"):
        arn = request.get(member)
        if isinstance(arn, str) and ":stream/" in arn:
            return arn.rpartition(":stream/")[2].partition("/")[0]
    return ""
