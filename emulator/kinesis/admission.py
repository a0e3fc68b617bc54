"""The decision to store or to throttle one record. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.kinesis.state.shards import Shard


@dataclass(frozen=True, slots=True)
class Throttled:
    """The error of a record that was throttled and not stored."""

    code: str
    message: str


Admit = Callable[[Shard, int], Throttled | None]
"""A function from a shard and a record size in bytes to None, if the record is admitted, or to its error."""
