"""The three hops of the worker: `sum`, `merge` and `detect`, each one partition with its slot.

They tie a pure module to a slot: `sums.Sums`, `windows.Windows`, `alerts.lives.Lives`. What they hold in
memory is what their last commit wrote plus what they have read since; a hop that fails is thrown away.
"""

from __future__ import annotations

import time

import orjson
import polars as pl
import structlog

from connectors.dead import dead_message
from connectors.flowlog import BadFormat, parse_format
from connectors.messages import Message
from connectors.settings import Work
from streams import lines, metrics, partials
from streams.alerts.detectors import evidence
from streams.alerts.lives import Lives
from streams.hops import Input, Pace, Rewind, Sequence, make_slot, numbered
from streams.lines import ACTIONS, Plan, UnusableFormat
from streams.records import Aggregate, decode_aggregate
from streams.sums import Counts, Drained, Sums, plausible_start
from streams.windows import Producer, Rules, Windows

log = structlog.get_logger()

PLACE_KEY = b"place"
HEARTBEAT_S = 1.0  # partitions that a flush had nothing for still learn the time (design.md 2)
FINALS_A_MESSAGE = 1000  # windows of an entity, of two rows mostly: 700 KB before lz4


class SumHop:
    """`blocks[p]` → one message to each `partials[q]` that the flush has sums for; `dead`."""

    input = "blocks"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "sum", partition)
        self._settings, self._sums = settings, Sums(settings.window_s)
        self._read = Sequence()
        self._sent = [-1] * settings.slots
        self._newest = -1
        self._told = [-1] * settings.slots
        self._counts = dict.fromkeys(Counts.__slots__, 0)
        self._touched = False
        self._arrival_ms, self._arrived_s = 0, 0
        self._told_at = 0.0
        self._pace = Pace()
        self._plans: dict[str, Plan | str] = {}

    @property
    def place(self) -> int:
        return self._read.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        if value := self.slot.state.get(PLACE_KEY):
            place = orjson.loads(value)
            self._read = Sequence(*place["read"])
            self._sent, self._newest = place["sent"], place["newest"]
            self._counts = place["counts"]

    def offer(self, message: Input, now: float) -> Rewind | None:
        number = message.number()
        verdict = self._read.check(number)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            self._read.took(number, message.offset)
            self._touched = True
            self._sum(message.value, message.headers["format"].decode())
            arrival_ms = message.number("arrival_ms")
            self._arrival_ms = min(self._arrival_ms or arrival_ms, arrival_ms)
            self._arrived_s = max(self._arrived_s, arrival_ms // 1000)
        return None

    def step_over(self, message: Input) -> None:
        self._read.took(message.number() - 1, message.offset - 1)

    def is_due(self, now: float) -> bool:
        if self._touched:
            return self._sums.is_full or self._pace.allows(now)
        return now - self._told_at >= HEARTBEAT_S and any(told < self._newest for told in self._told)

    async def flush(self, now: float) -> None:
        drained = self._sums.drain()
        self._newest = max(self._newest, plausible_start(drained.newest_start, self._arrived_s))
        for name in self._counts:
            self._counts[name] += getattr(drained.counts, name)
        messages = self._partials(drained, now)
        messages += self._dead(drained)
        place = {
            "read": [self._read.number, self._read.offset],
            "sent": self._sent,
            "newest": self._newest,
            "counts": self._counts,
        }
        await self.slot.commit({PLACE_KEY: orjson.dumps(place)}, messages)
        metrics.count_lines(drained.counts)
        self._touched, self._arrival_ms = False, 0
        self._pace.flushed(now, time.time())

    def _sum(self, text: bytes, line_format: str) -> None:
        by = self._plans.get(line_format)
        if by is None:
            by = self._plans[line_format] = _plan(line_format)
        if isinstance(by, Plan):
            self._sums.add(text, by)
        else:
            self._sums.refuse(by, text)

    def _partials(self, drained: Drained, now: float) -> list[Message]:
        parts = partials.split(drained.rows, len(self._sent)) if len(drained.rows) else {}
        targets = set(parts)
        if now - self._told_at >= HEARTBEAT_S:
            targets |= {q for q, told in enumerate(self._told) if told < self._newest}
            self._told_at = now
        messages = []
        for q in sorted(targets):
            self._sent[q] += 1
            self._told[q] = self._newest
            messages.append(
                numbered(
                    f"{self._settings.prefix}partials",
                    q,
                    self._sent[q],
                    partials.encode(parts[q]) if q in parts else b"",
                    producer=b"%d" % self.slot.partition,
                    newest_start=b"%d" % self._newest,
                    arrival_ms=b"%d" % (self._arrival_ms if q in parts else 0),
                )
            )
        return messages

    def _dead(self, drained: Drained) -> list[Message]:
        origin = f"blocks[{self.slot.partition}]@{self._read.number}"
        prefix, slot = self._settings.prefix, self.slot.partition
        return [
            dead_message(prefix, slot, why, b"\n".join(refused), len(refused), origin)
            for why, refused in drained.refused.items()
        ]


def _plan(line_format: str) -> Plan | str:
    """Return the plan of a format, or why lines of it are refused."""
    try:
        return lines.plan(parse_format(line_format))
    except (BadFormat, UnusableFormat) as error:
        log.warning("unusable line format", format=line_format, error=str(error))
        return "unusable format"


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
        self._arrival_ms = 0
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
                self._parts.append(partials.decode(message.value))
        return None

    def step_over(self, message: Input) -> None:
        message, self._jump = self._jump or message, None
        producer = self._windows.producers[message.number("producer")]
        producer.number, producer.offset = message.number() - 1, message.offset - 1

    def is_due(self, now: float) -> bool:
        return self._pace.allows(now) and self._windows.is_due(now)

    async def flush(self, now: float) -> None:
        if self._parts:
            self._windows.add(pl.concat(self._parts), self._arrival_ms)
            self._parts, self._arrival_ms = [], 0
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
        self._pace.flushed(now, time.time())

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


class DetectHop:
    """`finals[q]` → `alerts[q]`."""

    input = "finals"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "detect", partition)
        self._settings = settings
        self._read = Sequence()
        self._lives = Lives()
        self._messages: list[Message] = []
        self._touched = False
        self._pace = Pace()

    @property
    def place(self) -> int:
        return self._read.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        state = dict(self.slot.state)
        if value := state.pop(PLACE_KEY, None):
            self._read = Sequence(*orjson.loads(value))
        self._lives = Lives.load(state)

    def offer(self, message: Input, now: float) -> Rewind | None:
        number = message.number()
        verdict = self._read.check(number)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            self._read.took(number, message.offset)
            self._touched = True
            self._observe(partials.decode(message.value), message.number("watermark"))
        return None

    def _observe(self, finals: pl.DataFrame, watermark: int) -> None:
        # A window that proves nothing matters only where an alert is waiting for calm.
        chosen = evidence() | pl.col("eni").is_in(list(self._lives.watched()))
        rows = list(map(decode_aggregate, finals.filter(chosen)["value"]))
        alerts = []
        for (eni, start), window in _by_window(rows).items():
            alerts += self._lives.observe(eni, start, window[0].window_s, window)
        alerts += self._lives.advance(watermark)
        topic = f"{self._settings.prefix}alerts"
        self._messages += [
            Message(topic, self.slot.partition, a.fingerprint.encode(), a.encode()) for a in alerts
        ]

    def step_over(self, message: Input) -> None:
        self._read.took(message.number() - 1, message.offset - 1)

    def is_due(self, now: float) -> bool:
        return self._touched and self._pace.allows(now)

    async def flush(self, now: float) -> None:
        place = orjson.dumps([self._read.number, self._read.offset])
        await self.slot.commit({**self._lives.changed(), PLACE_KEY: place}, self._messages)
        self._messages, self._touched = [], False
        self._pace.flushed(now, time.time())


def _by_window(rows: list[Aggregate]) -> dict[tuple[str, int], list[Aggregate]]:
    """Group finals by entity and window, oldest window first."""
    groups: dict[tuple[str, int], list[Aggregate]] = {}
    for row in sorted(rows, key=lambda row: row.window_start):
        groups.setdefault((row.eni, row.window_start), []).append(row)
    return groups
