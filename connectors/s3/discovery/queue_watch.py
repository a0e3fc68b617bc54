"""The observations of a queue's polls, messages and counts, for the rule in `progress.queue`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws.calls import Caller
from connectors.aws.errors import DENIED, code_of
from connectors.progress import Group
from connectors.s3.discovery.export_tasks import ExportTasks
from connectors.s3.discovery.exports import Exports
from connectors.s3.keys import Object
from connectors.s3.progress.exports import QUIET_S, are_complete
from connectors.s3.progress.queue import FRESH_S, Poll, QueueCounts, QueueProgress

log = structlog.get_logger()

RECEIVE_MAX = 10  # messages of one ReceiveMessage call: the maximum of SQS
TASKS_EVERY_S = 10.0
EVENT_DELAY_S = 60
"""How long a message about an export's last file may take after the export has ended. S3 delivers events in
seconds, sometimes in a minute or longer (S3 guide, "Amazon S3 Event Notifications")."""

HIDDEN_MAX = 10_000  # foreign messages that are kept before the visible ones are dropped

_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class Received:
    """One message of a poll: its objects that are not committed yet, and when it was sent, epoch seconds.

    `is_foreign`: it has nothing for this connector. `receives` is `ApproximateReceiveCount`.
    """

    objects: tuple[Object, ...] = ()
    sent_s: float = 0.0
    is_foreign: bool = False
    receives: int = 1

    def may_hide_others(self, now_s: float) -> bool:
        """Return whether older messages may be left, if a poll that is full has this one.

        SQS returns older messages first, as far as it can ("best-effort ordering"). A foreign message that is
        young, or that was received before, is therefore no sign of a backlog.
        """
        return not (self.is_foreign and (self.receives > 1 or now_s - self.sent_s <= FRESH_S))


class QueueWatch:
    """The observations of one queue by this instance."""

    def __init__(
        self,
        client: Any,
        caller: Caller,
        url: str,
        group: Group,
        is_done: Callable[[Object], bool],
        exports: Exports | None,
    ) -> None:
        self.progress = QueueProgress()
        self._caller = caller
        self._client, self._url, self._group, self._is_done = client, url, group, is_done
        self._objects: dict[bytes, Object] = {}
        self._hidden: dict[str, float] = {}  # foreign messages by id, with the end of their invisibility
        self._prune_at = HIDDEN_MAX
        self._may_count = True
        self._exports = exports
        self._tasks: ExportTasks | None = None
        self._codes: Mapping[str, str] | None = {}
        self._codes_at = -TASKS_EVERY_S
        self._ran_at = float("-inf")  # the last time that an export was running
        self._written: dict[str, int] = {}

    def hid(self, message_id: str, for_s: int) -> None:
        """Record that this instance made a foreign message invisible for a time."""
        self._hidden[message_id] = time.monotonic() + for_s
        if len(self._hidden) > self._prune_at:
            self._forget_visible()
            self._prune_at = max(HIDDEN_MAX, 2 * len(self._hidden))

    def _forget_visible(self) -> None:
        soon = time.monotonic() + 1
        self._hidden = {one: until for one, until in self._hidden.items() if until > soon}

    def before(self) -> Poll:
        """Return the poll that begins now."""
        return Poll(time.monotonic(), self._group.newest)

    async def after(self, began: Poll, received: Sequence[Received], in_hand: Sequence[Object]) -> None:
        """Evaluate a poll that has ended with these messages. Claim the event time that is proven.

        `in_hand` are the objects of the messages that this instance has received and not yet settled.
        """
        now_s = time.time()
        found = [(one, each.sent_s) for each in received for one in each.objects]
        self._objects |= {one.mark: one for one, _ in found}
        self._note_exports(found)
        poll = Poll(
            began.began,
            began.newest,
            is_full=len(received) >= RECEIVE_MAX and any(one.may_hide_others(now_s) for one in received),
            is_empty=not received,
            marks=tuple(one.mark for one, _ in found),
            oldest_s=max((now_s - sent_s for _, sent_s in found), default=0.0),
            is_held=await self._is_export_running(),
        )
        counts = await self._counts(len(in_hand)) if poll.is_empty else None
        now = time.monotonic()
        self.progress.polled(poll, now, counts)
        marks = {one.mark for one in in_hand}
        lost = self.progress.settle(lambda mark: self._is_done(self._objects[mark]), marks, now, counts)
        if lost:
            name = self._objects[lost[0]].name
            log.warning(
                "messages left the queue before their objects were read", count=len(lost), example=name
            )
        self._objects = {mark: self._objects[mark] for mark in self.progress.open}

    async def _counts(self, in_hand: int) -> QueueCounts | None:
        """Return the queue's own counts; None if they are not allowed, or the call failed."""
        if not self._may_count:
            return None
        try:
            answer = await self._caller.once(
                "GetQueueAttributes",
                self._client.get_queue_attributes,
                QueueUrl=self._url,
                AttributeNames=list(_COUNTS),
            )
        except (ClientError, BotoCoreError) as error:
            self._may_count = code_of(error) not in DENIED
            return None
        visible, hidden = (int(answer["Attributes"][name]) for name in _COUNTS)
        self._forget_visible()
        # An unsettled message may just have been deleted, so invisible ones count as foreign.
        return QueueCounts(visible, hidden if in_hand else max(hidden - len(self._hidden), 0))

    def _note_exports(self, found: Sequence[tuple[Object, float]]) -> None:
        for one, sent_s in found:
            if self._exports is not None and one.file.line_format:
                task = self._exports.task(one.key)
                self._written[task] = max(self._written.get(task, 0), int(sent_s))
                if self._tasks is None:
                    self._tasks = ExportTasks(
                        self._caller, one.bucket, self._exports.folder, self._exports.region or None
                    )

    async def _is_export_running(self) -> bool:
        """Return whether a message about another file of an export may come."""
        if self._tasks is None:
            return False
        if time.monotonic() - self._codes_at >= TASKS_EVERY_S:
            self._codes, self._codes_at = await self._tasks.codes(), time.monotonic()
        now_s, now = time.time(), time.monotonic()
        # Older files have no influence (`are_complete`), and each export has a new id.
        self._written = {task: at for task, at in self._written.items() if now_s - at < QUIET_S}
        if not are_complete(self._codes, self._written, now_s):
            self._ran_at = now
        newest_s = max(self._written.values(), default=0)
        return now - self._ran_at < EVENT_DELAY_S or now_s - newest_s < EVENT_DELAY_S
