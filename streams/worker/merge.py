"""The second hop, `merge`: partial sums in, aggregates, conversations and finals out."""

from __future__ import annotations

import time
from itertools import zip_longest

import orjson
import polars as pl

from connectors.kafka.dead import dead_message
from connectors.kafka.messages import Message
from connectors.progress import NONE
from connectors.settings import Work
from streams.numbering import CONVERSATIONS_AT, Input, Output, Rewind
from streams.sums import partials
from streams.sums.lines import ACTIONS
from streams.windows.flushed import NO_FINALS, Flushed
from streams.windows.merge import Rules, Windows
from streams.windows.partial import Partial
from streams.windows.position import Producer
from streams.windows.watermark import Time
from streams.worker import metrics
from streams.worker.hops import POSITION_S, Pace, make_slot

FULL_ROWS = 40_000
"""Rows that cause a flush without a pause; a flush of a backlog would otherwise take hundreds of MB."""

FINALS_A_MESSAGE = 1000  # windows of one entity, of two rows typically: 700 KB before lz4


class MergeHop:
    """The hop from `partials[q]` to `aggregates`, `conversations` and `finals`; late rows go to `dead`."""

    input = "partials"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "merge", partition)
        self._settings = settings
        times = settings.window_s, settings.lateness_s, settings.retention_s
        self._rules = Rules(*times, slots=settings.slots, top=settings.conversations)
        self._windows = Windows(self._rules)
        self._sent = Output()
        self._gap: Input | None = None
        self._newest_ms = 0
        self._pace = Pace()
        self._committed_offset, self._committed_at = -1, 0.0

    @property
    def next_offset(self) -> int:
        return self._windows.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        state = dict(self.slot.state)
        self._sent = _output(state.pop(b"sent", b"-1"))
        self._windows = Windows.load(self._rules, state)
        self._committed_offset, self._committed_at = self._windows.offset, now

    def offer(self, message: Input, now: float) -> Rewind | None:
        if self._gap is not None and message.offset > self._gap.offset:
            # After a gap, no message of any producer is applied: a commit would move the position past the
            # gap.
            message = self._gap
        producer = self._producer(message)
        verdict = producer.read.check(message.number(), message.offset)
        if isinstance(verdict, Rewind):
            self._gap = message
            return verdict
        self._gap = None
        if verdict:
            producer.read.advance(message)
            self._windows.advance(producer, _time(message))
            if message.value:
                arrival_ms = message.number("arrival_ms")
                self._newest_ms = max(self._newest_ms, arrival_ms)
                at = message.conversations_at
                self._windows.add(Partial.read(message.value, at, arrival_ms))
        return None

    def _producer(self, message: Input) -> Producer:
        return self._windows.producers.setdefault(message.number("producer"), Producer())

    def skip_gap(self, message: Input) -> int | None:
        message, self._gap = self._gap or message, None
        return self._producer(message).read.skip_gap(message)

    def is_due(self, now: float) -> bool:
        if self.is_large:
            return True
        if not self._pace.allows(now):
            return False
        if self._windows.is_due(now):
            return True
        return self._windows.offset != self._committed_offset and now - self._committed_at >= POSITION_S

    @property
    def is_large(self) -> bool:
        return self._windows.pending_rows >= FULL_ROWS

    async def flush(self, now: float) -> None:
        flushed = self._windows.flush(now)
        prefix, q = self._settings.prefix, self.slot.partition
        aggregates = f"{prefix}aggregates"
        messages = [Message(aggregates, q, key, value) for key, value in flushed.published]
        messages += self._conversations(flushed)
        messages += self._finals(flushed)
        if flushed.late:
            messages.append(self._late(flushed.late))
        state = {**flushed.state, b"sent": b"%d %d" % (self._sent.number, self._sent.counted)}
        await self.slot.commit(state, messages)
        self._committed_offset, self._committed_at = self._windows.offset, now
        metrics.count_merged(flushed)
        self._pace.flushed(now, time.time(), self._newest_ms)

    def _conversations(self, flushed: Flushed) -> list[Message]:
        topic, watermark = f"{self._settings.prefix}conversations", b"%d" % self._windows.watermark
        return [
            Message(
                topic,
                self.slot.partition,
                None,
                one.value,
                (("count", b"%d" % one.rows), ("watermark", watermark)),
            )
            for one in flushed.conversations
        ]

    def _finals(self, flushed: Flushed) -> list[Message]:
        """Return the messages of `finals`: detector rows, and the conversations of final windows."""
        parts = _messages_of(flushed.detector_rows)
        found = [one for one in flushed.conversations if one.is_final]
        messages = []
        for part, one in zip_longest(parts, found):
            rows = NO_FINALS if part is None else part
            totals, more = partials.encode(rows), b"" if one is None else one.value
            headers = {"watermark": b"%d" % self._windows.watermark}
            if more:
                headers[CONVERSATIONS_AT] = b"%d" % len(totals)
            topic, q = f"{self._settings.prefix}finals", self.slot.partition
            messages.append(self._sent.message(topic, q, totals + more, len(rows), **headers))
        return messages

    def _late(self, rows: list[partials.Row]) -> Message:
        value = orjson.dumps(
            [[window, entity, ACTIONS[action], *rest[:6]] for window, entity, action, *rest in rows]
        )
        count = sum(row[4] for row in rows)
        slot = self.slot.partition
        return dead_message(self._settings.prefix, slot, "late", value, count, f"partials[{slot}]")


def _output(sent: bytes) -> Output:
    """Return the stored output; state of format 1 has the number only."""
    return Output(*map(int, sent.split()))


def _time(message: Input) -> Time:
    return Time(
        message.number("newest_start"),
        message.optional("watermark", NONE),
        bool(message.optional("caught_up", 0)),
    )


def _messages_of(found: pl.DataFrame) -> list[pl.DataFrame]:
    """Split detector rows into messages, never between the rows of one entity and window."""
    if len(found) <= FINALS_A_MESSAGE:
        return [found] if len(found) else []
    part = pl.struct("eni", "window_start").rle_id() // FINALS_A_MESSAGE
    return found.with_columns(part=part).partition_by("part", include_key=False, maintain_order=True)
