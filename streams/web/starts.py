"""The start offsets of the page in each topic, chosen by the timestamps of messages, not by event time.

`aggregates` and `dead` start `HISTORY_S` before the newest message, so a page that starts while the pipeline
is stopped shows its last hours. The newest `RECENT_S` of `aggregates` are read first, and the older part
after them (`Feed`): an aggregate is an upsert, so the order is irrelevant, and the current numbers do not
wait for three hours of a large network. `alerts` and `health` are small and are read from the beginning.
`positions` starts near its end, because the newest progress of a slot is in the last transaction of its
partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.kafka.clients.reading import offsets_at

HISTORY_S = 3 * 3600
RECENT_S = 1200
NEWEST_WITHIN_S = 60  # resolution of the search for the newest message
LONGEST_S = 60 * 24 * 3600  # twice the longest retention of the topics
POSITIONS_BACK = 1_000

Offsets = dict[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Starts:
    """The start offset of each partition, and the older part of `aggregates` as offsets (from, to)."""

    offsets: Offsets = field(default_factory=dict)
    older: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)


async def find_starts(
    consumer: AIOKafkaConsumer, kinds: Mapping[TopicPartition, str], ends: Offsets, now_ms: int
) -> Starts:
    """Return the start offsets; `kinds` are the partitions with their topics without prefix."""
    starts = Starts()
    begins: Offsets = await consumer.beginning_offsets(list(kinds))
    for kind in ("aggregates", "dead"):
        timed = [partition for partition, each in kinds.items() if each == kind]
        newest_ms = await _newest_ms(consumer, timed, now_ms)
        timed_ends = {partition: ends[partition] for partition in timed}
        since = await offsets_at(consumer, newest_ms - HISTORY_S * 1000, timed_ends)
        starts.offsets.update(since)
        if kind == "aggregates":
            recent = await offsets_at(consumer, newest_ms - RECENT_S * 1000, timed_ends)
            starts.older.update({p: (since[p], recent[p]) for p in timed if since[p] < recent[p]})
            starts.offsets.update(recent)
    for partition, kind in kinds.items():
        if kind == "positions":
            starts.offsets[partition] = max(begins[partition], ends[partition] - POSITIONS_BACK)
        elif kind in ("alerts", "health"):
            starts.offsets[partition] = begins[partition]
    return starts


async def _newest_ms(consumer: AIOKafkaConsumer, partitions: list[TopicPartition], now_ms: int) -> int:
    """Return the approximate timestamp of the newest message, epoch milliseconds.

    Return `now_ms` if the newest message is at most `RECENT_S` old, or if there is none.
    """

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
