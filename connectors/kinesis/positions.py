"""The positions in streams and shards, the shards that may be read next, and the slot of each shard.

A stream is identified by its name and creation time, so that a recreated stream is a different one. A
shard starts when every parent that the stream still lists has ended, so that a key's records stay in order
through splits and merges. Sequence numbers are compared as integers: they differ in length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from connectors.kafka.partitioner import slot_of
from connectors.progress import NONE

HOUR_MS = 3_600_000
_NEVER_MS = 1 << 62
WHOLE = -1
"""The sub-sequence number of a record that is done as a whole."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as `DescribeStreamSummary` shows it. `created_ms` is epoch milliseconds."""

    name: str
    arn: str
    created_ms: int
    retention_h: int = 24
    is_active: bool = True

    @property
    def key(self) -> str:
        """Return the stream's unique key; it differs from that of an earlier stream of the same name."""
        return f"{self.name}@{self.created_ms}"


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as `ListShards` shows it."""

    shard_id: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """The place of the next record: after `sequence_number`, at `at_ms` (epoch ms), or at the horizon.

    `sub` is the last user record done inside a KPL aggregate of that number, or `WHOLE`. `arrival_ms` is the
    arrival of the last record, `behind_ms` its MillisBehindLatest, `read_ms` the time of the answer: they
    are displayed, and show if the retention has passed. `newest` is the newest `start` of its lines, epoch s.
    """

    sequence_number: str = ""
    at_ms: int = 0
    is_ended: bool = False
    sub: int = WHOLE
    arrival_ms: int = 0
    behind_ms: int = 0
    read_ms: int = 0
    newest: int = NONE

    def encode(self) -> bytes:
        """Return the value kept on the `positions` topic."""
        return b"%b" % orjson.dumps(self)  # an exact copy: orjson's own result keeps a larger buffer

    @property
    def place(self) -> str:
        """Return the position as text: `TRIM_HORIZON`, `@<epoch ms>`, or the number and sub-sequence."""
        if not self.sequence_number:
            return f"@{self.at_ms}" if self.at_ms else "TRIM_HORIZON"
        return self.sequence_number if self.sub == WHOLE else f"{self.sequence_number}:{self.sub}"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The starting point of a stream, stored when the stream is first seen and before anything is read.

    `at_ms` is 0 for the horizon; otherwise the shards that existed then begin at that time. `LATEST` is
    stored as the current time, so that no record between two starts of the process is skipped.
    """

    at_ms: int = 0
    shards: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the value kept on the `positions` topic."""
        return b"%b" % orjson.dumps(self)

    def of(self, shard_id: str) -> Position:
        """Return where a shard begins: one that came later holds nothing older, so at its beginning."""
        return Position(at_ms=self.at_ms) if shard_id in self.shards else Position()


def decode_position(value: bytes) -> Position:
    """Decode a position."""
    return Position(**orjson.loads(value))


def decode_beginning(value: bytes) -> Beginning:
    """Decode the starting point of a stream."""
    found = orjson.loads(value)
    return Beginning(found["at_ms"], tuple(found["shards"]))


def shard_key(stream: str, shard_id: str) -> bytes:
    """Return the key of a shard's position; `stream` is `Stream.key`."""
    return f"shard|{stream}|{shard_id}".encode()


def stream_key(stream: str) -> bytes:
    """Return the key of a stream's beginning; `stream` is `Stream.key`."""
    return f"stream|{stream}".encode()


def slot_of_shard(stream: str, shard_id: str, slots: int) -> int:
    """Return the slot of a shard of a stream; shard ids are the same in every stream."""
    return slot_of(f"{stream}/{shard_id}", slots)


def startable(
    shards: Iterable[Shard], positions: Mapping[bytes, bytes], stream: str, mine: frozenset[int], slots: int
) -> list[Shard]:
    """Return the shards of my slots that may be read now: not ended, and every listed parent ended."""
    listed = {shard.shard_id: shard for shard in shards}
    ended = {shard_id for shard_id in listed if _has_ended(positions.get(shard_key(stream, shard_id)))}
    return [
        shard
        for shard_id, shard in listed.items()
        if slot_of_shard(stream, shard_id, slots) in mine
        and shard_id not in ended
        and all(parent in ended or parent not in listed for parent in shard.parents)
    ]


def waiting_parents(
    shards: Iterable[Shard], positions: Mapping[bytes, bytes], stream: str, mine: frozenset[int], slots: int
) -> list[str]:
    """Return the ids of ended shards of my slots that hold the watermark: no child of theirs has begun.

    A shard that has ended has children. One whose children are not listed yet was listed before it was split
    or merged, so it holds as well.
    """
    listed = list(shards)
    children: dict[str, list[str]] = {shard.shard_id: [] for shard in listed}
    for shard in listed:
        for parent in shard.parents:
            children.setdefault(parent, []).append(shard.shard_id)
    return [
        shard.shard_id
        for shard in listed
        if slot_of_shard(stream, shard.shard_id, slots) in mine
        and _has_ended(positions.get(shard_key(stream, shard.shard_id)))
        and not _have_begun(children[shard.shard_id], positions, stream)
    ]


def without_children(shards: Iterable[Shard], shard_ids: Iterable[str]) -> list[str]:
    """Return those of some shards that have no listed child."""
    parents = {parent for shard in shards for parent in shard.parents}
    return [shard_id for shard_id in shard_ids if shard_id not in parents]


def _have_begun(children: list[str], positions: Mapping[bytes, bytes], stream: str) -> bool:
    return bool(children) and all(shard_key(stream, child) in positions for child in children)


def gone(shards: Iterable[Shard], positions: Mapping[bytes, bytes], stream: str) -> dict[str, Position]:
    """Return the lost shards: not read to their end, and no longer listed.

    A closed shard is listed until its retention has passed (Kinesis guide, "Resharding").
    """
    listed, head = {shard_key(stream, shard.shard_id) for shard in shards}, shard_key(stream, "")
    return {
        key.removeprefix(head).decode(): position
        for key, value in positions.items()
        if key.startswith(head) and key not in listed and not (position := decode_position(value)).is_ended
    }


def earlier(stream: Stream, positions: Mapping[bytes, bytes]) -> list[str]:
    """Return the keys of known earlier streams of the same name."""
    head, kind = stream_key(f"{stream.name}@"), stream_key("")
    known = [key.removeprefix(kind).decode() for key in positions if key.startswith(head)]
    return sorted(key for key in known if int(key.rpartition("@")[2]) < stream.created_ms)


def expires(position: Position, retention_h: int) -> int:
    """Return when the first record after a position may expire, epoch ms.

    Everything that arrived before `read_ms - behind_ms` was read. A position that was never read has no such
    time.
    """
    if not position.read_ms:
        return _NEVER_MS
    return position.read_ms - position.behind_ms + retention_h * HOUR_MS


def is_trimmed(position: Position, horizon: str) -> bool:
    """Return whether records after a position may have expired; `horizon` is the oldest record's number.

    If the record at the position, or an older one, still exists, nothing is lost.
    """
    return int(horizon) > int(position.sequence_number)


def _has_ended(value: bytes | None) -> bool:
    return value is not None and decode_position(value).is_ended
