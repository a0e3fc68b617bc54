"""The requests of one slot: a bounded queue, and the committer that writes the queue in one transaction.

Requests that arrive during a commit share the next one. The queue holds a request once: a repeated request
waits for the outcome of the first. After a failure the slot is useless and the process ends. Waiting requests
are then answered with an error that Firehose retries, and the done-mark shows whether they were committed.

Firehose always counts as caught up, because its backlog is not visible here. A slot is therefore complete to
the newest known `start`; it reports that with every transaction, and about once a second without requests. A
request that Firehose delivers again after hours is late only beyond the lateness and the retention of
windows; the metric `vpcflow_firehose_lateness_seconds` shows how late requests are.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from connectors import metrics
from connectors.clock import now_ms
from connectors.firehose.body import Posted
from connectors.firehose.committed_requests import Change, CommittedRequests
from connectors.firehose.transaction import event_times, transaction
from connectors.kafka.blocks import Report, Sent
from connectors.kafka.health_messages import HealthRecord
from connectors.kafka.slots import Slot
from connectors.kafka.source_health import Heard, tell
from connectors.kafka.state_on_disk import StateOnDisk
from connectors.progress import NONE, REPORT_S, Group, SlotProgress

QUEUED_BYTES = 32 << 20  # of lines that may wait for a commit; a request that is larger waits alone
QUEUED_REQUESTS = 1_000
COMMIT_BYTES = 8 << 20
KEPT_NAMES = 1_000  # refused requests that are remembered, since Firehose sends them again for hours
PRUNE_S = 60.0


class RequestSlot:
    """A slot that this process owns; `group` is the progress of all slots."""

    def __init__(self, slot: Slot, prefix: str, group: Group) -> None:
        self.slot, self._group = slot, group
        before = group.slots.get(slot.partition)
        self._newest = before.newest if before else NONE
        self._reported_at = 0.0
        self._prefix = prefix
        self._seen = StateOnDisk()
        self._marks = CommittedRequests(slot.state, self._seen)
        self._is_open = False
        self._sent = Sent.of(slot.state)
        self._queue: deque[tuple[Posted, asyncio.Future[bool]]] = deque()
        self._queued_bytes = 0
        self._coming: dict[str, asyncio.Future[bool]] = {}
        self._kept: dict[str, None] = {}
        self._heard = Heard("firehose")
        self._has_work = asyncio.Event()
        self._began_at: float | None = None
        self._committer = asyncio.ensure_future(self._commit_requests())

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of this slot. If one fails, the process ends."""
        return [self._committer]

    @property
    def is_open(self) -> bool:
        """Return whether requests are accepted: the marks of committed requests are loaded."""
        return self._is_open

    def busy_s(self) -> float:
        """Return the duration of the running commit, or 0 if none is running."""
        return 0.0 if self._began_at is None else time.monotonic() - self._began_at

    def is_done(self, request_id: str, stream: str) -> bool:
        """Return whether a request was committed before; such a request is counted as repeated."""
        is_done = request_id in self._marks
        if is_done:
            self._heard.repeated(f"firehose:{stream}")
        return is_done

    def coming(self, request_id: str) -> asyncio.Future[bool] | None:
        """Return the outcome of a request that is already queued or being committed."""
        return self._coming.get(request_id)

    def offer(self, posted: Posted) -> asyncio.Future[bool] | None:
        """Queue a request. Return the future of whether it was committed, or None if the queue is full."""
        is_full = self._queued_bytes + posted.size > QUEUED_BYTES or len(self._queue) >= QUEUED_REQUESTS
        if self._committer.done() or (self._queue and is_full):
            return None
        outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((posted, outcome))
        self._queued_bytes += posted.size
        if posted.request_id:
            self._coming[posted.request_id] = outcome
        self._has_work.set()
        return outcome

    def keep(self, remains: Posted) -> None:
        """Queue the `dead` messages of a refused request, if there is room; a repeated request only once."""
        name = remains.refusals[0].origin
        if name not in self._kept and self.offer(remains) is not None:
            self._kept[name] = None
            if len(self._kept) > KEPT_NAMES:
                del self._kept[next(iter(self._kept))]

    async def _commit_requests(self) -> None:
        prune_at = time.monotonic()
        taken: list[tuple[Posted, asyncio.Future[bool]]] = []
        try:
            for _ in self._marks.load():
                await asyncio.sleep(0)
            self._is_open = True
            while True:
                await self._wait_until(min(prune_at, self._reported_at + REPORT_S))
                taken = self._take()
                prunes = time.monotonic() >= prune_at
                if prunes:
                    prune_at = time.monotonic() + PRUNE_S
                ids = [posted.request_id for posted, _ in taken if posted.request_id]
                marks = self._marks.change(ids, now_ms(), prunes=prunes)
                await self._commit([posted for posted, _ in taken], marks)
                self._tell(taken, True)
        finally:
            self._tell(taken, False)

    async def _wait_until(self, deadline: float) -> None:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                await self._has_work.wait()
        except TimeoutError:
            return

    def _take(self) -> list[tuple[Posted, asyncio.Future[bool]]]:
        taken = []
        size = 0
        while self._queue and size < COMMIT_BYTES:
            taken.append(self._queue.popleft())
            size += taken[-1][0].size
        self._queued_bytes -= size
        if not self._queue:
            self._has_work.clear()
        return taken

    async def _commit(self, requests: list[Posted], marks: Change) -> None:
        report = self._report(requests)
        commit = transaction(requests, self.slot.partition, self._sent, self._prefix, marks.state, report)
        health = self._health(requests)
        said = [one.message(self._prefix, self.slot.partition) for one in health]
        self._began_at = time.monotonic()
        await self.slot.commit(commit.state, [*commit.messages, *said])
        self._group.slots[self.slot.partition] = report.progress
        self._reported_at = time.monotonic()
        self._marks.committed(marks)
        tell(health)
        metrics.COMMIT_SECONDS.observe(self.busy_s())
        self._began_at = None
        self._sent = commit.sent
        for one in requests:
            refused = sum(refusal.count for refusal in one.refusals)
            metrics.BYTES.inc(one.size if one.request_id else 0)
            metrics.RECORDS.labels("refused").inc(refused)
            metrics.RECORDS.labels("control").inc(one.control)
            metrics.RECORDS.labels("read").inc(one.records)

    def _report(self, requests: list[Posted]) -> Report:
        """Return the progress after these requests, and observe their lateness."""
        known = max(self._group.newest, self._newest)
        for one in requests:
            if times := event_times(one):
                if known != NONE:
                    metrics.FIREHOSE_LATENESS.observe(max(known - min(times), 0))
                self._newest = max(self._newest, *times)
        partition, known = self.slot.partition, max(known, self._newest)
        progress = SlotProgress((), 1, known, self._newest, now_ms())
        return Report.of(self._group, partition, progress)

    def _health(self, requests: list[Posted]) -> list[HealthRecord]:
        found = self._heard.repeats()
        for one in requests:
            if one.chunks:
                last, source = one.chunks[-1], f"firehose:{one.origin.stream}"
                found += self._heard.lines(source, last.text, last.origin.line_format, one.arrival_ms)
        return found

    def _tell(self, taken: list[tuple[Posted, asyncio.Future[bool]]], is_committed: bool) -> None:
        for posted, outcome in taken:
            self._coming.pop(posted.request_id, None)
            if not outcome.done():
                outcome.set_result(is_committed)
        taken.clear()

    async def close(self) -> None:
        """Stop everything. Waiting requests are answered with an error that Firehose retries."""
        self._committer.cancel()
        await asyncio.gather(self._committer, return_exceptions=True)
        self._tell(list(self._queue), False)
        self._queue.clear()
        self._seen.close()
        await self.slot.close()
