"""The Kinesis service with injected faults, as decided by `faults.rules`. Pure.

A fault either refuses a call before its effect, or changes the answer after it. Clients see the behaviour of
AWS. Without a fault plan, this costs one comparison per call. Delays and connection resets are fields of the
answer; the edge carries them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import orjson

from emulator.faults.rules import RESHARDINGS, Faults, Rule, Strike
from emulator.kinesis import service
from emulator.kinesis.admission import Admit, Throttled
from emulator.kinesis.errors import Refused, limit_exceeded
from emulator.kinesis.faults.call_targets import CallTarget, call_target
from emulator.kinesis.limits import OFF, Throttle, rate_exceeded, read_rate_exceeded
from emulator.kinesis.protocol import cbor, wire
from emulator.kinesis.protocol.wire import Answer, Format, Request
from emulator.kinesis.service import HttpRequest
from emulator.kinesis.state.resharding import Merge, Split
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store
from emulator.kinesis.tokens import iterators

SIGNATURE_GOOD_S = 300  # "… is now earlier than … (… - 5 min.)": awslabs/amazon-kinesis-producer#222
_DATA_CALLS = frozenset({"GetRecords", "GetShardIterator", "PutRecord", "PutRecords"})


class FaultyService:
    """The service with the faults in `faults`; None means no faults."""

    def __init__(self) -> None:
        self.faults: Faults | None = None

    def __call__(self, store: Store, request: HttpRequest, now_ms: int) -> Answer:
        """Answer one request."""
        if self.faults is None:
            return service.answer(store, request, now_ms)
        target = call_target(store, request, now_ms)
        strikes = self.faults.decide(target.target(), now_ms)
        for strike in strikes:
            if strike.rule.fault in RESHARDINGS and target.stream is not None:
                _reshard(target.stream, strike.rule, now_ms)
        refused = next(filter(None, (_refusal(target, strike.rule, now_ms) for strike in strikes)), None)
        if refused is not None:
            answer = wire.error(refused, target.format)
        elif any(strike.rule.fault == "reset" and strike.rule.effect == "before" for strike in strikes):
            answer = Answer(500, b"", target.format, reset=True)
        else:
            answer = _spoiled(store, target, strikes, now_ms)
        return replace(answer, delay_ms=answer.delay_ms + sum(map(_latency_ms, strikes)))


def _refusal(target: CallTarget, rule: Rule, now_ms: int) -> Refused | None:
    """Return the error with which a fault refuses the call before its effect, or None."""
    match rule.fault:
        case "clock_skew":
            return _signature_refused(now_ms, rule.skew_s)
        case "internal_failure" if rule.effect == "before":
            return internal_failure()
        case "service_unavailable":
            return Refused("ServiceUnavailable", status=503)
        case "expired_iterator":
            return iterators.expired(now_ms - iterators.LIFETIME_MS - 1000, now_ms)
        case "throttle" if target.request.operation != "PutRecords":
            return _throttled(target)
        case _:
            return None


def internal_failure() -> Refused:
    """Return AWS's internal error, which has no message (aws/aws-sdk-ruby#1296)."""
    return Refused("InternalFailure", status=500)


def _throttled(target: CallTarget) -> Refused | None:
    """Return the throttling error of a call, or None if a data call has no target."""
    operation, stream = target.request.operation, target.stream
    if operation not in _DATA_CALLS:
        account = target.request.scope.account
        whose = f"account {account}" if stream is None else f"stream {stream.name} under account {account}"
        return limit_exceeded(f"Rate exceeded for {whose}.")
    if stream is None or not target.shards:
        return None
    if operation == "GetRecords":
        return read_rate_exceeded(stream, target.shards[0])
    throttled = rate_exceeded(stream, target.shards[0])
    return Refused(throttled.code, throttled.message)


def _signature_refused(now_ms: int, skew_s: float) -> Refused | None:
    """Return AWS's error for a request signed now if its server clock were `skew_s` ahead, or None."""
    signed, server = _stamp(now_ms / 1000), _stamp(now_ms / 1000 + skew_s)
    bound = _stamp(now_ms / 1000 + skew_s - (SIGNATURE_GOOD_S if skew_s > 0 else -SIGNATURE_GOOD_S))
    if skew_s > SIGNATURE_GOOD_S:
        sentence = f"Signature expired: {signed} is now earlier than {bound} ({server} - 5 min.)"
    elif skew_s < -SIGNATURE_GOOD_S:
        sentence = f"Signature not yet current: {signed} is still later than {bound} ({server} + 5 min.)"
    else:
        return None
    return Refused("InvalidSignatureException", sentence)


def _stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y%m%dT%H%M%SZ")


def _spoiled(store: Store, target: CallTarget, strikes: Sequence[Strike], now_ms: int) -> Answer:
    """Execute the call, and return its answer as changed by the faults."""
    failing = [strike for strike in strikes if strike.rule.fault == "throttle"]
    gate = store.throttle
    if failing:
        store.throttle = _Failing(gate, failing)
    try:
        answer = service.answer(store, target.request, now_ms)
    finally:
        store.throttle = gate
    for strike in strikes:
        answer = _spoil(answer, target, strike.rule, now_ms)
    return answer


def _spoil(answer: Answer, target: CallTarget, rule: Rule, now_ms: int) -> Answer:
    """Return an answer as changed by one fault after the call's effect."""
    match rule.fault:
        case "reset" if rule.effect == "after":
            return replace(answer, reset=True)
        case "lost_response":
            return replace(answer, reset=True, delay_ms=answer.delay_ms + rule.hold_ms)
        case "internal_failure" if rule.effect == "after":
            return wire.error(internal_failure(), target.format)
        case "empty_while_behind" | "null_iterator" if answer.status == 200 and target.place is not None:
            read = cast("bytes", answer.body)
            body = _without_iterator(read, target.format) if rule.fault == "null_iterator" else None
            return replace(answer, body=body or _empty(target.place, rule, target.format, now_ms))
        case _:
            return answer


def _empty(place: iterators.ShardIterator, rule: Rule, format: Format, now_ms: int) -> bytes:
    """Return an answer without the existing records. The next iterator is still before them."""
    token = iterators.make(place.then(place.index), now_ms)
    body = {"Records": [], "NextShardIterator": token, "MillisBehindLatest": max(1, rule.behind_ms)}
    return wire.write(body, format)


def _without_iterator(body: bytes, format: Format) -> bytes:
    """Return an answer of `GetRecords` without the next iterator, as for a shard read to its end."""
    written = cast("Request", orjson.loads(body) if format is Format.JSON else cbor.loads(body))
    written.pop("NextShardIterator", None)
    if format is Format.CBOR:
        for record in cast("list[Request]", written["Records"]):
            arrived_s = cast("float", record["ApproximateArrivalTimestamp"])
            record["ApproximateArrivalTimestamp"] = wire.Time(round(arrived_s * 1000))
    return wire.write(written, format)


class _Failing(Throttle):
    """A throttle that refuses a share of the records of one call, in addition to the limits."""

    def __init__(self, within: Throttle | None, strikes: Sequence[Strike]) -> None:
        super().__init__(OFF if within is None else within.limits)
        self._within = within
        self._strikes = strikes
        self._records = 0

    def admit(self, stream: Stream, now_ms: int) -> Admit:
        """Return the admission function for the records of one call."""
        otherwise = None if self._within is None else self._within.admit(stream, now_ms)

        def admit(shard: Shard, record_bytes: int) -> Throttled | None:
            self._records += 1
            if any(_fails(strike, shard, self._records) for strike in self._strikes):
                return rate_exceeded(stream, shard)
            return None if otherwise is None else otherwise(shard, record_bytes)

        return admit


def _fails(strike: Strike, shard: Shard, record: int) -> bool:
    return strike.rule.names_shard(shard.shard_id) and strike.chance(record) < strike.rule.share


def _latency_ms(strike: Strike) -> int:
    """Return the delay of a fault in milliseconds."""
    if strike.rule.fault != "latency":
        return 0
    low, high = strike.rule.delay_ms
    return low + int(strike.chance("delay") * (high - low + 1))


def _reshard(stream: Stream, rule: Rule, now_ms: int) -> None:
    """Start to split or merge the shards of a rule. If the stream's state does not allow it, do nothing."""
    shards = {shard.shard_id: shard for shard in stream.open_shards}
    shard = shards.get(rule.shard)
    if shard is None or stream.status(now_ms) != "ACTIVE":
        return
    if rule.fault == "split":
        middle = (shard.starting_hash_key + shard.ending_hash_key + 1) // 2
        key = int(rule.new_starting_hash_key or middle)
        if shard.starting_hash_key < key <= shard.ending_hash_key:
            stream.start_update(Split(shard.number, key), now_ms)
        return
    adjacent = shards.get(rule.adjacent)
    if adjacent is not None and _are_neighbours(shard, adjacent):
        stream.start_update(Merge(shard.number, adjacent.number), now_ms)


def _are_neighbours(one: Shard, other: Shard) -> bool:
    left, right = sorted((one, other), key=lambda shard: shard.starting_hash_key)
    return left.ending_hash_key + 1 == right.starting_hash_key
