"""The store of all streams, with retention and a memory cap.

Records older than a stream's retention are deleted, as in AWS. Above `memory_cap_bytes` the oldest records of
all streams are deleted too. AWS has no such cap, so these are counted in `capped` and the server logs them. A
reader whose position is deleted continues at the new trim horizon.

Accounts and Regions are isolated from each other. Time is an argument.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from emulator.kinesis import errors
from emulator.kinesis.state.resharding import Scale
from emulator.kinesis.state.settings import Commitment
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream, Wanted
from emulator.scope import Scope

if TYPE_CHECKING:
    from emulator.kinesis.limits import Throttle

SWEEP_EVERY_MS = 1_000
CAP_SLACK = 64  # Above the cap, 1/64 of it is freed at once, so that the next puts need no trimming.


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """The limits of a store. `shard_limit` is the quota of a large Region (20,000).

    `as_aws` enables AWS's limits per second and per day, and the growth of on-demand streams.
    """

    memory_cap_bytes: int = 1 << 30
    retention_s: int = 86_400
    transition_ms: int = 50
    shard_limit: int = 20_000
    on_demand_stream_limit: int = 50
    as_aws: bool = False


class Journal(Protocol):
    """A second copy of the records, for example on disk."""

    def records(self, shard: Shard, texts: list[bytes], payload_bytes: list[int], arrival_ms: int) -> None:
        """Add records that are about to be appended to a shard."""


@dataclass(slots=True)
class Capped:
    """The records and bytes that the memory cap has deleted so far."""

    records: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Store:
    """The streams, by scope and name."""

    limits: StoreLimits = field(default_factory=StoreLimits)
    retained_bytes: int = 0
    capped: Capped = field(default_factory=Capped)
    _streams: dict[tuple[Scope, str], Stream] = field(default_factory=dict)
    _commitments: dict[Scope, Commitment] = field(default_factory=dict)
    _next_sweep_ms: int = 0
    throttle: Throttle | None = None
    journal: Journal | None = None

    def create(self, scope: Scope, wanted: Wanted, now_ms: int) -> Stream:
        """Create a stream. Raises `Refused` for a name in use, and above the account's limits."""
        if self.find(scope, wanted.name, now_ms) is not None:
            raise errors.stream_exists(wanted.name, scope.account)
        if wanted.mode == "ON_DEMAND":
            self.check_on_demand_limit(scope, now_ms)
        else:
            self.check_shard_limit(scope, wanted.shard_count, now_ms)
        stream = Stream(scope, wanted, now_ms, self.limits.retention_s * 1000, self.limits.transition_ms)
        self._streams[scope, wanted.name] = stream
        return stream

    def find(self, scope: Scope, name: str, now_ms: int) -> Stream | None:
        """Return a stream in any state, or None. Apply changes whose time has come first."""
        stream = self._streams.get((scope, name))
        if stream is not None and stream.is_gone(now_ms):
            del self._streams[scope, name]
            return None
        if stream is not None and stream.updating_ms is not None:
            stream.settle(now_ms)
        return stream

    def delete(self, stream: Stream, now_ms: int) -> None:
        """Start to delete a stream. Its records are deleted at once, its name after the transition."""
        self.retained_bytes -= sum(shard.retained_bytes for shard in stream.shards)
        stream.delete(now_ms)

    def streams(self, scope: Scope, now_ms: int) -> list[Stream]:
        """Return a scope's streams, sorted by name."""
        return [stream for stream in self.all_streams(now_ms) if stream.scope == scope]

    def all_streams(self, now_ms: int) -> list[Stream]:
        """Return all scopes' streams, sorted by name."""
        alive = [stream for stream in self._streams.values() if not stream.is_gone(now_ms)]
        for stream in alive:
            stream.settle(now_ms)
        return sorted(alive, key=lambda stream: stream.name)

    def commitment(self, scope: Scope) -> Commitment:
        """Return a scope's minimum throughput billing commitment."""
        return self._commitments.get(scope, Commitment())

    def set_commitment(self, scope: Scope, commitment: Commitment) -> None:
        """Change a scope's minimum throughput billing commitment."""
        self._commitments[scope] = commitment

    def set_retention(self, stream: Stream, retention_ms: int, now_ms: int) -> None:
        """Change the retention. Delete records that are too old by the old or the new retention."""
        for shard in stream.shards:
            self.expire(stream, shard, now_ms)
        stream.retention_ms = retention_ms
        for shard in stream.shards:
            self.expire(stream, shard, now_ms)

    def append(self, shard: Shard, texts: list[bytes], payload_bytes: list[int], arrival_ms: int) -> None:
        """Add records to a shard. Call `tidy` after the last one of a request."""
        if self.journal is not None:
            self.journal.records(shard, texts, payload_bytes, arrival_ms)
        self.retained_bytes += shard.append(texts, payload_bytes, arrival_ms)

    def tidy(self, now_ms: int) -> None:
        """Delete expired streams and records, once a second, and enforce the memory cap, always."""
        if now_ms >= self._next_sweep_ms:
            self._next_sweep_ms = now_ms + SWEEP_EVERY_MS
            for stream in list(self._streams.values()):
                self.find(stream.scope, stream.name, now_ms)  # Removes a deleted stream.
                for shard in stream.shards:
                    self.expire(stream, shard, now_ms)
                if self.limits.as_aws and stream.mode == "ON_DEMAND":
                    self._grow(stream, now_ms)
        if self.retained_bytes > self.limits.memory_cap_bytes:
            self._cap()

    def expire(self, stream: Stream, shard: Shard, now_ms: int) -> None:
        """Delete a shard's records that are past the retention."""
        self.retained_bytes -= shard.trim_before(now_ms - stream.retention_ms)

    def _cap(self) -> None:
        """Delete the oldest records of all shards, to somewhat below the cap.

        The cuts are determined first and made once per shard, because each cut moves the remaining records.
        """
        cap = self.limits.memory_cap_bytes
        excess = self.retained_bytes - (cap - cap // CAP_SLACK)
        shards = [shard for stream in self._streams.values() for shard in stream.shards if shard.record_count]
        cuts = [0] * len(shards)
        heads = [(shard.arrival_at(0), at) for at, shard in enumerate(shards)]
        heapq.heapify(heads)
        while excess > 0 and heads:
            _, at = heapq.heappop(heads)
            until_ms = heads[0][0] if heads else shards[at].arrival_at(-1)
            cuts[at], passed_bytes = shards[at].pass_over(cuts[at], until_ms, excess)
            excess -= passed_bytes
            if cuts[at] < shards[at].record_count:
                heapq.heappush(heads, (shards[at].arrival_at(cuts[at]), at))
        for shard, cut in zip(shards, cuts, strict=True):
            freed_bytes = shard.drop(cut)
            self.retained_bytes -= freed_bytes
            self.capped.records += cut
            self.capped.bytes += freed_bytes

    def _grow(self, stream: Stream, now_ms: int) -> None:
        """Scale an on-demand stream to the shards that its writes need."""
        count = stream.grow(now_ms)
        if count is not None:
            stream.start_update(Scale(count), now_ms)

    def check_shard_limit(self, scope: Scope, more: int, now_ms: int) -> None:
        """Check the account's shard limit, without shards of on-demand streams. Raises `Refused`."""
        provisioned = (s for s in self.streams(scope, now_ms) if s.mode == "PROVISIONED")
        have = sum(len(stream.open_shards) for stream in provisioned)
        if have + more > self.limits.shard_limit:
            raise errors.too_many_shards(scope, have, self.limits.shard_limit, more)

    def check_on_demand_limit(self, scope: Scope, now_ms: int) -> None:
        """Check the account's limit of on-demand streams. Raises `Refused`."""
        have = self.on_demand_streams(scope, now_ms)
        if have >= self.limits.on_demand_stream_limit:
            raise errors.too_many_on_demand_streams(scope, have, self.limits.on_demand_stream_limit)

    def on_demand_streams(self, scope: Scope, now_ms: int) -> int:
        """Return the number of on-demand streams in a scope."""
        return sum(stream.mode == "ON_DEMAND" for stream in self.streams(scope, now_ms))
