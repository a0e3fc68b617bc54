"""One transaction of a slot: what it writes to its state and to other topics. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.kafka.blocks import Sent
from connectors.kafka.messages import Message


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of a slot, and what the slot has sent after it."""

    state: dict[bytes, bytes | None]
    messages: list[Message]
    sent: Sent
