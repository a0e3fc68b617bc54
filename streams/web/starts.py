"""Where the page begins to read each topic, decided by when messages were written, never by event time.

`aggregates` and `dead` begin `HISTORY_S` before the newest message, so a page that starts while the pipeline
is stopped shows the last hours of it. Of `aggregates` the newest `RECENT_S` come first and the rest is read
after it (`Feed`): an aggregate is an upsert, so the order is irrelevant, and the numbers of now need not wait
for three hours of a large network. `alerts` and `health` are small and are read whole. Of `positions` only
the last offsets are read: the newest progress of a slot is within the last transaction of its partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

HISTORY_S = 3 * 3600
RECENT_S = 1200
NEWEST_WITHIN_S = 60  # how exactly the time of the newest message is looked for
LONGEST_S = 60 * 24 * 3600  # twice the longest retention of our topics
POSITIONS_BACK = 1_000

Offsets = dict[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Starts:
    """Where to begin, and which older part of `aggregates` is to be read afterwards: from, up to."""

    offsets: Offsets = field(default_factory=dict)
    older: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)


async def find_starts(
    consumer: AIOKafkaConsumer, kinds: Mapping[TopicPartition, str], ends: Offsets, now_ms: int
) -> Starts:
    """Return where to begin in each partition; `kinds` are their topics without prefix."""
    starts = Starts()
    begins: Offsets = await consumer.beginning_offsets(list(kinds))
    for kind in ("aggregates", "dead"):
        timed = [partition for partition, each in kinds.items() if each == kind]
        newest_ms = await _newest_ms(consumer, timed, now_ms)
        since = await _offsets_at(consumer, timed, newest_ms - HISTORY_S * 1000, ends)
        starts.offsets.update(since)
        if kind == "aggregates":
            recent = await _offsets_at(consumer, timed, newest_ms - RECENT_S * 1000, ends)
            starts.older.update({p: (since[p], recent[p]) for p in timed if since[p] < recent[p]})
            starts.offsets.update(recent)
    for partition, kind in kinds.items():
        if kind == "positions":
            starts.offsets[partition] = max(begins[partition], ends[partition] - POSITIONS_BACK)
        elif kind in ("alerts", "health"):
            starts.offsets[partition] = begins[partition]
    return starts


async def _offsets_at(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], ms: int, ends: Offsets
) -> Offsets:
    """Return the first offset written at or after a time; the end where there is none."""
    asked = {partition: max(ms, 0) for partition in partitions}
    if not asked:
        return {}
    found = await consumer.offsets_for_times(asked)
    return {p: ends[p] if found.get(p) is None else min(found[p].offset, ends[p]) for p in asked}


async def _newest_ms(consumer: AIOKafkaConsumer, partitions: list[TopicPartition], now_ms: int) -> int:
    """Return about when the newest message was written, and `now_ms` if one was just now or never."""

    async def is_any_since(ms: int) -> bool:
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, max(ms, 0)))
        return any(place is not None for place in found.values())

    if not partitions or await is_any_since(now_ms - RECENT_S * 1000):
        return now_ms
    low, high = now_ms - LONGEST_S * 1000, now_ms - RECENT_S * 1000
    if not await is_any_since(low):
        return now_ms
    while high - low > NEWEST_WITHIN_S * 1000:
        middle = (low + high) // 2
        if await is_any_since(middle):
            low = middle
        else:
            high = middle
    return high
