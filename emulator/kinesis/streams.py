"""One stream: its state over time, and which shard a record belongs to.

State is a function of time: a stream is CREATING until `transition_ms` have passed, then ACTIVE; after
`DeleteStream` it is DELETING as long, then gone. No timer is needed, and none can be forgotten.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from hashlib import md5
from typing import Literal

from emulator.kinesis.shards import Shard, split_evenly
from emulator.kinesis.wire import Scope

Status = Literal["CREATING", "ACTIVE", "DELETING"]
StreamMode = Literal["PROVISIONED", "ON_DEMAND"]
DEFAULT_MAX_RECORD_KIB = 1024  # CreateStream: MaxRecordSizeInKiB


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `CreateStream` asks for."""

    name: str
    shard_count: int
    mode: StreamMode = "PROVISIONED"
    max_record_kib: int = DEFAULT_MAX_RECORD_KIB
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Stream:
    """A stream in one scope. `shards` are all it ever had, by number, closed ones too."""

    scope: Scope
    wanted: Wanted
    created_ms: int
    retention_ms: int
    transition_ms: int
    deleted_ms: int | None = None
    shards: list[Shard] = field(default_factory=list)
    _starts: list[bytes] = field(default_factory=list)
    _open: list[Shard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shards = split_evenly(self.wanted.shard_count, self.created_ms)
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
        return self.wanted.max_record_kib << 10

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, by hash range."""
        return self._open

    def status(self, now_ms: int) -> Status:
        """Return the state the stream is in."""
        if self.deleted_ms is not None:
            return "DELETING"
        return "CREATING" if now_ms < self.created_ms + self.transition_ms else "ACTIVE"

    def is_gone(self, now_ms: int) -> bool:
        """Say whether the stream's name is free again."""
        return self.deleted_ms is not None and now_ms >= self.deleted_ms + self.transition_ms

    def visible_shards(self, now_ms: int) -> list[Shard]:
        """Return the shards to be shown: none before the stream is there."""
        return [] if self.status(now_ms) == "CREATING" else self.shards

    def route(self) -> None:
        """Learn which shards are open. To be called whenever that changes."""
        self._open = sorted(
            (shard for shard in self.shards if shard.ended_ms is None), key=lambda s: s.starting_hash_key
        )
        self._starts = [shard.starting_hash_key.to_bytes(16, "big") for shard in self._open]

    def place_of_key(self, partition_key: str) -> int:
        """Return which of the open shards a partition key belongs to: MD5, compared as bytes."""
        if len(self._starts) == 1:
            return 0
        digest = md5(partition_key.encode(), usedforsecurity=False).digest()
        return bisect_right(self._starts, digest) - 1

    def place_of_hash(self, hash_key: int) -> int:
        """Return which of the open shards an explicit hash key belongs to."""
        return bisect_right(self._starts, hash_key.to_bytes(16, "big")) - 1
