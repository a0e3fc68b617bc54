"""How many log events that came through us moto keeps, by log stream, and which streams to empty. Pure.

moto keeps every event for ever, in its memory. AWS has retention for that; moto knows the setting and does
not act on it. So there is a bound, beyond which the fullest streams lose what they hold.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from emulator.scope import Scope

EVENTS_KEPT_MAX = 200_000
"""About 150 MB in moto, at 0.7 kB an event of the default format."""

LogStream = tuple[Scope, str, str]
"""A scope, a log group and a log stream."""


@dataclass(slots=True)
class EventsKept:
    """The counts."""

    most: int = EVENTS_KEPT_MAX
    _counts: Counter[LogStream] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many events are kept."""
        return self._counts.total()

    def add(self, stream: LogStream, events: int) -> None:
        """Count events that were taken."""
        self._counts[stream] += events

    def forget(self, scope: Scope, log_group: str, log_stream: str = "") -> None:
        """Forget a stream that was deleted or emptied, or a whole group."""
        for one in list(self._counts):
            if one[:2] == (scope, log_group) and log_stream in {"", one[2]}:
                del self._counts[one]

    def to_empty(self) -> list[LogStream]:
        """Return which streams to empty now: none, or the fullest until half of the bound is left."""
        total = self.total
        if total <= self.most:
            return []
        found = []
        for stream, events in self._counts.most_common():
            found.append(stream)
            total -= events
            if total <= self.most // 2:
                break
        return found
