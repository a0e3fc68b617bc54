"""One stream: its state, its settings, and the routing of records to shards.

The state is a function of time: a stream is CREATING for `transition_ms`, then ACTIVE. A change makes it
UPDATING for the same time, and takes effect at the end. After `DeleteStream` it is DELETING for the same
time, then deleted. No timers are needed: `Store.find` calls `settle`, which applies a change whose time has
come, as of that time. All fields are plain values, so that a stream can be stored, and each change has a
method.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Literal

from emulator.kinesis.state.consumers import Consumer
from emulator.kinesis.state.growth import Writes
from emulator.kinesis.state.resharding import Reshard, Scale, open_shards, reshard
from emulator.kinesis.state.shards import Shard, split_evenly
from emulator.scope import Scope

Status = Literal["CREATING", "ACTIVE", "UPDATING", "DELETING"]
StreamMode = Literal["PROVISIONED", "ON_DEMAND"]
Strategy = Literal["AUTO", "USER_PARTITION_KEY"]
DEFAULT_MAX_RECORD_KIB = 1024  # CreateStream: MaxRecordSizeInKiB


@dataclass(frozen=True, slots=True)
class Wanted:
    """The settings in a `CreateStream` request."""

    name: str
    shard_count: int
    mode: StreamMode = "PROVISIONED"
    max_record_kib: int = DEFAULT_MAX_RECORD_KIB
    tags: tuple[tuple[str, str], ...] = ()
    warm_mibps: int | None = None
    strategy: Strategy = "USER_PARTITION_KEY"


@dataclass(frozen=True, slots=True)
class Encryption:
    """The encryption key of a stream; empty without encryption. The emulator does not encrypt data."""

    key_id: str = ""

    @property
    def type(self) -> str:
        """The encryption type in the API."""
        return "KMS" if self.key_id else "NONE"


Change = Reshard | Encryption
"""A change that takes effect when the stream is ACTIVE again."""


@dataclass(slots=True)
class Stream:
    """A stream in one scope. `shards` has all its shards by number, including closed and expired ones."""

    scope: Scope
    wanted: Wanted
    created_ms: int
    retention_ms: int
    transition_ms: int
    deleted_ms: int | None = None
    shards: list[Shard] = field(default_factory=list)
    mode: StreamMode = "PROVISIONED"
    strategy: Strategy = "USER_PARTITION_KEY"
    max_record_kib: int = DEFAULT_MAX_RECORD_KIB
    warm_mibps: int | None = None
    encryption: Encryption = Encryption()
    metrics: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    policy: str = ""
    consumers: dict[str, Consumer] = field(default_factory=dict)
    updating_ms: int | None = None
    pending: Change | None = None
    scaled_ms: tuple[int, ...] = ()
    switched_ms: tuple[int, ...] = ()
    encrypted_ms: tuple[int, ...] = ()
    writes: Writes = field(default_factory=Writes)
    _written_as: Encryption = Encryption()
    _starts: list[bytes] = field(default_factory=list)
    _open: list[Shard] = field(default_factory=list)
    _turn: int = 0

    def __post_init__(self) -> None:
        wanted = self.wanted
        self.shards = split_evenly(wanted.shard_count, self.created_ms)
        self.mode, self.strategy, self.warm_mibps = wanted.mode, wanted.strategy, wanted.warm_mibps
        self.max_record_kib = wanted.max_record_kib
        self.tags = dict(wanted.tags)
        self.writes = Writes(self.created_ms)
        self.route()

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.wanted.name

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self.scope.stream_arn(self.name)

    @property
    def max_record_bytes(self) -> int:
        """The maximum size of a record including its partition key."""
        return self.max_record_kib << 10

    @property
    def encryption_type(self) -> str:
        """The encryption type of records put now. A change takes effect when the stream is ACTIVE again."""
        return self._written_as.type

    @property
    def open_shards(self) -> list[Shard]:
        """The open shards, sorted by hash range."""
        return self._open

    @property
    def settles_ms(self) -> int | None:
        """The time at which the pending change takes effect, or None."""
        return None if self.updating_ms is None else self.updating_ms + self.transition_ms

    def status(self, now_ms: int) -> Status:
        """Return the state of the stream."""
        if self.deleted_ms is not None:
            return "DELETING"
        if now_ms < self.created_ms + self.transition_ms:
            return "CREATING"
        return "ACTIVE" if self.settles_ms is None or now_ms >= self.settles_ms else "UPDATING"

    def is_gone(self, now_ms: int) -> bool:
        """Return True if the stream is deleted and its name is free again."""
        return self.deleted_ms is not None and now_ms >= self.deleted_ms + self.transition_ms

    def visible_shards(self, now_ms: int) -> list[Shard]:
        """Return the shards for descriptions: none while CREATING, and none past the retention."""
        if self.status(now_ms) == "CREATING":
            return []
        horizon_ms = now_ms - self.retention_ms
        return [shard for shard in self.shards if not shard.is_expired(horizon_ms)]

    def shard(self, number: int, now_ms: int) -> Shard | None:
        """Return one of the visible shards, or None."""
        return next((shard for shard in self.visible_shards(now_ms) if shard.number == number), None)

    def start_update(self, change: Change | None, now_ms: int) -> None:
        """Set the state to UPDATING. The change, if any, takes effect at its end."""
        self.updating_ms, self.pending = now_ms, change
        if isinstance(change, Encryption):
            self.encryption = change
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """Apply the pending change if its time has come."""
        at_ms = self.settles_ms
        if at_ms is None or now_ms < at_ms or self.deleted_ms is not None:
            return
        change, self.pending, self.updating_ms = self.pending, None, None
        if isinstance(change, Encryption):
            self._written_as = change
        elif change is not None:
            reshard(self.shards, change, at_ms)
            self.route()

    def start_scaling(self, count: int, now_ms: int) -> None:
        """Start to scale the open shards to a count, for `UpdateShardCount`."""
        self.scaled_ms = (*self.scaled_ms, now_ms)
        self.start_update(Scale(count), now_ms)

    def start_encryption(self, encryption: Encryption, now_ms: int) -> None:
        """Start to change the encryption."""
        self.encrypted_ms = (*self.encrypted_ms, now_ms)
        self.start_update(encryption, now_ms)

    def switch_mode(self, mode: StreamMode, warm_mibps: int | None, now_ms: int) -> None:
        """Change the capacity mode. As in AWS the shards stay, unless warm throughput needs more."""
        self.switched_ms = (*self.switched_ms, now_ms)
        self.mode = mode
        self.strategy = "USER_PARTITION_KEY"
        self.warm_up(warm_mibps, now_ms)

    def warm_up(self, warm_mibps: int | None, now_ms: int) -> None:
        """Start to scale to one shard for each MiB/s of warm throughput. Existing shards stay."""
        self.warm_mibps = warm_mibps
        self.start_update(Scale(max(len(self._open), warm_mibps or 0)), now_ms)

    def set_strategy(self, strategy: Strategy) -> None:
        """Change the record distribution strategy."""
        self.strategy = strategy

    def set_max_record(self, kib: int, now_ms: int) -> None:
        """Change the maximum record size."""
        self.max_record_kib = kib
        self.start_update(None, now_ms)

    def set_metrics(self, metrics: Iterable[str]) -> None:
        """Change the list of shard-level metrics. The emulator does not publish them."""
        self.metrics = tuple(metrics)

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or replace their values."""
        self.tags.update(tags)

    def remove_tags(self, keys: Iterable[str]) -> None:
        """Remove tags. Unknown keys are ignored."""
        for key in keys:
            self.tags.pop(key, None)

    def set_policy(self, policy: str) -> None:
        """Attach a resource policy. An empty policy detaches it."""
        self.policy = policy

    def register(self, name: str, tags: Mapping[str, str], now_ms: int) -> Consumer:
        """Register a consumer."""
        consumer = Consumer(self.arn, name, now_ms, self.transition_ms, tags=dict(tags))
        self.consumers[name] = consumer
        return consumer

    def consumer(self, name: str, now_ms: int) -> Consumer | None:
        """Return a consumer in any state, or None."""
        return next((consumer for consumer in self.live_consumers(now_ms) if consumer.name == name), None)

    def live_consumers(self, now_ms: int) -> list[Consumer]:
        """Return the consumers that are not deleted, sorted by name."""
        alive = (consumer for consumer in self.consumers.values() if not consumer.is_gone(now_ms))
        return sorted(alive, key=lambda consumer: consumer.name)

    def grow(self, now_ms: int) -> int | None:
        """Measure an on-demand stream's writes. Return the number of shards if it needs more, or None."""
        self.writes = self.writes.observe(self.shards, now_ms)
        wanted = self.writes.shards_wanted()
        return wanted if wanted > len(self._open) and self.status(now_ms) == "ACTIVE" else None

    def delete(self, now_ms: int) -> None:
        """Start the deletion. Records and consumers are deleted at once, the name after the transition."""
        self.deleted_ms = now_ms
        shards, self.shards = self.shards, []
        self.consumers.clear()
        self.route()
        for shard in shards:
            shard.wake()

    def route(self) -> None:
        """Update the routing table. Required after every change of the open shards."""
        self._open = open_shards(self.shards)
        self._starts = [shard.starting_hash_key.to_bytes(16, "big") for shard in self._open]

    def place_of_key(self, partition_key: str) -> int:
        """Return the place of a partition key's shard among the open shards, by its MD5."""
        if len(self._starts) == 1:
            return 0
        if self.strategy == "AUTO":
            return self._next_turn()
        digest = md5(partition_key.encode(), usedforsecurity=False).digest()
        return bisect_right(self._starts, digest) - 1

    def place_of_hash(self, hash_key: int) -> int:
        """Return the place of an explicit hash key's shard among the open shards."""
        if self.strategy == "AUTO":
            return self._next_turn()
        return bisect_right(self._starts, hash_key.to_bytes(16, "big")) - 1

    def _next_turn(self) -> int:
        """Return the place of the next shard in turn. AWS documents only an even distribution."""
        self._turn += 1
        return self._turn % len(self._starts)
