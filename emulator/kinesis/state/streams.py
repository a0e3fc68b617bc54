"""One stream: its state over time, what it is set to, and which shard a record belongs to.

State is a function of time: a stream is CREATING until `transition_ms` have passed, then ACTIVE; a change
makes it UPDATING as long, and takes effect at the end; after `DeleteStream` it is DELETING as long, then
gone. No timer is needed, and none can be forgotten: `settle`, which `Store.find` calls, carries out a change
whose time has come, as of that time. All fields are plain values, so that a stream can be written down, and
each change has a method.
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
    """What `CreateStream` asks for."""

    name: str
    shard_count: int
    mode: StreamMode = "PROVISIONED"
    max_record_kib: int = DEFAULT_MAX_RECORD_KIB
    tags: tuple[tuple[str, str], ...] = ()
    warm_mibps: int | None = None
    strategy: Strategy = "USER_PARTITION_KEY"


@dataclass(frozen=True, slots=True)
class Encryption:
    """With which key records are to be encrypted; with none when that is empty. Nothing ever is, here."""

    key_id: str = ""

    @property
    def type(self) -> str:
        """The encryption as the API calls it."""
        return "KMS" if self.key_id else "NONE"


Change = Reshard | Encryption
"""What takes effect when a stream is ACTIVE again."""


@dataclass(slots=True)
class Stream:
    """A stream in one scope. `shards` are all it ever had, by number, closed and expired ones too."""

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
        """The largest record the stream takes, partition key included."""
        return self.max_record_kib << 10

    @property
    def encryption_type(self) -> str:
        """The encryption of records put now: a new one begins when the stream is ACTIVE again."""
        return self._written_as.type

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, by hash range."""
        return self._open

    @property
    def settles_ms(self) -> int | None:
        """When the change that is under way takes effect; None if there is none."""
        return None if self.updating_ms is None else self.updating_ms + self.transition_ms

    def status(self, now_ms: int) -> Status:
        """Return the state the stream is in."""
        if self.deleted_ms is not None:
            return "DELETING"
        if now_ms < self.created_ms + self.transition_ms:
            return "CREATING"
        return "ACTIVE" if self.settles_ms is None or now_ms >= self.settles_ms else "UPDATING"

    def is_gone(self, now_ms: int) -> bool:
        """Say whether the stream's name is free again."""
        return self.deleted_ms is not None and now_ms >= self.deleted_ms + self.transition_ms

    def visible_shards(self, now_ms: int) -> list[Shard]:
        """Return the shards to be shown: none before the stream is there, none that are past retention."""
        if self.status(now_ms) == "CREATING":
            return []
        horizon_ms = now_ms - self.retention_ms
        return [shard for shard in self.shards if not shard.is_expired(horizon_ms)]

    def shard(self, number: int, now_ms: int) -> Shard | None:
        """Return one of the visible shards."""
        return next((shard for shard in self.visible_shards(now_ms) if shard.number == number), None)

    def start_update(self, change: Change | None, now_ms: int) -> None:
        """Be UPDATING for a while; the change, if any, takes effect then."""
        self.updating_ms, self.pending = now_ms, change
        if isinstance(change, Encryption):
            self.encryption = change
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """Carry out the change whose time has come."""
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
        """Start to bring the open shards to a count, as `UpdateShardCount` does."""
        self.scaled_ms = (*self.scaled_ms, now_ms)
        self.start_update(Scale(count), now_ms)

    def start_encryption(self, encryption: Encryption, now_ms: int) -> None:
        """Start to encrypt with a key, or with none."""
        self.encrypted_ms = (*self.encrypted_ms, now_ms)
        self.start_update(encryption, now_ms)

    def switch_mode(self, mode: StreamMode, warm_mibps: int | None, now_ms: int) -> None:
        """Change the capacity mode. The shards stay, as in AWS, unless more are wanted to be warm."""
        self.switched_ms = (*self.switched_ms, now_ms)
        self.mode = mode
        self.strategy = "USER_PARTITION_KEY"
        self.warm_up(warm_mibps, now_ms)

    def warm_up(self, warm_mibps: int | None, now_ms: int) -> None:
        """Start to have a shard for each MiB/s that is wanted. What is there already, stays."""
        self.warm_mibps = warm_mibps
        self.start_update(Scale(max(len(self._open), warm_mibps or 0)), now_ms)

    def set_strategy(self, strategy: Strategy) -> None:
        """Change how records are shared among shards, from now on."""
        self.strategy = strategy

    def set_max_record(self, kib: int, now_ms: int) -> None:
        """Change the largest record."""
        self.max_record_kib = kib
        self.start_update(None, now_ms)

    def set_metrics(self, metrics: Iterable[str]) -> None:
        """Change which metrics of shards are published; none ever is, here."""
        self.metrics = tuple(metrics)

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or give them other values."""
        self.tags.update(tags)

    def remove_tags(self, keys: Iterable[str]) -> None:
        """Remove the tags that are there."""
        for key in keys:
            self.tags.pop(key, None)

    def set_policy(self, policy: str) -> None:
        """Attach a resource policy; detach it when that is empty."""
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
        """Return the consumers that are not gone, by name."""
        alive = (consumer for consumer in self.consumers.values() if not consumer.is_gone(now_ms))
        return sorted(alive, key=lambda consumer: consumer.name)

    def grow(self, now_ms: int) -> int | None:
        """Look at an on-demand stream's writes; return how many shards it needs if it has fewer."""
        self.writes = self.writes.observe(self.shards, now_ms)
        wanted = self.writes.shards_wanted()
        return wanted if wanted > len(self._open) and self.status(now_ms) == "ACTIVE" else None

    def delete(self, now_ms: int) -> None:
        """Start to be deleted. Records and consumers are gone at once; the name, a moment later."""
        self.deleted_ms = now_ms
        shards, self.shards = self.shards, []
        self.consumers.clear()
        self.route()
        for shard in shards:
            shard.wake()

    def route(self) -> None:
        """Learn which shards are open. To be called whenever that changes."""
        self._open = open_shards(self.shards)
        self._starts = [shard.starting_hash_key.to_bytes(16, "big") for shard in self._open]

    def place_of_key(self, partition_key: str) -> int:
        """Return which of the open shards a partition key belongs to: MD5, compared as bytes."""
        if len(self._starts) == 1:
            return 0
        if self.strategy == "AUTO":
            return self._next_turn()
        digest = md5(partition_key.encode(), usedforsecurity=False).digest()
        return bisect_right(self._starts, digest) - 1

    def place_of_hash(self, hash_key: int) -> int:
        """Return which of the open shards an explicit hash key belongs to."""
        if self.strategy == "AUTO":
            return self._next_turn()
        return bisect_right(self._starts, hash_key.to_bytes(16, "big")) - 1

    def _next_turn(self) -> int:
        """Return the shards in turn, whatever the key: AWS says no more than that it shares evenly."""
        self._turn += 1
        return self._turn % len(self._starts)
