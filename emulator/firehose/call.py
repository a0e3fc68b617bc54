"""One call being answered: who asks, what for, and when. The request has passed `validation.check`."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import cast

from emulator.firehose.streams import DeliveryStream, DeliveryStreams
from emulator.kinesis.protocol.wire import Request
from emulator.kinesis.store import Store
from emulator.scope import Scope


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request in its scope, at its time. `kinesis` is where sources are found."""

    streams: DeliveryStreams
    kinesis: Store
    random: Random
    scope: Scope
    request: Request
    now_ms: int

    def text(self, field: str) -> str:
        """Return a text, or nothing if it is absent."""
        return cast("str", self.request.get(field, ""))

    def number(self, field: str, default: int) -> int:
        """Return a number."""
        return cast("int", self.request.get(field, default))

    def stream(self) -> DeliveryStream:
        """Return the delivery stream that is meant, in whatever state it is."""
        return self.streams.get(self.scope, self.text("DeliveryStreamName"), self.now_ms)
