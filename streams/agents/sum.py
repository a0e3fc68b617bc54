"""The first hop: lines in, partial sums out; what cannot be understood goes to `dead` with its reason."""

from __future__ import annotations

import time

import orjson
import structlog

from connectors.dead import dead_message
from connectors.flowlog import BadFormat, parse_format
from connectors.messages import Message
from connectors.settings import Work
from streams import lines, metrics, partials
from streams.hops import Input, Pace, Rewind, Sequence, make_slot, numbered
from streams.lines import Plan, UnusableFormat
from streams.sums import Counts, Drained, Sums, plausible_start

log = structlog.get_logger()

PLACE_KEY = b"place"
HEARTBEAT_S = 1.0  # partitions that a flush had nothing for still learn the time (design.md 2)


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
        self._arrival_ms, self._newest_ms = 0, 0
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
            self._newest_ms = max(self._newest_ms, arrival_ms)
        return None

    def step_over(self, message: Input) -> None:
        self._read.took(message.number() - 1, message.offset - 1)

    def is_due(self, now: float) -> bool:
        if self._touched:
            return self._sums.is_full or self._pace.allows(now)
        return now - self._told_at >= HEARTBEAT_S and any(told < self._newest for told in self._told)

    async def flush(self, now: float) -> None:
        drained = self._sums.drain()
        self._newest = max(self._newest, plausible_start(drained.newest_start, self._newest_ms // 1000))
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
        metrics.count_log_status(drained.rows)
        self._pace.flushed(now, time.time(), self._newest_ms)
        self._touched, self._arrival_ms = False, 0

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
