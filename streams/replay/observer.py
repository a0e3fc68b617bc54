"""The consumer of the published aggregates, alerts and refused lines, for the reconciliation.

It keeps the newest revision of each aggregate, digests of conversations, all alerts, the counts of `dead`,
and the latency of each message from its arrival in Kinesis until it is read here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import orjson
from aiokafka import TopicPartition

from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from emulator.ledger.conversations import PublishedConversations
from streams.conversations import published
from streams.records import Alert, decode_alert

Key = tuple[str, str, int]
WINDOW_S = 60
_SEEN = ("flows", "packets", "bytes", "first", "last", "revision", "final")


@dataclass(frozen=True, slots=True)
class Seen:
    """The totals of the newest revision of one key."""

    flows: int
    packets: int
    bytes: int
    first: int
    last: int
    revision: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Finals:
    """The numbers of final windows and of all windows among those that the lateness has passed."""

    final: int
    old: int

    @property
    def is_complete(self) -> bool:
        """True if all old windows are final."""
        return self.final == self.old


@dataclass(slots=True)
class Observer:
    """The messages published so far."""

    aggregates: dict[Key, Seen] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    dead: Counter[str] = field(default_factory=Counter)
    flows: int = 0
    messages: int = 0
    backwards: int = 0
    latencies_ms: list[int] = field(default_factory=list)
    conversations: PublishedConversations = field(default_factory=PublishedConversations)
    follows_conversations: bool = True

    async def follow(self, kafka: KafkaConnection, prefix: str, slots: int) -> None:
        """Read the topics until cancelled."""
        consumer = factory.consumer(kafka, isolation_level="read_committed", auto_offset_reset="earliest")
        await consumer.start()
        try:
            names = ["aggregates", "alerts", "dead"] + ["conversations"] * self.follows_conversations
            topics = [prefix + name for name in names]
            consumer.assign([TopicPartition(topic, p) for topic in topics for p in range(slots)])
            await consumer.seek_to_beginning()
            while True:
                fetched = await consumer.getmany(timeout_ms=500, max_records=5000)
                now_ms = int(time.time() * 1000)
                for place, messages in fetched.items():
                    for message in messages:
                        self._take(place.topic.removeprefix(prefix), message, now_ms)
                await asyncio.sleep(0)
        finally:
            await consumer.stop()

    def _take(self, name: str, message: object, now_ms: int) -> None:
        value: bytes = message.value or b""  # type: ignore[attr-defined]
        if name == "aggregates":
            self._aggregate(orjson.loads(value), now_ms)
        elif name == "alerts":
            if value:  # An empty value is a tombstone: a pending alert that never fired.
                self.alerts.append(decode_alert(value))
        elif name == "conversations":
            self.conversations.add(published.decode(value))
        else:
            headers = dict(message.headers)  # type: ignore[attr-defined]
            self.dead[headers["why"].decode()] += int(headers["count"])

    def _aggregate(self, row: dict[str, object], now_ms: int) -> None:
        key: Key = (row["eni"], row["action"], row["window_start"])  # type: ignore[assignment]
        seen = Seen(*(row[name] for name in _SEEN))  # type: ignore[arg-type]
        old = self.aggregates.get(key)
        self.messages += 1
        if old is not None and (seen.revision <= old.revision or seen.flows < old.flows):
            self.backwards += 1
        self.flows += seen.flows - (old.flows if old else 0)
        self.aggregates[key] = seen
        arrival_ms: int = row["oldest_arrival_ms"]  # type: ignore[assignment]
        if arrival_ms:
            self.latencies_ms.append(now_ms - arrival_ms)

    def newest_window(self) -> int:
        """Return the start of the newest window in epoch seconds, or 0."""
        return max((window for _, _, window in self.aggregates), default=0)

    def finals(self, final_to: int) -> Finals:
        """Return the counts for the aggregates whose window ends by `final_to` (epoch seconds)."""
        old = [seen for key, seen in self.aggregates.items() if key[2] + WINDOW_S <= final_to]
        return Finals(sum(seen.is_final for seen in old), len(old))

    def latency_ms(self, share: float) -> int:
        """Return a percentile of the latency from arrival to readable, in ms, or 0 without messages."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0
