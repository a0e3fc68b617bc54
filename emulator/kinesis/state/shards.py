"""One shard: a hash range and its records, oldest first, each kept as the text it will be read as.

A record is turned into the text of its `GetRecords` entry when it is put (`record_texts`), so that reading
joins ready bytes. Beside the texts stand two flat arrays: arrival times (they never fall within a shard) and
running totals of payload. Indices count all records the shard ever had, from 1; trimming moves `first_index`
only.

A reader that waits for records registers a callback (`watch`), called on new records and on the shard's end.
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
"""A bytes object's header, its pointer, the two array slots, and what malloc rounds up to."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some records in a row, and how far behind the tip the last of them is."""

    texts: list[bytes]
    next_index: int
    millis_behind_latest: int
    payload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LastRead:
    """When a shard was last read by `GetRecords`, and how far behind its reader was."""

    at_ms: int
    millis_behind_latest: int


class Subscribed(Protocol):
    """A consumer's subscription, as its shard knows it."""

    started_ms: int
    millis_behind_latest: int

    def is_alive(self, now_ms: int) -> bool:
        """Say whether it still serves a client."""

    def take_over(self) -> None:
        """End it in favour of another."""


@dataclass(slots=True)
class Shard:
    """A shard. `ended_ms` is set when it is closed to writers, which only its children follow.

    `created_s` is the second that all of its sequence numbers carry.
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
    """The last subscription of each consumer, by its ARN, ended ones too."""

    def __post_init__(self) -> None:
        if self.created_s < 0:
            self.created_s = self.opened_ms // 1000

    @property
    def shard_id(self) -> str:
        """The shard's name."""
        return sequence_numbers.shard_id(self.number)

    @property
    def written_bytes(self) -> int:
        """How much payload was ever put to the shard."""
        return self._payload_ends[-1] if self._payload_ends else self._payload_start

    @property
    def next_index(self) -> int:
        """The index that the next record will have."""
        return self.first_index + len(self._texts)

    @property
    def record_count(self) -> int:
        """How many records are retained."""
        return len(self._texts)

    def arrival_at(self, place: int) -> int:
        """Return when a retained record came: 0 is the oldest, -1 the newest."""
        return self._arrivals_ms[place]

    def arrival_ms(self, now_ms: int) -> int:
        """Return the arrival time of a record put now: a clock set back does not make time fall."""
        latest = self._arrivals_ms[-1] if self._arrivals_ms else self.opened_ms
        return max(now_ms, latest)

    def next_number(self, arrival_ms: int) -> int:
        """Return the sequence number of the next record."""
        return sequence_numbers.make(self.created_s, self.number, self.next_index, arrival_ms // 1000)

    def starting_number(self) -> int:
        """Return the number that stands before the first record's."""
        return sequence_numbers.make(self.created_s, self.number, 0, self.created_s)

    def ending_number(self) -> int | None:
        """Return the highest number the shard could have given, or None while it is open.

        AWS's has the highest index there is (kinesalite's suite, splitShard.js).
        """
        if self.ended_ms is None:
            return None
        return sequence_numbers.make(
            self.created_s, self.number, sequence_numbers.MAX_INDEX, self.ended_ms // 1000
        )

    @property
    def trimmed_bytes(self) -> int:
        """How much payload stands before the oldest retained record."""
        return self._payload_start

    def begin_at(self, first_index: int, trimmed_records: int, trimmed_bytes: int) -> None:
        """Take up the life of a shard that was trimmed so far; it must have no records yet."""
        self.first_index, self.trimmed_records = first_index, trimmed_records
        self._payload_start = trimmed_bytes

    def close(self, now_ms: int) -> None:
        """Take no more records."""
        self.ended_ms = self.arrival_ms(now_ms)
        self.wake()

    def is_expired(self, horizon_ms: int) -> bool:
        """Say whether the shard was closed so long ago that it is not shown any more."""
        return self.ended_ms is not None and self.ended_ms <= horizon_ms

    def append(self, texts: list[bytes], payload_bytes: list[int], arrival_ms: int) -> int:
        """Add records that came together; return how many bytes they take."""
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
        """Have this called whenever records come or the shard is closed; it must be quick."""
        self._watchers = (*self._watchers, watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers = tuple(each for each in self._watchers if each != watcher)

    def wake(self) -> None:
        """Tell those who wait to look again. To be called when a shard is closed or its stream deleted."""
        for watcher in self._watchers:
            watcher()

    def number_before(self, index: int, now_ms: int) -> int:
        """Return the number that stands just before an index: its record's own if that is retained."""
        place = index - 1 - self.first_index
        at_ms = self._arrivals_ms[place] if 0 <= place < len(self._texts) else now_ms
        return sequence_numbers.make(self.created_s, self.number, index - 1, at_ms // 1000)

    def read(self, index: int, limit: int, most_payload_bytes: int, now_ms: int) -> Slice:
        """Return records from an index, or from the trim horizon if that is later; one at least."""
        start = max(index, self.first_index) - self.first_index
        if start >= len(self._texts):
            return Slice([], index, 0)
        before = self._payload_ends[start - 1] if start else self._payload_start
        stop = bisect_right(self._payload_ends, before + most_payload_bytes, start)
        stop = min(max(stop, start + 1), start + limit)
        texts = self._texts[start:stop]
        # 0 means "caught up" to a reader, so one that is not is a millisecond behind at least.
        behind = max(1, now_ms - self._arrivals_ms[stop - 1]) if stop < len(self._texts) else 0
        payload_bytes = self._payload_ends[stop - 1] - before
        return Slice(texts, self.first_index + start + len(texts), behind, payload_bytes)

    def since(self, at_ms: int) -> tuple[int, int]:
        """Return how many retained records came at this time or later, and their payload in bytes."""
        place = bisect_left(self._arrivals_ms, at_ms)
        if place == len(self._texts):
            return 0, 0
        before = self._payload_ends[place - 1] if place else self._payload_start
        return len(self._texts) - place, self._payload_ends[-1] - before

    def index_at_time(self, at_ms: int) -> int:
        """Return the index of the first retained record that came at this time or later."""
        return self.first_index + bisect_left(self._arrivals_ms, at_ms)

    def trim_before(self, at_ms: int) -> int:
        """Drop the records that came before a time; return how many bytes that freed."""
        return self.drop(bisect_left(self._arrivals_ms, at_ms))

    def pass_over(self, place: int, until_ms: int, most_bytes: int) -> tuple[int, int]:
        """Go from a retained record over those up to and including a time.

        Stop when that many bytes are passed. Return the place reached, and the bytes.
        """
        passed_bytes = 0
        stop = bisect_right(self._arrivals_ms, until_ms, place)
        while place < stop and passed_bytes < most_bytes:
            passed_bytes += len(self._texts[place]) + RECORD_OVERHEAD_BYTES
            place += 1
        return place, passed_bytes

    def drop(self, count: int) -> int:
        """Drop the oldest records; return how many bytes that freed."""
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
    """Return the shards of a new stream: equal ranges, the last one takes the remainder."""
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
