"""The decision whether a shard takes one record now, and the reason why it does not. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.kinesis.state.shards import Shard


@dataclass(frozen=True, slots=True)
class Throttled:
    """Why one record was not stored."""

    code: str
    message: str


Admit = Callable[[Shard, int], Throttled | None]
"""Says whether a shard takes a record of so many bytes now; None is yes, and counts it."""
