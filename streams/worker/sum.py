"""The first hop, `sum`: lines in, partial sums out; refused lines go to `dead` with a reason.

The hop forwards the watermark of its blocks and the newest `start` that it has read. A block without lines
moves only these, so it causes no flush.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache

import orjson
import polars as pl
import structlog

from connectors.formats.flowlog import BadFormat, parse_format
from connectors.kafka.dead import dead_message
from connectors.kafka.messages import Message
from connectors.progress import NONE
from connectors.settings import Work
from streams.layout import LAYOUT_KEY, Layout
from streams.numbering import CONVERSATIONS_AT, Input, Output, Rewind, Sequence
from streams.sums import conversations, lines, partials
from streams.sums.accumulator import Drained, LineCounts, Origin, Sums
from streams.sums.columns import by_windows
from streams.sums.lines import ColumnPlan, UnusableFormat
from streams.sums.partials import ORIGIN
from streams.windows.watermark import Time
from streams.worker import metrics
from streams.worker.hops import POSITION_S, Pace, make_slot

log = structlog.get_logger()

Parts = dict[int, tuple[pl.DataFrame, pl.DataFrame]]
"""Totals and conversations by partition."""

POSITION_KEY = b"place"  # part of the state format
MESSAGE_ROWS = 1 << 16
"""Rows of a message, which is then below 8 MiB. Only flows that are spread over many windows have more."""
HEARTBEAT_S = 1.0  # interval to send the watermark to partitions without sums
PLANS = 1024  # cached formats; headers and JSON rows in the data define any number of them


class SumHop:
    """The hop from `blocks[p]` to each `partials[q]` with sums in the flush; refused lines go to `dead`."""

    input = "blocks"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "sum", partition)
        self._settings = settings
        self._sums = Sums(settings.window_s, settings.spread == "even", settings.slots)
        self._read, self._layout = Sequence(), Layout()
        self._sent = [Output() for _ in range(settings.slots)]
        self._time = Time()
        self._time_sent = [Time() for _ in range(settings.slots)]
        self._counts = dict.fromkeys(LineCounts.__slots__, 0)
        self._has_lines = False
        self._arrival_ms, self._newest_ms = 0, 0
        self._time_sent_at = 0.0
        self._committed, self._committed_at = -1, 0.0
        self._pace = Pace()

    @property
    def next_offset(self) -> int:
        return self._read.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        if value := self.slot.state.get(POSITION_KEY):
            position = orjson.loads(value)
            self._read = Sequence.of(position["read"])
            self._sent = [_output(sent) for sent in position["sent"]]
            self._time = Time(position["newest"], *position.get("watermark", ()))
            self._counts = position["counts"]
        self._layout = Layout.load(self.slot.state.get(LAYOUT_KEY))
        self._committed, self._committed_at = self._read.number, now

    def offer(self, message: Input, now: float) -> Rewind | None:
        verdict = self._read.check(message.number(), message.offset)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            self._read.advance(message)
            self._advance_time(message)
            if message.value:
                self._has_lines = True
                arrival_ms = message.number("arrival_ms")
                newest_ms = message.optional("newest_arrival_ms", arrival_ms)
                self._arrival_ms = min(self._arrival_ms or arrival_ms, arrival_ms)
                self._newest_ms = max(self._newest_ms, newest_ms)
                self._sum(message, newest_ms // 1000)
        return None

    def _advance_time(self, message: Input) -> None:
        """Apply the watermark of a block; only one block of a transaction has it."""
        if "watermark" in message.headers:
            caught_up = bool(message.number("caught_up"))
            self._time = self._time.after(Time(NONE, message.number("watermark"), caught_up))

    def skip_gap(self, message: Input) -> int | None:
        return self._read.skip_gap(message)

    def is_due(self, now: float) -> bool:
        if self._has_lines:
            return self._sums.is_full or self._pace.allows(now)
        if now - self._time_sent_at >= HEARTBEAT_S and any(sent != self._time for sent in self._time_sent):
            return True
        return self._read.number != self._committed and now - self._committed_at >= POSITION_S

    @property
    def is_large(self) -> bool:
        return self._sums.is_full

    async def flush(self, now: float) -> None:
        drained = self._sums.drain()
        self._time = replace(self._time, newest=max(self._time.newest, drained.newest_start))
        for name in self._counts:
            self._counts[name] += getattr(drained.counts, name)
        messages = self._partials(drained, now)
        messages += self._dead(drained)
        position = {
            "read": [self._read.number, self._read.offset, self._read.counted],
            "sent": [[sent.number, sent.counted] for sent in self._sent],
            "newest": self._time.newest,
            "watermark": [self._time.watermark, self._time.is_caught_up],
            "counts": self._counts,
        }
        await self.slot.commit({POSITION_KEY: orjson.dumps(position)}, messages)
        self._committed, self._committed_at = self._read.number, now
        metrics.count_lines(drained.counts)
        metrics.count_log_status(drained.rows)
        self._pace.flushed(now, time.time(), self._newest_ms)
        self._has_lines, self._arrival_ms = False, 0

    def _sum(self, block: Input, arrived_s: int) -> None:
        by = _plan(block.headers["format"].decode())
        if isinstance(by, ColumnPlan):
            account, region = (block.headers.get(name, b"").decode(errors="replace") for name in ORIGIN)
            self._sums.add(block.value, by, arrived_s, Origin(account, region))
        else:
            self._sums.refuse(by, block.value)

    def _partials(self, drained: Drained, now: float) -> list[Message]:
        parts = _placed(drained.parts, self._layout)
        targets = set(parts)
        if now - self._time_sent_at >= HEARTBEAT_S:
            targets |= {q for q, sent in enumerate(self._time_sent) if sent != self._time}
            self._time_sent_at = now
        messages = []
        for q in sorted(targets):
            *before, last = by_windows(*parts[q], MESSAGE_ROWS) if q in parts else [None]
            # The watermark follows all rows of the flush.
            messages += [self._partial(q, part) for part in before]
            self._time_sent[q] = self._time
            messages.append(self._partial(q, last))
        return messages

    def _partial(self, q: int, part: tuple[pl.DataFrame, pl.DataFrame] | None) -> Message:
        value, flows, headers = _encoded(part)
        time = self._time_sent[q]
        return self._sent[q].message(
            f"{self._settings.prefix}partials",
            q,
            value,
            flows,
            producer=b"%d" % self.slot.partition,
            newest_start=b"%d" % time.newest,
            watermark=b"%d" % time.watermark,
            caught_up=b"%d" % time.is_caught_up,
            arrival_ms=b"%d" % (self._arrival_ms if value else 0),
            **headers,
        )

    def _dead(self, drained: Drained) -> list[Message]:
        origin = f"blocks[{self.slot.partition}]@{self._read.number}"
        prefix, slot = self._settings.prefix, self.slot.partition
        return [
            dead_message(prefix, slot, why, b"\n".join(refused), len(refused), origin)
            for why, refused in drained.refused.items()
        ]


def _placed(parts: Parts, layout: Layout) -> Parts:
    """Return the parts with the rows of windows before a growth in the partitions that these had."""
    placed: dict[int, list[tuple[pl.DataFrame, pl.DataFrame]]] = {}
    for q, (rows, found) in parts.items():
        if not layout.needs_split(rows["window"].min()):  # type: ignore[arg-type]
            placed.setdefault(q, []).append((rows, found))
            continue
        split, talks = layout.split(q, rows), layout.split(q, found)
        for target, part in split.items():
            placed.setdefault(target, []).append((part, talks.get(target, found.clear())))
    return {q: _joined(one) for q, one in placed.items()}


def _joined(parts: list[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows and the conversations of several partitions as one."""
    if len(parts) == 1:
        return parts[0]
    return pl.concat([rows for rows, _ in parts]), conversations.joined(found for _, found in parts)


def _encoded(part: tuple[pl.DataFrame, pl.DataFrame] | None) -> tuple[bytes, int, dict[str, bytes]]:
    """Return the value of a message, the number of its flows, and the header for its conversations.

    The value is the Arrow stream of totals, and after it that of conversations, if there are any.
    """
    if part is None:
        return b"", 0, {}
    rows, found = part
    value, flows = partials.encode(rows), int(rows["flows"].sum())
    if not len(found):
        return value, flows, {}
    return value + conversations.encode(found), flows, {CONVERSATIONS_AT: b"%d" % len(value)}


def _output(sent: list[int] | int) -> Output:
    """Return the stored output to one partition; state of format 1 has the number only."""
    return Output(*sent) if isinstance(sent, list) else Output(sent)


@lru_cache(maxsize=PLANS)
def _plan(line_format: str) -> ColumnPlan | str:
    """Return the plan of a format, or the reason to refuse its lines."""
    try:
        return lines.plan(parse_format(line_format))
    except (BadFormat, UnusableFormat) as error:
        log.warning("unusable line format", format=line_format, error=str(error))
        return "unusable format"
