"""The service with faults: what `faults.rules` decides, carried out on a call of Kinesis.

A fault either refuses a call before it has an effect, or spoils the answer of one that had it; a client sees
what it would see of AWS. Without a plan, a call costs one comparison more than it does without this module.
Pure: to wait, and to reset a connection, is asked of the edge in the answer.
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
from emulator.kinesis.faults.aims import Aim, aim
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


class Faulty:
    """Answers as the service does, but for the faults in force; None is no faults."""

    def __init__(self) -> None:
        self.faults: Faults | None = None

    def __call__(self, store: Store, request: HttpRequest, now_ms: int) -> Answer:
        """Answer one request."""
        if self.faults is None:
            return service.answer(store, request, now_ms)
        about = aim(store, request, now_ms)
        strikes = self.faults.decide(about.target(), now_ms)
        for strike in strikes:
            if strike.rule.fault in RESHARDINGS and about.stream is not None:
                _reshard(about.stream, strike.rule, now_ms)
        refused = next(filter(None, (_refusal(about, strike.rule, now_ms) for strike in strikes)), None)
        if refused is not None:
            answer = wire.error(refused, about.format)
        elif any(strike.rule.fault == "reset" and strike.rule.effect == "before" for strike in strikes):
            answer = Answer(500, b"", about.format, reset=True)
        else:
            answer = _spoiled(store, about, strikes, now_ms)
        return replace(answer, delay_ms=answer.delay_ms + sum(map(_latency_ms, strikes)))


def _refusal(about: Aim, rule: Rule, now_ms: int) -> Refused | None:
    """Return the error that a fault answers with instead of the call's effect."""
    match rule.fault:
        case "clock_skew":
            return _signature_refused(now_ms, rule.skew_s)
        case "internal_failure" if rule.effect == "before":
            return internal_failure()
        case "service_unavailable":
            return Refused("ServiceUnavailable", status=503)
        case "expired_iterator":
            return iterators.expired(now_ms - iterators.LIFETIME_MS - 1000, now_ms)
        case "throttle" if about.request.operation != "PutRecords":
            return _throttled(about)
        case _:
            return None


def internal_failure() -> Refused:
    """Return AWS's answer when it has failed: no message (aws/aws-sdk-ruby#1296)."""
    return Refused("InternalFailure", status=500)


def _throttled(about: Aim) -> Refused | None:
    """Return the refusal of a call that is too much; None if it is about nothing that there is."""
    operation, stream = about.request.operation, about.stream
    if operation not in _DATA_CALLS:
        account = about.request.scope.account
        whose = f"account {account}" if stream is None else f"stream {stream.name} under account {account}"
        return limit_exceeded(f"Rate exceeded for {whose}.")
    if stream is None or not about.shards:
        return None
    if operation == "GetRecords":
        return read_rate_exceeded(stream, about.shards[0])
    throttled = rate_exceeded(stream, about.shards[0])
    return Refused(throttled.code, throttled.message)


def _signature_refused(now_ms: int, skew_s: float) -> Refused | None:
    """Return AWS's refusal of a request signed now, by a clock that is `skew_s` ahead of ours."""
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


def _spoiled(store: Store, about: Aim, strikes: Sequence[Strike], now_ms: int) -> Answer:
    """Let the call have its effect, and return what becomes of its answer."""
    failing = [strike for strike in strikes if strike.rule.fault == "throttle"]
    gate = store.throttle
    if failing:
        store.throttle = _Failing(gate, failing)
    try:
        answer = service.answer(store, about.request, now_ms)
    finally:
        store.throttle = gate
    for strike in strikes:
        answer = _spoil(answer, about, strike.rule, now_ms)
    return answer


def _spoil(answer: Answer, about: Aim, rule: Rule, now_ms: int) -> Answer:
    """Return what a fault makes of the answer to a call that had its effect."""
    match rule.fault:
        case "reset" if rule.effect == "after":
            return replace(answer, reset=True)
        case "lost_response":
            return replace(answer, reset=True, delay_ms=answer.delay_ms + rule.hold_ms)
        case "internal_failure" if rule.effect == "after":
            return wire.error(internal_failure(), about.format)
        case "empty_while_behind" | "null_iterator" if answer.status == 200 and about.place is not None:
            read = cast("bytes", answer.body)
            body = _without_iterator(read, about.format) if rule.fault == "null_iterator" else None
            return replace(answer, body=body or _empty(about.place, rule, about.format, now_ms))
        case _:
            return answer


def _empty(place: iterators.ShardIterator, rule: Rule, format: Format, now_ms: int) -> bytes:
    """Return an answer without records that are there; the next iterator is still before them."""
    token = iterators.make(place.then(place.index), now_ms)
    body = {"Records": [], "NextShardIterator": token, "MillisBehindLatest": max(1, rule.behind_ms)}
    return wire.write(body, format)


def _without_iterator(body: bytes, format: Format) -> bytes:
    """Return an answer of `GetRecords` that says there is no more to come, as of a shard read to its end."""
    written = cast("Request", orjson.loads(body) if format is Format.JSON else cbor.loads(body))
    written.pop("NextShardIterator", None)
    if format is Format.CBOR:
        for record in cast("list[Request]", written["Records"]):
            arrived_s = cast("float", record["ApproximateArrivalTimestamp"])
            record["ApproximateArrivalTimestamp"] = wire.Time(round(arrived_s * 1000))
    return wire.write(written, format)


class _Failing(Throttle):
    """Refuses a share of the records of one call, beside what limits refuse."""

    def __init__(self, within: Throttle | None, strikes: Sequence[Strike]) -> None:
        super().__init__(OFF if within is None else within.limits)
        self._within = within
        self._strikes = strikes
        self._records = 0

    def admit(self, stream: Stream, now_ms: int) -> Admit:
        """Return what says of each record whether it is stored."""
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
    """Return how long a fault holds an answer back."""
    if strike.rule.fault != "latency":
        return 0
    low, high = strike.rule.delay_ms
    return low + int(strike.chance("delay") * (high - low + 1))


def _reshard(stream: Stream, rule: Rule, now_ms: int) -> None:
    """Start to split or merge the shards that a rule names; nothing if that cannot be now."""
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
