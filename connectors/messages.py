"""One Kafka message that a hop wants to send: pure modules make it, a slot sends it in its transaction."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.blocks import Headers


@dataclass(frozen=True, slots=True)
class Message:
    """Where it goes, and what it is; a value of None deletes the key of a compacted topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
