"""The requests of one slot: a bounded queue, and the committer that writes the queue in one transaction.

Requests that arrive during a transaction share the next one. The queue holds a request once: a repeated
request waits for the outcome of the first. After a failure the slot is useless and the process ends. Waiting
requests are then answered with an error that Firehose retries, and the marks of committed requests show
whether they were committed.

Firehose always counts as caught up, because its backlog is not visible here. A slot is therefore complete to
the newest known `start`; it reports that with every transaction, and every two seconds without requests. A
request that Firehose delivers again after hours is late only beyond the lateness and the retention of
windows; the metric `vpcflow_firehose_lateness_seconds` shows how late requests are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from connectors import metrics
from connectors.clock import now_ms
from connectors.commit.committer import Committer
from connectors.commit.content import Content
from connectors.commit.source_health import SourceHealth
from connectors.firehose.body import Posted
from connectors.firehose.committed_requests import CommittedRequests, StateChange
from connectors.firehose.transaction import content_of, event_times
from connectors.kafka.slots import Slot
from connectors.kafka.state_on_disk import StateOnDisk
from connectors.progress import NONE, Group, SlotProgress

QUEUED_MAX_BYTES = 32 << 20  # of lines in the queue; a larger request is accepted if the queue is empty
QUEUED_MAX_REQUESTS = 1_000
REFUSED_IDS_MAX = 1_000  # ids of refused requests that are remembered, since Firehose repeats them for hours
PRUNE_S = 60.0


class RequestSlot:
    """A slot that this process owns; `group` is the progress of all slots."""

    def __init__(self, slot: Slot, prefix: str, group: Group) -> None:
        self.slot, self._group = slot, group
        before = group.slots.get(slot.partition)
        self._newest = before.newest if before else NONE
        self._known_marks = StateOnDisk()
        self._marks = CommittedRequests(slot.state, self._known_marks)
        self._change = StateChange({}, [], [])
        self._prune_at = float("-inf")
        self._is_open = False
        self._pending: dict[str, asyncio.Future[bool]] = {}
        self._refused_ids: dict[str, None] = {}
        self._health = SourceHealth("firehose")
        self._committer = Committer[Posted](slot, prefix, group, self)
        self._committing = self._committer.start(self._load_marks)

    async def _load_marks(self) -> None:
        for _ in self._marks.load():
            await asyncio.sleep(0)
        self._is_open = True

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of this slot. If one fails, the process ends."""
        return [self._committing]

    @property
    def is_open(self) -> bool:
        """Return whether requests are accepted: the marks of committed requests are loaded."""
        return self._is_open

    def busy_s(self) -> float:
        """Return the duration of the running transaction, or 0 if none is running."""
        return self._committer.busy_s()

    def is_done(self, request_id: str, stream: str) -> bool:
        """Return whether a request was committed before; such a request is counted as repeated."""
        is_done = request_id in self._marks
        if is_done:
            self._health.repeated(f"firehose:{stream}")
        return is_done

    def pending(self, request_id: str) -> asyncio.Future[bool] | None:
        """Return the outcome of a request that is in the queue or in the running transaction."""
        return self._pending.get(request_id)

    def offer(self, posted: Posted) -> asyncio.Future[bool] | None:
        """Queue a request. Return the future of whether it was committed, or None if the queue is full."""
        queue = self._committer
        is_full = queue.queued_bytes + posted.size > QUEUED_MAX_BYTES or queue.queued >= QUEUED_MAX_REQUESTS
        if self._committing.done() or (queue.queued and is_full):
            return None
        outcome = queue.add(posted, posted.size)
        if posted.request_id:
            self._pending[posted.request_id] = outcome
        return outcome

    def keep(self, remains: Posted) -> None:
        """Queue the `dead` messages of a refused request, if it fits; a repeated request only once."""
        origin = remains.refusals[0].origin
        if origin not in self._refused_ids and self.offer(remains) is not None:
            self._refused_ids[origin] = None
            if len(self._refused_ids) > REFUSED_IDS_MAX:
                del self._refused_ids[next(iter(self._refused_ids))]

    async def content(self, requests: Sequence[Posted]) -> Content:
        """Move the newest `start`, and return what the requests write: lines, refusals and marks."""
        self._observe(requests)
        prunes = time.monotonic() >= self._prune_at
        if prunes:
            self._prune_at = time.monotonic() + PRUNE_S
        ids = [posted.request_id for posted in requests if posted.request_id]
        self._change = self._marks.change(ids, now_ms(), prunes=prunes)
        content = content_of(requests, self._change.state)
        content.health += self._health.counts()
        for one in requests:
            if one.chunks:
                last, source = one.chunks[-1], f"firehose:{one.origin.stream}"
                content.health += self._health.arrived(
                    source, last.text, last.origin.line_format, one.arrival_ms
                )
        return content

    def _observe(self, requests: Sequence[Posted]) -> None:
        """Move the newest `start`, and observe the lateness of the requests."""
        known = max(self._group.newest, self._newest)
        for one in requests:
            if times := event_times(one):
                if known != NONE:
                    metrics.FIREHOSE_LATENESS.observe(max(known - min(times), 0))
                self._newest = max(self._newest, *times)

    def progress(self) -> SlotProgress:
        """Return the progress of the slot, which always counts as caught up."""
        known = max(self._group.newest, self._newest)
        return SlotProgress((), 1, known, self._newest, now_ms())

    async def committed(self, requests: Sequence[Posted]) -> None:
        """Remember the requests as committed, and count their records."""
        self._marks.committed(self._change)
        for one in requests:
            self._pending.pop(one.request_id, None)
            refused = sum(refusal.count for refusal in one.refusals)
            metrics.BYTES.inc(one.size if one.request_id else 0)
            metrics.RECORDS.labels("refused").inc(refused)
            metrics.RECORDS.labels("control").inc(one.control)
            metrics.RECORDS.labels("read").inc(one.records)

    async def close(self) -> None:
        """Stop the committer. Waiting requests are answered with an error that Firehose retries."""
        await self._committer.close()
        self._pending.clear()
        self._known_marks.close()
        await self.slot.close()
