"""The marks of an alert's last windows, and the runs in them. Pure.

Marks are pairs of window start and mark, oldest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

BREACH, BETWEEN, CALM = "b", "h", "c"
"""Above the threshold; below it and above the resolve threshold; below both. Part of the state format."""

# Twice what hold and clear need together: space for windows out of order, and for open windows, which are
# ahead of the watermark by the allowed lateness of ten minutes.
MARKS_MAX = 20

Marks = tuple[tuple[int, str], ...]


class Marked(Protocol):
    """A window with a mark."""

    @property
    def window_start(self) -> int: ...

    @property
    def mark(self) -> str: ...


def with_mark(marks: Sequence[tuple[int, str]], window: Marked) -> Marks:
    """Return the marks with that of a window, which replaces an earlier mark of the same window."""
    found = dict(marks) | {window.window_start: window.mark}
    return tuple(sorted(found.items())[-MARKS_MAX:])


def count_calm_tail(marks: Sequence[tuple[int, str]]) -> int:
    """Count the calm windows after the last window that is not calm."""
    count = 0
    for _, mark in reversed(marks):
        if mark != CALM:
            break
        count += 1
    return count


def latest_run(marks: Sequence[tuple[int, str]], window_s: int, hold: int) -> int | None:
    """Return the start of the latest run of at least `hold` adjacent breaches; None if there is none."""
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
    """Return the latest breach that can still become a run; None if there is none.

    It cannot if the window after it has a mark that is no breach, or if two later windows have marks: then
    the window after it had no traffic.
    """
    breaches = _breaches(marks)
    if not breaches:
        return None
    later = [start for start, _ in marks if start > breaches[-1]]
    return None if len(later) >= 2 or breaches[-1] + window_s in later else breaches[-1]


def _breaches(marks: Sequence[tuple[int, str]]) -> list[int]:
    return [start for start, mark in marks if mark == BREACH]
