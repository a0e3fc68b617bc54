"""The first hop: lines in, partial sums out; what cannot be understood goes to `dead` with its reason.

The hop passes the watermark of its blocks on, with the newest `start` that it has read. A block without lines
moves only these, so it causes no flush.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache

import orjson
import structlog

from connectors.formats.flowlog import BadFormat, parse_format
from connectors.kafka.dead import dead_message
from connectors.kafka.messages import Message
from connectors.progress import NONE
from connectors.settings import Work
from streams.numbering import Input, Output, Rewind, Sequence
from streams.sums import lines, partials
from streams.sums.accumulator import Counts, Drained, Sums
from streams.sums.lines import Plan, UnusableFormat
from streams.windows.watermark import Time
from streams.worker import metrics
from streams.worker.hops import PLACE_S, Pace, make_slot

log = structlog.get_logger()

PLACE_KEY = b"place"
HEARTBEAT_S = 1.0  # partitions that a flush had nothing for still learn the time
PLANS = 1024  # of formats: headers and JSON rows in the data define any number of them


class SumHop:
    """`blocks[p]` → one message to each `partials[q]` that the flush has sums for; `dead`."""

    input = "blocks"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "sum", partition)
        self._settings, self._sums = settings, Sums(settings.window_s)
        self._read = Sequence()
        self._sent = [Output() for _ in range(settings.slots)]
        self._time = Time()
        self._told = [Time() for _ in range(settings.slots)]
        self._counts = dict.fromkeys(Counts.__slots__, 0)
        self._touched = False
        self._arrival_ms, self._newest_ms = 0, 0
        self._told_at = 0.0
        self._kept, self._kept_at = -1, 0.0
        self._pace = Pace()

    @property
    def place(self) -> int:
        return self._read.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        if value := self.slot.state.get(PLACE_KEY):
            place = orjson.loads(value)
            self._read = Sequence.of(place["read"])
            self._sent = [_output(sent) for sent in place["sent"]]
            self._time = Time(place["newest"], *place.get("watermark", ()))
            self._counts = place["counts"]
        self._kept, self._kept_at = self._read.number, now

    def offer(self, message: Input, now: float) -> Rewind | None:
        verdict = self._read.check(message.number(), message.offset)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            self._read.took(message)
            self._move(message)
            if message.value:
                self._touched = True
                arrival_ms = message.number("arrival_ms")
                newest_ms = message.optional("newest_arrival_ms", arrival_ms)
                self._arrival_ms = min(self._arrival_ms or arrival_ms, arrival_ms)
                self._newest_ms = max(self._newest_ms, newest_ms)
                self._sum(message.value, message.headers["format"].decode(), newest_ms // 1000)
        return None

    def _move(self, message: Input) -> None:
        """Take the watermark of a block; not every block of a transaction has one."""
        if "watermark" in message.headers:
            caught_up = bool(message.number("caught_up"))
            self._time = self._time.after(Time(NONE, message.number("watermark"), caught_up))

    def step_over(self, message: Input) -> int | None:
        return self._read.skip(message)

    def is_due(self, now: float) -> bool:
        if self._touched:
            return self._sums.is_full or self._pace.allows(now)
        if now - self._told_at >= HEARTBEAT_S and any(told != self._time for told in self._told):
            return True
        return self._read.number != self._kept and now - self._kept_at >= PLACE_S

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
        place = {
            "read": [self._read.number, self._read.offset, self._read.counted],
            "sent": [[sent.number, sent.counted] for sent in self._sent],
            "newest": self._time.newest,
            "watermark": [self._time.watermark, self._time.is_caught_up],
            "counts": self._counts,
        }
        await self.slot.commit({PLACE_KEY: orjson.dumps(place)}, messages)
        self._kept, self._kept_at = self._read.number, now
        metrics.count_lines(drained.counts)
        metrics.count_log_status(drained.rows)
        self._pace.flushed(now, time.time(), self._newest_ms)
        self._touched, self._arrival_ms = False, 0

    def _sum(self, text: bytes, line_format: str, arrived_s: int) -> None:
        by = _plan(line_format)
        if isinstance(by, Plan):
            self._sums.add(text, by, arrived_s)
        else:
            self._sums.refuse(by, text)

    def _partials(self, drained: Drained, now: float) -> list[Message]:
        parts = partials.split(drained.rows, len(self._sent)) if len(drained.rows) else {}
        targets = set(parts)
        if now - self._told_at >= HEARTBEAT_S:
            targets |= {q for q, told in enumerate(self._told) if told != self._time}
            self._told_at = now
        messages = []
        for q in sorted(targets):
            self._told[q] = self._time
            part = parts.get(q)
            messages.append(
                self._sent[q].message(
                    f"{self._settings.prefix}partials",
                    q,
                    b"" if part is None else partials.encode(part),
                    0 if part is None else int(part["flows"].sum()),
                    producer=b"%d" % self.slot.partition,
                    newest_start=b"%d" % self._time.newest,
                    watermark=b"%d" % self._time.watermark,
                    caught_up=b"%d" % self._time.is_caught_up,
                    arrival_ms=b"%d" % (0 if part is None else self._arrival_ms),
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


def _output(sent: list[int] | int) -> Output:
    """Read what was sent to one partition; state of format 1 has the number alone."""
    return Output(*sent) if isinstance(sent, list) else Output(sent)


@lru_cache(maxsize=PLANS)
def _plan(line_format: str) -> Plan | str:
    """Return the plan of a format, or why lines of it are refused."""
    try:
        return lines.plan(parse_format(line_format))
    except (BadFormat, UnusableFormat) as error:
        log.warning("unusable line format", format=line_format, error=str(error))
        return "unusable format"
