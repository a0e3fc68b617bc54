"""The third hop: final windows in, transitions of alerts out."""

from __future__ import annotations

import time

import orjson
import polars as pl

from connectors.messages import Message
from connectors.settings import Work
from streams import partials
from streams.alerts.detectors import evidence
from streams.alerts.lives import Lives
from streams.hops import Pace, make_slot
from streams.numbering import Input, Rewind, Sequence
from streams.records import Final

PLACE_KEY = b"place"


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
            self._read = Sequence.of(orjson.loads(value))
        self._lives = Lives.load(state)

    def offer(self, message: Input, now: float) -> Rewind | None:
        verdict = self._read.check(message.number(), message.offset)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            self._read.took(message)
            self._touched = True
            self._observe(partials.decode(message.value), message.number("watermark"))
        return None

    def _observe(self, finals: pl.DataFrame, watermark: int) -> None:
        # A window that proves nothing matters only where an alert is waiting for calm.
        proven, watched = evidence(finals), self._lives.watched()
        rows = [Final(*row) for row in finals.iter_rows() if (row[0], row[2]) in proven or row[0] in watched]
        alerts = []
        for (eni, start), window in _by_window(rows).items():
            alerts += self._lives.observe(eni, start, window[0].window_s, window)
        alerts += self._lives.advance(watermark)
        topic = f"{self._settings.prefix}alerts"
        self._messages += [
            Message(topic, self.slot.partition, a.fingerprint.encode(), a.encode()) for a in alerts
        ]

    def step_over(self, message: Input) -> int | None:
        return self._read.skip(message)

    def is_due(self, now: float) -> bool:
        return self._touched and self._pace.allows(now)

    async def flush(self, now: float) -> None:
        place = orjson.dumps([self._read.number, self._read.offset, self._read.counted])
        await self.slot.commit({**self._lives.changed(), PLACE_KEY: place}, self._messages)
        self._messages, self._touched = [], False
        self._pace.flushed(now, time.time())


def _by_window(rows: list[Final]) -> dict[tuple[str, int], list[Final]]:
    """Group finals by entity and window, oldest window first."""
    groups: dict[tuple[str, int], list[Final]] = {}
    for row in sorted(rows, key=lambda row: row.window_start):
        groups.setdefault((row.eni, row.window_start), []).append(row)
    return groups
