"""The third hop, `detect`: windows in, alert transitions out."""

from __future__ import annotations

import time

import orjson

from connectors.kafka.messages import Message
from connectors.settings import Work
from streams.alerts.alert_state import CANCELLED
from streams.alerts.evaluator import Evaluator
from streams.numbering import Input, Rewind, Sequence
from streams.records import Alert
from streams.sums import partials
from streams.windows.aggregate_encoding import with_final
from streams.worker.hops import Pace, make_slot

POSITION_KEY = b"place"  # part of the state format


class DetectHop:
    """The hop from `finals[q]` to `alerts[q]`."""

    input = "finals"

    def __init__(self, settings: Work, partition: int) -> None:
        self.slot = make_slot(settings, "detect", partition)
        self._settings = settings
        self._read = Sequence()
        self._evaluator = Evaluator()
        self._messages: list[Message] = []
        self._has_input = False
        self._pace = Pace()

    @property
    def next_offset(self) -> int:
        return self._read.offset + 1

    async def open(self, now: float) -> None:
        await self.slot.open()
        state = dict(self.slot.state)
        if value := state.pop(POSITION_KEY, None):
            self._read = Sequence.of(orjson.loads(value))
        self._evaluator = Evaluator.load(state)

    def offer(self, message: Input, now: float) -> Rewind | None:
        verdict = self._read.check(message.number(), message.offset)
        if isinstance(verdict, Rewind):
            return verdict
        if verdict:
            self._read.advance(message)
            self._has_input = True
            at = message.conversations_at
            finals = with_final(partials.decode(message.value[:at]))
            alerts = self._evaluator.evaluate(finals, message.number("watermark"))
            self._messages += [self._message(alert) for alert in alerts]
        return None

    def _message(self, alert: Alert) -> Message:
        # A pending alert that never fired is deleted from the compacted topic.
        value = None if alert.status == CANCELLED else alert.encode()
        topic = f"{self._settings.prefix}alerts"
        return Message(topic, self.slot.partition, alert.fingerprint.encode(), value)

    def skip_gap(self, message: Input) -> int | None:
        return self._read.skip_gap(message)

    def is_due(self, now: float) -> bool:
        return self._has_input and self._pace.allows(now)

    @property
    def is_large(self) -> bool:
        return False

    async def flush(self, now: float) -> None:
        position = orjson.dumps([self._read.number, self._read.offset, self._read.counted])
        await self.slot.commit({**self._evaluator.take_changes(), POSITION_KEY: position}, self._messages)
        self._messages, self._has_input = [], False
        self._pace.flushed(now, time.time())
