"""The completeness of exports of CloudWatch Logs to S3, and the progress of a slot's exported files. Pure.

An export task writes one log stream after the other, and each file has the lines of one interface over the
whole exported time. So the event time is complete only after all files of a task are written and read.

DescribeExportTasks shows the end of a task. If CloudWatch Logs knows no task of the folder (the tasks belong
to another account, or the permission is missing), exports count as complete after `QUIET_S` without a new
file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.progress import BEHIND, NONE, UNREAD, SourceProgress

QUIET_S = 600
"""AWS documents no longest pause between two files of a task. Ten minutes is the allowed lateness, too."""

RUNNING = frozenset({"PENDING", "RUNNING", "PENDING_CANCEL"})
"""Codes of tasks that may still write. Source: CloudWatch Logs API reference, ExportTaskStatus."""


def are_complete(tasks: Mapping[str, str] | None, written: Mapping[str, int], now_s: float) -> bool:
    """Return whether every export task has written all of its files.

    `tasks` has the status codes of the folder's tasks, as far as CloudWatch Logs knows them; None if it did
    not answer: then no export counts as complete. `written` has the time of the newest file by the id in its
    key. AWS does not document that this is the task's id, and moto makes one for each log stream, so the two
    are not matched. A folder has the exports of one account
    (`VPCFLOW_ACCOUNT`), so either all of its tasks are known or none is.
    """
    if tasks is None:
        return False
    if tasks:
        return not RUNNING.intersection(tasks.values())
    return all(now_s - at >= QUIET_S for at in written.values())


@dataclass(slots=True)
class ExportProgress:
    """The exported files of one slot. `complete_to` is the last reported one."""

    source: str
    complete_to: int = NONE
    _unread: set[bytes] = field(default_factory=set)
    _complete_at: int | None = None

    def found(self, mark: bytes) -> None:
        """Record a file that is not committed."""
        self._unread.add(mark)

    def read(self, mark: bytes) -> None:
        """Record the commit of a file's end."""
        self._unread.discard(mark)

    def listed(self, newest: int, *, is_complete: bool) -> None:
        """Record a complete listing; `newest` is the newest `start` that was known at its beginning."""
        self._complete_at = newest if is_complete else None

    def now(self) -> SourceProgress | None:
        """Return the progress; None if every file of every task is read."""
        if self._unread or self._complete_at is None:
            state = UNREAD if self.complete_to == NONE else BEHIND
            return SourceProgress(self.source, state, self.complete_to)
        self.complete_to = max(self.complete_to, self._complete_at)
        return None
