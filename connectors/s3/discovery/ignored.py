"""The count of objects or messages that are ignored because they are not flow logs, and its reports. Pure.

The first one is reported at once. After that, a report follows at most once an hour, and only if the count
has grown. So a shared bucket or queue causes one log line, and nothing is ignored silently.
"""

from __future__ import annotations

from dataclasses import dataclass

REPORT_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class IgnoredObjects:
    """The number of ignored objects, and the name of one."""

    count: int
    example: str


@dataclass(slots=True)
class Ignored:
    """The count of one kind, the newest example, and the last report."""

    count: int = 0
    example: str = ""
    _reported: int = 0
    _reported_at: float | None = None

    def add(self, example: str) -> None:
        """Count one more."""
        self.count, self.example = self.count + 1, example

    def found(self, count: int, example: str) -> None:
        """Replace the count by that of a complete search."""
        self.count, self.example = count, example or self.example

    def due(self, now: float) -> IgnoredObjects | None:
        """Return the report that is due at `now` (monotonic seconds), and record it as made."""
        is_early = self._reported_at is not None and now - self._reported_at < REPORT_EVERY_S
        if self.count <= self._reported or is_early:
            return None
        self._reported, self._reported_at = self.count, now
        return IgnoredObjects(self.count, self.example)
