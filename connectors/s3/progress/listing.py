"""The progress of one slot's objects that are found by listing. Pure.

A listing returns every object of a bucket. After a listing, a slot is therefore complete to the beginning of
its oldest unread object: the name has the five minutes of an object, and the allowed lateness covers older
lines in it. A slot without an unread object is complete to the newest object of the listing, of any slot,
because later objects are newer.

A name proves nothing: a delayed file has older lines than its name indicates. So no slot is complete to more
than the newest known `start`. Before the first listing ends, a slot keeps its committed progress.

A listing that is cut holds the slot at the oldest object that it left out. A listing that fails or takes long
holds all slots, because only a complete listing counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from connectors.progress import BEHIND, NONE, UNREAD, Group, SourceProgress


@dataclass(frozen=True, slots=True)
class Listed:
    """A complete listing.

    `newest` is the newest `start` that was known at its beginning, `newest_object` the newest `file_s` in it.
    """

    newest: int = NONE
    newest_object: int = NONE


@dataclass(slots=True)
class ListedProgress:
    """The objects of one slot. `complete_to` is the last reported one."""

    source: str
    complete_to: int = NONE
    _listed: Listed | None = None
    _left_from: int | None = None
    _unread: dict[bytes, int] = field(default_factory=dict)
    _by_age: list[tuple[int, bytes]] = field(
        default_factory=list
    )  # a heap; some of its objects may be committed

    def found(self, mark: bytes, file_s: int) -> None:
        """Record an object that is not committed."""
        self._unread[mark] = file_s
        heapq.heappush(self._by_age, (file_s, mark))

    def read(self, mark: bytes) -> None:
        """Record the commit of an object's end."""
        self._unread.pop(mark, None)

    def listed(self, listed: Listed, left_from: int | None) -> None:
        """Record a complete listing; `left_from` is the beginning of the oldest object that it left out."""
        self._listed, self._left_from = listed, left_from

    @property
    def oldest_unread(self) -> int | None:
        """Return the beginning of the oldest object that is not committed."""
        while self._by_age and self._by_age[0][1] not in self._unread:
            heapq.heappop(self._by_age)
        return self._by_age[0][0] if self._by_age else None

    @property
    def next_s(self) -> int | None:
        """Return the event time of the next object; None if there is none.

        A delayed object that is older than `complete_to` holds no other slot.
        """
        oldest = self.oldest_unread
        return None if oldest is None else max(oldest, self.complete_to)

    def now(self, newest: int) -> SourceProgress | None:
        """Advance `complete_to`; return the progress, or None if the slot is caught up.

        `newest` is the newest `start` that any slot has committed.
        """
        if self._listed is None:
            return self._behind()
        behind = [one for one in (self.oldest_unread, self._left_from) if one is not None]
        # An exported file that was left out may be newer than the event time that the listing proves.
        to = min([max(self._listed.newest, self._listed.newest_object), *behind])
        self.complete_to = max(self.complete_to, min(to, newest))
        return self._behind() if behind else None

    def _behind(self) -> SourceProgress:
        return SourceProgress(self.source, UNREAD if self.complete_to == NONE else BEHIND, self.complete_to)


def slowest(group: Group, source: str, now_ms: int) -> int | None:
    """Return the `complete_to` of the slowest slot that reads this source; None if no slot is behind.

    Only slots with a live connector count, and only this source: an export may be behind for hours.
    """
    own = {
        slot: replace(one, sources=tuple(behind for behind in one.sources if behind.source == source))
        for slot, one in group.slots.items()
    }
    return Group(group.count, own).slowest(now_ms)


def may_read(
    file_s: int, complete_to: int, slowest_to: int | None, others: Iterable[int], align_s: int
) -> bool:
    """Return whether an object may be read now, or has to wait for slower slots.

    `others` are the times of the next objects of this process's slots (`ListedProgress.next_s`). An object
    waits if it is more than `align_s` newer than one of these, or than the slowest slot of any process. The
    slowest slot itself does not wait, because it would wait for its own next object.
    """
    if file_s > min(others, default=file_s) + align_s:
        return False
    return slowest_to is None or complete_to <= slowest_to or file_s <= slowest_to + align_s
