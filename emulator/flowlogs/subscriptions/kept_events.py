"""The count of log events that moto retains, by log stream, and the choice of streams to empty. Pure.

moto keeps all events in memory and ignores the retention setting. Above a limit, the streams with the most
events are therefore emptied.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from emulator.scope import Scope

EVENTS_KEPT_MAX = 200_000
"""About 150 MB in moto, at 0.7 kB per event of the default format."""

LogStream = tuple[Scope, str, str]
"""A scope, a log group and a log stream."""


@dataclass(slots=True)
class KeptEvents:
    """The number of retained events of each log stream. `most` is the limit of their sum."""

    most: int = EVENTS_KEPT_MAX
    _counts: Counter[LogStream] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """The number of retained events."""
        return self._counts.total()

    def add(self, stream: LogStream, events: int) -> None:
        """Add accepted events."""
        self._counts[stream] += events

    def forget(self, scope: Scope, log_group: str, log_stream: str = "") -> None:
        """Remove a deleted or emptied stream. If `log_stream` is empty, remove the whole group."""
        for one in list(self._counts):
            if one[:2] == (scope, log_group) and log_stream in {"", one[2]}:
                del self._counts[one]

    def to_empty(self) -> list[LogStream]:
        """Return the streams to empty. Above the limit, these are the fullest, down to half the limit."""
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
