"""The second hop: partial sums in, aggregates and finals out; rows behind the retention go to `dead`."""

from __future__ import annotations

import time

import orjson
import polars as pl

from connectors.dead import dead_message
from connectors.messages import Message
from connectors.settings import Work
from streams import metrics, partials
from streams.hops import Input, Pace, Rewind, Sequence, make_slot, numbered
from streams.lines import ACTIONS
from streams.windows import Producer, Rules, Windows

FINALS_A_MESSAGE = 1000  # windows of an entity, of two rows mostly: 700 KB before lz4


class MergeHop:
    """`partials[q]` → `aggregates[q]`, `finals[q]`; late rows to `dead`."""

    input = "partials"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "merge", partition)
        self._settings = settings
        self._rules = Rules(settings.window_s, settings.lateness_s, settings.retention_s, settings.idle_s)
        self._windows = Windows(self._rules)
        self._sent = -1
        self._jump: Input | None = None
        self._parts: list[pl.DataFrame] = []
        self._arrival_ms, self._newest_ms = 0, 0
        self._pace = Pace()

    @property
    def place(self) -> int:
        return self._windows.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        state = dict(self.slot.state)
        self._sent = int(state.pop(b"sent", b"-1"))
        self._windows = Windows.load(self._rules, state, now)
        self._parts, self._arrival_ms = [], 0

    def offer(self, message: Input, now: float) -> Rewind | None:
        if self._jump is not None and message.offset > self._jump.offset:
            # Nothing after a jump is taken, of no producer: a commit would carry the place past the jump.
            message = self._jump
        name = message.number("producer")
        producer = self._windows.producers.get(name)
        if producer is None:
            producer = self._windows.producers[name] = Producer()
        number = message.number()
        verdict = Sequence(producer.number, producer.offset).check(number)
        if isinstance(verdict, Rewind):
            self._jump = message
            return verdict
        self._jump = None
        if verdict:
            producer.number, producer.offset = number, message.offset
            self._windows.note(producer, message.number("newest_start"), now)
            if message.value:
                arrival_ms = message.number("arrival_ms")
                self._arrival_ms = min(self._arrival_ms or arrival_ms, arrival_ms)
                self._newest_ms = max(self._newest_ms, arrival_ms)
                self._parts.append(partials.decode(message.value))
        return None

    def step_over(self, message: Input) -> None:
        message, self._jump = self._jump or message, None
        producer = self._windows.producers[message.number("producer")]
        producer.number, producer.offset = message.number() - 1, message.offset - 1

    def is_due(self, now: float) -> bool:
        return self._pace.allows(now) and self._windows.is_due(now)

    async def flush(self, now: float) -> None:
        arrival_ms, self._arrival_ms = self._arrival_ms, 0
        if self._parts:
            self._windows.add(pl.concat(self._parts), arrival_ms)
            self._parts = []
        flushed = self._windows.flush(now)
        prefix, q = self._settings.prefix, self.slot.partition
        aggregates = f"{prefix}aggregates"
        messages = [Message(aggregates, q, key, value) for key, value in flushed.published]
        watermark = b"%d" % self._windows.watermark
        for part in _parts(flushed.closed):
            self._sent += 1
            value = partials.encode(part)
            messages.append(numbered(f"{prefix}finals", q, self._sent, value, watermark=watermark))
        if flushed.late:
            messages.append(self._late(flushed.late))
        state = {**flushed.state, b"sent": b"%d" % self._sent}
        await self.slot.commit(state, messages)
        metrics.count_merged(flushed)
        self._pace.flushed(now, time.time(), self._newest_ms)

    def _late(self, rows: list[partials.Row]) -> Message:
        value = orjson.dumps(
            [[window, entity, ACTIONS[action], *rest[:6]] for window, entity, action, *rest in rows]
        )
        count = sum(row[4] for row in rows)
        slot = self.slot.partition
        return dead_message(self._settings.prefix, slot, "late", value, count, f"partials[{slot}]")


def _parts(closed: pl.DataFrame) -> list[pl.DataFrame]:
    """Cut finals into messages, and never between the rows of one entity and window."""
    if len(closed) <= FINALS_A_MESSAGE:
        return [closed] if len(closed) else []
    part = pl.struct("eni", "window_start").rle_id() // FINALS_A_MESSAGE
    return closed.with_columns(part=part).partition_by("part", include_key=False, maintain_order=True)
