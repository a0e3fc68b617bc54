"""Whether exports of CloudWatch Logs to S3 are complete, and the progress of one slot's exported files. Pure.

An export task writes one log stream after the other, and each file has the lines of one interface over the
whole time that was exported. So nothing is complete before all of a task's files are written and read.

CloudWatch Logs says when a task has ended (DescribeExportTasks). Where it knows no task of the folder (they
are another account's, or the permission is missing), exports count as complete when nothing was written for
`QUIET_S`.
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
    key. AWS does not document that this is the task's id, and
    moto makes one for each log stream, so the two are not matched. A folder has the exports of one account
    (`VPCFLOW_ACCOUNT`), so either all of its tasks are known or none is.
    """
    if tasks is None:
        return False
    if tasks:
        return not RUNNING.intersection(tasks.values())
    return all(now_s - at >= QUIET_S for at in written.values())


@dataclass(slots=True)
class ExportProgress:
    """One slot's exported files. `complete_to` is what was committed, or reported since."""

    source: str
    complete_to: int = NONE
    _unread: set[bytes] = field(default_factory=set)
    _complete_at: int | None = None

    def found(self, mark: bytes) -> None:
        """Note a file that is known and not committed."""
        self._unread.add(mark)

    def read(self, mark: bytes) -> None:
        """Note that a file is committed to its end."""
        self._unread.discard(mark)

    def listed(self, newest: int, *, is_complete: bool) -> None:
        """Take a listing that has ended; `newest` is the newest `start` that was known when it began."""
        self._complete_at = newest if is_complete else None

    def now(self) -> SourceProgress | None:
        """Return the progress; None if every file of every task is read."""
        if self._unread or self._complete_at is None:
            state = UNREAD if self.complete_to == NONE else BEHIND
            return SourceProgress(self.source, state, self.complete_to)
        self.complete_to = max(self.complete_to, self._complete_at)
        return None
