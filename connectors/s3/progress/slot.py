"""The progress of one slot of `connect s3`, with a listing or a queue. Pure.

With a listing, a slot has one source for the bucket's flow-log files (`listing`), and one for exported files
if a folder of these is set (`exports`). With a queue, it has one source (`queue`), because messages of both
kinds have no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.progress import NONE, SlotProgress, SourceProgress
from connectors.s3.keys import Object
from connectors.s3.progress.exports import ExportProgress
from connectors.s3.progress.listing import Listed, ListedProgress
from connectors.s3.progress.queue import QueueProgress


@dataclass(frozen=True, slots=True)
class Now:
    """The time: `newest` is the newest `start` that any slot has committed, `monotonic` is in seconds."""

    newest: int
    epoch_ms: int
    monotonic: float


class ObjectProgress(Protocol):
    """The progress of the objects of a slot."""

    def found(self, one: Object) -> None:
        """Record an object that is not committed."""

    def read(self, one: Object) -> None:
        """Record the commit of an object's end."""

    def report(self, newest: int, now: Now) -> SlotProgress:
        """Return the progress to commit; `newest` is the newest `start` that this slot has committed."""


def complete_before(committed: SlotProgress | None, source: str) -> int:
    """Return the `complete_to` of a source in the last report of the slot's earlier owner."""
    if committed is None:
        return NONE
    named = (one.complete_to for one in committed.sources if one.source == source)
    return next(named, committed.caught_up_to if committed.caught_up else committed.hold)


@dataclass(slots=True)
class ListingProgress:
    """The progress of a slot with a listing."""

    files: ListedProgress
    exports: ExportProgress | None = None

    @classmethod
    def of(cls, source: str, exports: str, committed: SlotProgress | None) -> ListingProgress:
        """Return the progress of a slot whose earlier owner reported `committed`; `exports` may be empty."""
        files = ListedProgress(source, complete_before(committed, source))
        if not exports:
            return cls(files)
        return cls(files, ExportProgress(exports, complete_before(committed, exports)))

    def found(self, one: Object) -> None:
        """Record an object that is not committed."""
        if self.exports is not None and one.file.line_format:
            self.exports.found(one.mark)
        else:
            self.files.found(one.mark, one.file.file_s)

    def read(self, one: Object) -> None:
        """Record the commit of an object's end."""
        self.files.read(one.mark)
        if self.exports is not None:
            self.exports.read(one.mark)

    def listed(self, listed: Listed, left_from: int | None, *, are_exports_complete: bool) -> None:
        """Record a complete listing; `left_from` is the beginning of the oldest object that it left out."""
        self.files.listed(listed, left_from)
        if self.exports is not None:
            is_complete = are_exports_complete and left_from is None
            self.exports.listed(listed.newest, is_complete=is_complete)

    def report(self, newest: int, now: Now) -> SlotProgress:
        """Return the progress to commit; `newest` is the newest `start` that this slot has committed."""
        found = [(self.files.now(now.newest), self.files.complete_to)]
        if self.exports is not None:
            found.append((self.exports.now(), self.exports.complete_to))
        return _report(found, newest, now)


@dataclass(slots=True)
class QueuedProgress:
    """The progress of a slot with a queue; all slots of the process share `queue`."""

    source: str
    queue: QueueProgress
    complete_to: int = NONE

    def found(self, one: Object) -> None:
        """Do nothing: the queue records the object with its message."""

    def read(self, one: Object) -> None:
        """Do nothing: the queue reads the object's mark."""

    def report(self, newest: int, now: Now) -> SlotProgress:
        """Return the progress to commit; `newest` is the newest `start` that this slot has committed."""
        self.complete_to, behind = self.queue.of_slot(self.source, self.complete_to, now.monotonic)
        return _report([(behind, self.complete_to)], newest, now)


def _report(found: list[tuple[SourceProgress | None, int]], newest: int, now: Now) -> SlotProgress:
    caught_up = [complete_to for behind, complete_to in found if behind is None]
    return SlotProgress(
        sources=tuple(behind for behind, _ in found if behind is not None),
        caught_up=len(caught_up),
        caught_up_to=min(caught_up, default=now.newest),
        newest=newest,
        reported_ms=now.epoch_ms,
    )
