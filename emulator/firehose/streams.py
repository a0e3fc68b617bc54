"""The delivery streams: description, state and buffered records. Pure.

The state is a function of time, as for Kinesis streams: CREATING, ACTIVE, DELETING, gone. So is the state of
the encryption.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from emulator.firehose import errors
from emulator.firehose.buffers import Buffer
from emulator.firehose.destinations.destinations import Destination
from emulator.kinesis.protocol.wire import Request
from emulator.scope import Scope

Status = Literal["CREATING", "ACTIVE", "DELETING"]
STREAMS_MAX = 5_000  # Developer Guide, "Firehose quotas", for each account and Region
BUFFERED_MAX_BYTES = 256 << 20
"""The limit of one stream's buffers: twice the largest buffer. Above it, puts are throttled."""


@dataclass(slots=True)
class Source:
    """A Kinesis stream as a source. `positions` is the next index of each known shard."""

    stream_arn: str
    role_arn: str
    scope: Scope
    stream_name: str
    stream_created_ms: int
    positions: dict[int, int]


@dataclass(slots=True)
class Encryption:
    """The latest encryption request, and its time."""

    config: Request = field(default_factory=dict)
    is_wanted: bool = False
    since_ms: int = 0


@dataclass(slots=True)
class RecordCounts:
    """The delivery counts of the records, for `summary`."""

    taken: int = 0
    delivered: int = 0
    deliveries: int = 0
    failed_attempts: int = 0
    set_aside: int = 0
    dropped: int = 0


@dataclass(slots=True)
class DeliveryStream:
    """A delivery stream in one scope. `failure` is the error of the last delivery; a success clears it."""

    scope: Scope
    name: str
    destination: Destination
    created_ms: int
    transition_ms: int
    source: Source | None = None
    version: int = 1
    updated_ms: int | None = None
    deleted_ms: int | None = None
    encryption: Encryption = field(default_factory=Encryption)
    tags: dict[str, str | None] = field(default_factory=dict)
    buffer: Buffer = field(default_factory=Buffer)
    backup_buffer: Buffer = field(default_factory=Buffer)
    counts: RecordCounts = field(default_factory=RecordCounts)
    failure: str = ""

    @property
    def arn(self) -> str:
        """Return the ARN of the delivery stream."""
        return f"arn:aws:firehose:{self.scope.region}:{self.scope.account}:deliverystream/{self.name}"

    @property
    def type(self) -> str:
        """Return the type of its source."""
        return "DirectPut" if self.source is None else "KinesisStreamAsSource"

    @property
    def buffered_bytes(self) -> int:
        """Return the number of buffered bytes."""
        return self.buffer.bytes + self.backup_buffer.bytes

    def status(self, now_ms: int) -> Status:
        """Return the state of the stream."""
        if self.deleted_ms is not None:
            return "DELETING"
        return "CREATING" if now_ms < self.created_ms + self.transition_ms else "ACTIVE"

    def is_gone(self, now_ms: int) -> bool:
        """Return True if the stream is deleted and its name is free again."""
        return self.deleted_ms is not None and now_ms >= self.deleted_ms + self.transition_ms

    def encryption_status(self, now_ms: int) -> str:
        """Return the state of the encryption at rest."""
        is_done = now_ms >= self.encryption.since_ms + self.transition_ms
        if self.encryption.is_wanted:
            return "ENABLED" if is_done else "ENABLING"
        return "DISABLED" if is_done else "DISABLING"

    def describe(self, now_ms: int) -> Request:
        """Return the description for `DescribeDeliveryStream`."""
        description: Request = {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn,
            "DeliveryStreamStatus": self.status(now_ms),
            "DeliveryStreamEncryptionConfiguration": {
                **self.encryption.config,
                "Status": self.encryption_status(now_ms),
            },
            "DeliveryStreamType": self.type,
            "VersionId": str(self.version),
            "CreateTimestamp": self.created_ms / 1000,
            "Destinations": [self.destination.describe()],
            "HasMoreDestinations": False,
        }
        if self.updated_ms is not None:
            description["LastUpdateTimestamp"] = self.updated_ms / 1000
        if self.failure:
            description["FailureDescription"] = {"Type": "UNKNOWN_ERROR", "Details": self.failure}
        if self.source is not None:
            description["Source"] = {
                "KinesisStreamSourceDescription": {
                    "KinesisStreamARN": self.source.stream_arn,
                    "RoleARN": self.source.role_arn,
                    "DeliveryStartTimestamp": self.created_ms / 1000,
                }
            }
        return description


@dataclass(slots=True)
class DeliveryStreams:
    """All delivery streams of all scopes."""

    _streams: dict[tuple[Scope, str], DeliveryStream] = field(default_factory=dict)

    def add(self, stream: DeliveryStream, now_ms: int) -> None:
        """Add a new stream. Refuse a name that is in use, and a stream beyond the limit."""
        if self.has(stream.scope, stream.name, now_ms):
            raise errors.exists(stream.name, stream.scope.account)
        have = self.of(stream.scope, now_ms)
        if len(have) >= STREAMS_MAX:
            raise errors.too_many([each.name for each in have], STREAMS_MAX)
        self._streams[stream.scope, stream.name] = stream

    def has(self, scope: Scope, name: str, now_ms: int) -> bool:
        """Return True if a name is in use."""
        return self._find(scope, name, now_ms) is not None

    def get(self, scope: Scope, name: str, now_ms: int) -> DeliveryStream:
        """Return a stream in any state. Refuse a name that does not exist."""
        stream = self._find(scope, name, now_ms)
        if stream is None:
            raise errors.not_found(name, scope.account)
        return stream

    def of(self, scope: Scope, now_ms: int) -> list[DeliveryStream]:
        """Return a scope's streams, by name."""
        alive = (s for s in self._streams.values() if s.scope == scope and not s.is_gone(now_ms))
        return sorted(alive, key=lambda stream: stream.name)

    def all(self) -> list[DeliveryStream]:
        """Return every stream, including those that are being deleted."""
        return list(self._streams.values())

    def forget_gone(self, now_ms: int) -> None:
        """Delete the streams whose names are free."""
        for key in [key for key, stream in self._streams.items() if stream.is_gone(now_ms)]:
            del self._streams[key]

    def _find(self, scope: Scope, name: str, now_ms: int) -> DeliveryStream | None:
        stream = self._streams.get((scope, name))
        return None if stream is None or stream.is_gone(now_ms) else stream
