"""The target of a request before it is answered: its stream, and the shards that it reads or writes.

Fault rules select calls by target. A malformed request, or one for a stream that does not exist, has no
target; the service refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.faults.rules import FaultTarget
from emulator.kinesis.errors import Refused
from emulator.kinesis.limits import stream_named
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import Format, Request
from emulator.kinesis.service import HttpRequest
from emulator.kinesis.state import sequence_numbers
from emulator.kinesis.state.shards import MAX_HASH_KEY, Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store
from emulator.kinesis.tokens import iterators


@dataclass(frozen=True, slots=True)
class CallTarget:
    """A request with its stream and shards, if they exist. `place` is the position of its iterator."""

    request: HttpRequest
    format: Format
    stream: Stream | None = None
    shards: Sequence[Shard] = ()
    place: iterators.ShardIterator | None = None

    def target(self) -> FaultTarget:
        """Return the target for the fault rules."""
        name = "" if self.stream is None else self.stream.name
        shown = frozenset(shard.shard_id for shard in self.shards)
        return FaultTarget(self.request.operation, name, shown, self._records_put)

    def _records_put(self, shard_id: str) -> int:
        shards = [] if self.stream is None else self.stream.shards
        return sum(shard.next_index - 1 for shard in shards if shard.shard_id == shard_id)


def call_target(store: Store, request: HttpRequest, now_ms: int) -> CallTarget:
    """Return the target of a request."""
    format = wire.format_of(request.content_type) or Format.JSON
    place = None
    try:
        body = wire.read(request.body, format)
        token = body.get("ShardIterator")
        if isinstance(token, str):
            place = iterators.read(token, now_ms)
    except Refused:
        return CallTarget(request, format)
    name = place.stream_name if place is not None else stream_named(body)
    stream = store.find(request.scope, name, now_ms)
    if stream is None:
        return CallTarget(request, format)
    if place is not None:
        shards = [shard for shard in stream.shards if shard.number == place.shard]
        return CallTarget(request, format, stream, shards, place)
    return CallTarget(request, format, stream, _shards(stream, body))


def _shards(stream: Stream, body: Request) -> list[Shard]:
    for field in ("ShardId", "ShardToSplit", "ShardToMerge"):
        named = body.get(field)
        if isinstance(named, str):
            number = sequence_numbers.shard_of(named)
            return [shard for shard in stream.shards if shard.number == number]
    entries = body.get("Records", [body])
    if not isinstance(entries, list) or not stream.open_shards:
        return []
    if stream.strategy == "AUTO":
        return stream.open_shards
    places = {_place(stream, entry) for entry in entries if isinstance(entry, dict)} - {-1}
    return [stream.open_shards[place] for place in sorted(places)]


def _place(stream: Stream, entry: Request) -> int:
    """Return the position of a record's shard among the open shards, or -1 if the record is invalid."""
    key, hash_key = entry.get("PartitionKey"), entry.get("ExplicitHashKey")
    if isinstance(hash_key, str) and hash_key.isdecimal() and int(hash_key) <= MAX_HASH_KEY:
        return stream.place_of_hash(int(hash_key))
    return stream.place_of_key(key) if isinstance(key, str) else -1
