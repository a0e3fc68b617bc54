"""One shard: a hash range and its records, oldest first, stored in the encoding in which they are read.

A put encodes a record as its `GetRecords` entry (`record_texts`), so that a read only joins bytes. Two arrays
have the arrival times, which never decrease within a shard, and the cumulative payload sizes. Indices count
all records since the shard's creation, from 1; trimming changes `first_index` only.

A reader that waits for records registers a callback (`watch`), called for new records and at the shard's end.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Protocol

from emulator.kinesis.state import sequence_numbers

MAX_HASH_KEY = 2**128 - 1
FIRST_SHARDS_BEFORE_S = 3  # AWS dates a new stream's shards 2 to 7 s back (kinesalite's createStream.js)
RECORD_OVERHEAD_BYTES = 96
"""The memory of a bytes object's header, its pointer, two array slots, and malloc's rounding."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive records, and the distance of the last one from the tip of the shard."""

    texts: list[bytes]
    next_index: int
    millis_behind_latest: int
    payload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LastRead:
    """The time of a shard's last `GetRecords`, and the reader's distance from the tip."""

    at_ms: int
    millis_behind_latest: int


class Subscribed(Protocol):
    """A consumer's subscription, from the shard's point of view."""

    started_ms: int
    millis_behind_latest: int

    def is_alive(self, now_ms: int) -> bool:
        """Return True if the subscription still serves a client."""

    def take_over(self) -> None:
        """End the subscription because a new one replaces it."""


@dataclass(slots=True)
class Shard:
    """A shard. `ended_ms` is set when it is closed to writers.

    `created_s` is the creation second in all its sequence numbers.
    """

    number: int
    starting_hash_key: int
    ending_hash_key: int
    opened_ms: int
    parents: tuple[int, ...] = ()
    ended_ms: int | None = None
    created_s: int = -1
    first_index: int = 1
    trimmed_records: int = 0
    retained_bytes: int = 0
    _texts: list[bytes] = field(default_factory=list)
    _arrivals_ms: array[int] = field(default_factory=lambda: array("q"))
    _payload_ends: array[int] = field(default_factory=lambda: array("q"))
    _payload_start: int = 0
    _watchers: tuple[Callable[[], None], ...] = ()
    last_read: LastRead | None = None
    subscriptions: dict[str, Subscribed] = field(default_factory=dict)
    """The last subscription of each consumer, by its ARN. It may have ended."""

    def __post_init__(self) -> None:
        if self.created_s < 0:
            self.created_s = self.opened_ms // 1000

    @property
    def shard_id(self) -> str:
        """The shard's id."""
        return sequence_numbers.shard_id(self.number)

    @property
    def written_bytes(self) -> int:
        """The payload of all records since the shard's creation, in bytes."""
        return self._payload_ends[-1] if self._payload_ends else self._payload_start

    @property
    def next_index(self) -> int:
        """The index of the next record."""
        return self.first_index + len(self._texts)

    @property
    def record_count(self) -> int:
        """The number of retained records."""
        return len(self._texts)

    def arrival_at(self, place: int) -> int:
        """Return the arrival time of a retained record. Place 0 is the oldest, -1 the newest."""
        return self._arrivals_ms[place]

    def arrival_ms(self, now_ms: int) -> int:
        """Return the arrival time of a record put now. It never decreases, even if the clock is set back."""
        latest = self._arrivals_ms[-1] if self._arrivals_ms else self.opened_ms
        return max(now_ms, latest)

    def next_number(self, arrival_ms: int) -> int:
        """Return the sequence number of the next record."""
        return sequence_numbers.make(self.created_s, self.number, self.next_index, arrival_ms // 1000)

    def starting_number(self) -> int:
        """Return the starting sequence number, which precedes the first record's."""
        return sequence_numbers.make(self.created_s, self.number, 0, self.created_s)

    def ending_number(self) -> int | None:
        """Return the ending sequence number, or None while the shard is open.

        As in AWS, it has the highest possible index (kinesalite's suite, splitShard.js).
        """
        if self.ended_ms is None:
            return None
        return sequence_numbers.make(
            self.created_s, self.number, sequence_numbers.MAX_INDEX, self.ended_ms // 1000
        )

    @property
    def trimmed_bytes(self) -> int:
        """The payload of the trimmed records, in bytes."""
        return self._payload_start

    def begin_at(self, first_index: int, trimmed_records: int, trimmed_bytes: int) -> None:
        """Restore the trim state of a shard from disk. The shard must have no records."""
        self.first_index, self.trimmed_records = first_index, trimmed_records
        self._payload_start = trimmed_bytes

    def close(self, now_ms: int) -> None:
        """Close the shard to writers."""
        self.ended_ms = self.arrival_ms(now_ms)
        self.wake()

    def is_expired(self, horizon_ms: int) -> bool:
        """Return True if the shard was closed before the retention horizon."""
        return self.ended_ms is not None and self.ended_ms <= horizon_ms

    def append(self, texts: list[bytes], payload_bytes: list[int], arrival_ms: int) -> int:
        """Append records with the same arrival time. Return their memory in bytes."""
        end = self._payload_ends[-1] if self._payload_ends else self._payload_start
        self._payload_ends.extend(islice(accumulate(payload_bytes, initial=end), 1, None))
        self._texts += texts
        self._arrivals_ms.extend([arrival_ms] * len(texts))
        added = sum(map(len, texts)) + RECORD_OVERHEAD_BYTES * len(texts)
        self.retained_bytes += added
        if self._watchers:
            self.wake()
        return added

    def watch(self, watcher: Callable[[], None]) -> None:
        """Register a callback for new records and for the shard's end. It must not block."""
        self._watchers = (*self._watchers, watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Remove a callback."""
        self._watchers = tuple(each for each in self._watchers if each != watcher)

    def wake(self) -> None:
        """Call all callbacks. Required when the shard is closed or its stream deleted."""
        for watcher in self._watchers:
            watcher()

    def number_before(self, index: int, now_ms: int) -> int:
        """Return the sequence number before an index. If its record is retained, it is the record's own."""
        place = index - 1 - self.first_index
        at_ms = self._arrivals_ms[place] if 0 <= place < len(self._texts) else now_ms
        return sequence_numbers.make(self.created_s, self.number, index - 1, at_ms // 1000)

    def read(self, index: int, limit: int, most_payload_bytes: int, now_ms: int) -> Slice:
        """Return records from an index, or from the trim horizon if it is later.

        Unless the reader is at the tip, return at least one record, even above `most_payload_bytes`.
        """
        start = max(index, self.first_index) - self.first_index
        if start >= len(self._texts):
            return Slice([], index, 0)
        before = self._payload_ends[start - 1] if start else self._payload_start
        stop = bisect_right(self._payload_ends, before + most_payload_bytes, start)
        stop = min(max(stop, start + 1), start + limit)
        texts = self._texts[start:stop]
        # 0 means "at the tip", so a reader before the tip is at least one millisecond behind.
        behind = max(1, now_ms - self._arrivals_ms[stop - 1]) if stop < len(self._texts) else 0
        payload_bytes = self._payload_ends[stop - 1] - before
        return Slice(texts, self.first_index + start + len(texts), behind, payload_bytes)

    def since(self, at_ms: int) -> tuple[int, int]:
        """Return the number and the payload bytes of retained records that arrived at `at_ms` or later."""
        place = bisect_left(self._arrivals_ms, at_ms)
        if place == len(self._texts):
            return 0, 0
        before = self._payload_ends[place - 1] if place else self._payload_start
        return len(self._texts) - place, self._payload_ends[-1] - before

    def index_at_time(self, at_ms: int) -> int:
        """Return the index of the first retained record that arrived at `at_ms` or later."""
        return self.first_index + bisect_left(self._arrivals_ms, at_ms)

    def trim_before(self, at_ms: int) -> int:
        """Delete the records that arrived before `at_ms`. Return the freed bytes."""
        return self.drop(bisect_left(self._arrivals_ms, at_ms))

    def pass_over(self, place: int, until_ms: int, most_bytes: int) -> tuple[int, int]:
        """Count records from a place up to and including a time, or until `most_bytes` are counted.

        Return the next place, and the counted bytes.
        """
        passed_bytes = 0
        stop = bisect_right(self._arrivals_ms, until_ms, place)
        while place < stop and passed_bytes < most_bytes:
            passed_bytes += len(self._texts[place]) + RECORD_OVERHEAD_BYTES
            place += 1
        return place, passed_bytes

    def drop(self, count: int) -> int:
        """Delete the oldest records. Return the freed bytes."""
        if not count:
            return 0
        freed = sum(map(len, self._texts[:count])) + RECORD_OVERHEAD_BYTES * count
        self._payload_start = self._payload_ends[count - 1]
        del self._texts[:count], self._arrivals_ms[:count], self._payload_ends[:count]
        self.first_index += count
        self.trimmed_records += count
        self.retained_bytes -= freed
        return freed


def split_evenly(count: int, opened_ms: int) -> list[Shard]:
    """Return the shards of a new stream, with equal hash ranges. The last one includes the remainder."""
    width = (MAX_HASH_KEY + 1) // count
    return [
        Shard(
            number,
            width * number,
            width * (number + 1) - 1 if number < count - 1 else MAX_HASH_KEY,
            opened_ms,
            created_s=opened_ms // 1000 - FIRST_SHARDS_BEFORE_S,
        )
        for number in range(count)
    ]
