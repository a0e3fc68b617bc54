"""The progress of a queue: the rule by which the watermark advances although a queue has no order. Pure.

SQS may deliver a message hours after younger ones. So the queue proves nothing about an event time until no
message is left. One instance *claims* the newest `start` that was known before a call, if after that call no
older message can be left:

- The call was a long poll, which asks all servers of SQS, and returned nothing. Or, as a busy queue is never
  empty: for `DRY_S`, no poll was full, and no message older than `FRESH_S` came. A backlog fills polls, and
  its messages are old. A poll full of another reader's messages does not count as full if each of them is
  younger than `FRESH_S` or was received before: SQS returns older messages first, as far as it can, so the
  other reader has no backlog in which older messages could be left. `DRY_S` has dozens of polls.
- Every object received until then is committed, by any instance. A message given back to another
  instance is one of these: this instance claims nothing before it reads that object's mark in `positions`.
  So the instance that last had the message holds the watermark, which is the minimum over all slots.
- No message is invisible because of an instance that died or lost its slots. Such a message is visible again
  after `HIDDEN_S`. So for that time after slots were assigned, only the queue's own count of invisible
  messages can prove that there is none.

A message that was received, given back, and taken from the queue by others (redrive, purge, retention) would
hold the claim without end. It is dropped after `HIDDEN_S` if the queue counts no other message, else after
`LOST_S`.

An export of CloudWatch Logs writes one log stream after the other, with pauses in which the queue is empty.
So nothing is claimed while an export runs (`Poll.is_held`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from connectors.progress import BEHIND, NONE, UNREAD, SourceProgress

DRY_S = 60.0
FRESH_S = 120.0
HIDDEN_S = 65.0  # longer than `queue.VISIBLE_AFTER_S`
LOST_S = 900.0
STALE_CLAIM_S = 180.0  # without a claim for so long, a queue is behind


@dataclass(frozen=True, slots=True)
class Poll:
    """One call of ReceiveMessage. Times are monotonic seconds.

    `newest` is the newest `start` known before the call, `marks` are the objects of its messages that are
    not committed yet, and `oldest_s` is the age of the oldest message of these. A poll that is held proves
    nothing.
    """

    began: float
    newest: int
    is_full: bool = False
    is_empty: bool = False
    marks: tuple[bytes, ...] = ()
    oldest_s: float = 0.0
    is_held: bool = False

    @property
    def is_dry(self) -> bool:
        """Return whether nothing in this poll shows a backlog."""
        return not (self.is_full or self.is_held or self.oldest_s > FRESH_S)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The queue's own counts: visible messages, and invisible ones without those of this instance."""

    visible: int
    foreign_hidden: int


@dataclass(slots=True)
class _Candidate:
    newest: int
    waits_for: set[bytes]


@dataclass(slots=True)
class QueueProgress:
    """The claims of one instance, for all of its slots."""

    claimed: int = NONE
    claimed_at: float | None = None
    _settles_at: float = 0.0
    _open: dict[bytes, float] = field(default_factory=dict)
    _candidate: _Candidate | None = None
    _dry_from: Poll | None = None

    @property
    def open(self) -> Collection[bytes]:
        """Return the marks of received objects whose commit is not known."""
        return self._open.keys()

    def assigned(self, now: float) -> None:
        """Record an assignment of slots. It invalidates earlier observations."""
        self._settles_at = now + HIDDEN_S
        self.claimed, self.claimed_at = NONE, None
        self._candidate = self._dry_from = None

    def polled(self, poll: Poll, now: float, counts: QueueCounts | None = None) -> None:
        """Record a call. `counts` are those after an empty call; None if they are not allowed."""
        for mark in poll.marks:
            self._open[mark] = now
        if poll.is_empty and not poll.is_held:
            self._found_empty(poll, counts)
        if not poll.is_dry:
            self._dry_from = None
        elif self._dry_from is None:
            self._dry_from = poll
        elif now - self._dry_from.began >= DRY_S:
            if self._dry_from.began >= self._settles_at:
                self._offer(self._dry_from.newest)
            self._dry_from = poll

    def _found_empty(self, poll: Poll, counts: QueueCounts | None) -> None:
        if counts is not None and counts.visible:
            return  # A long poll also returns nothing if too many messages are invisible (quota of SQS).
        is_settled = poll.began >= self._settles_at
        if is_settled or (counts is not None and not counts.foreign_hidden):
            self._offer(poll.newest)

    def _offer(self, newest: int) -> None:
        if self._candidate is None:  # Keep an older one, or a busy instance would never complete one.
            self._candidate = _Candidate(newest, set(self._open))

    def settle(
        self,
        is_done: Callable[[bytes], bool],
        in_hand: Collection[bytes],
        now: float,
        counts: QueueCounts | None,
    ) -> list[bytes]:
        """Drop committed objects, and claim the proven event time. Return the marks of lost objects.

        `in_hand` are the objects of messages that this instance has. If `counts` has no message, the messages
        of all other open objects were removed from the queue.
        """
        is_gone = counts is not None and not counts.visible and not counts.foreign_hidden
        keep_s = HIDDEN_S if is_gone else LOST_S
        done = {mark for mark in self._open if is_done(mark)}
        lost = [
            mark
            for mark, seen in self._open.items()
            if mark not in done and mark not in in_hand and now - seen > keep_s
        ]
        for mark in [*done, *lost]:
            del self._open[mark]
        if self._candidate is not None:
            self._candidate.waits_for.intersection_update(self._open)
            if not self._candidate.waits_for:
                self.claimed, self.claimed_at = max(self.claimed, self._candidate.newest), now
                self._candidate = None
        return lost

    def of_slot(self, source: str, complete_to: int, now: float) -> tuple[int, SourceProgress | None]:
        """Return the `complete_to` of a slot, and its progress if it is behind.

        `complete_to` is the committed one.
        """
        complete_to = max(complete_to, self.claimed)
        if self.claimed_at is not None and now - self.claimed_at < STALE_CLAIM_S:
            return complete_to, None
        state = UNREAD if complete_to == NONE else BEHIND
        return complete_to, SourceProgress(source, state, complete_to)
