"""The marks of a life's last windows, and what a run of them means: (window start, mark), oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

BREACH, BETWEEN, CALM = "b", "h", "c"
# Twice what hold and clear look at together: room for windows that come out of order, and for open ones that
# are ahead of the watermark by the allowed lateness of ten minutes.
MARKS_MAX = 20

Marks = tuple[tuple[int, str], ...]


class Marked(Protocol):
    """A window with a mark."""

    @property
    def window_start(self) -> int: ...

    @property
    def mark(self) -> str: ...


def with_mark(marks: Sequence[tuple[int, str]], one: Marked) -> Marks:
    """Return marks with that of a window, which replaces an older one of the same window."""
    found = dict(marks) | {one.window_start: one.mark}
    return tuple(sorted(found.items())[-MARKS_MAX:])


def calm_tail(marks: Sequence[tuple[int, str]]) -> int:
    """Count the calm windows after the last one that was not."""
    count = 0
    for _, mark in reversed(marks):
        if mark != CALM:
            break
        count += 1
    return count


def latest_run(marks: Sequence[tuple[int, str]], window_s: int, hold: int) -> int | None:
    """Return the start of the latest run of at least `hold` adjacent breaches."""
    found: int | None = None
    first = previous = -1
    for start in _breaches(marks):
        if previous < 0 or start - previous != window_s:
            first = start
        previous = start
        if start - first >= (hold - 1) * window_s:
            found = first
    return found


def open_breach(marks: Sequence[tuple[int, str]], window_s: int) -> int | None:
    """Return the latest breach that may still become a run.

    It may not once the window after it is judged, or two later ones are: then that window had no traffic.
    """
    breaches = _breaches(marks)
    if not breaches:
        return None
    later = [start for start, _ in marks if start > breaches[-1]]
    return None if len(later) >= 2 or breaches[-1] + window_s in later else breaches[-1]


def _breaches(marks: Sequence[tuple[int, str]]) -> list[int]:
    return [start for start, mark in marks if mark == BREACH]
