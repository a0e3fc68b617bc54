"""One API call: its scope, its validated request and its time."""

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
    """A request that has passed `validation.check`. `kinesis` is the store of source streams."""

    streams: DeliveryStreams
    kinesis: Store
    random: Random
    scope: Scope
    request: Request
    now_ms: int

    def text(self, field: str) -> str:
        """Return a text field, or an empty string if it is absent."""
        return cast("str", self.request.get(field, ""))

    def number(self, field: str, default: int) -> int:
        """Return a number field, or the default if it is absent."""
        return cast("int", self.request.get(field, default))

    def stream(self) -> DeliveryStream:
        """Return the delivery stream that the request names, in any state. Raises `Refused`."""
        return self.streams.get(self.scope, self.text("DeliveryStreamName"), self.now_ms)
