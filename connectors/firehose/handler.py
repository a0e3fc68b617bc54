"""The handler of Firehose requests; it answers 200 after the commit of a request.

It checks method, key, head, and owner of the slot, then size, body and records. A request that is committed
already is answered 200. Two concurrent copies of a request share one commit.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from aiohttp import web

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.aws.group_formats import group_formats
from connectors.clock import now_ms
from connectors.firehose.body import Posted, read_body, remains
from connectors.firehose.body_reader import Bodies, RequestLimits
from connectors.firehose.headers import (
    KEY_HEADER,
    Head,
    Origin,
    Refused,
    answer,
    read_head,
    request_id_of,
    retry_later,
)
from connectors.firehose.listener import access_keys, is_allowed
from connectors.firehose.slot import RequestSlot
from connectors.kafka.ownership import Ownership
from connectors.kafka.partitioner import slot_of
from connectors.kafka.slots import Slot
from connectors.settings import ConnectFirehose

log = structlog.get_logger()

INLINE_BYTES = 256 << 10  # larger bodies are parsed in a thread, one at a time
REFUSAL_LOG_S = 10.0  # between two log lines about refusals
RETRY_AFTER_S = "1"
LIVE_PATH = "/livez"  # the target of a load balancer's health check


class Receiver:
    """The receiver of requests for the slots that this process owns."""

    def __init__(self, settings: ConnectFirehose, limits: RequestLimits | None = None) -> None:
        self._settings, self._limits = settings, limits or RequestLimits()
        self._keys = access_keys(settings)
        self._defaults = Origin("", settings.line_format, settings.account, "")
        self._formats = group_formats(
            settings.line_format, settings.group_formats, Caller(metrics.CALLS, threads=1)
        )
        self.ownership: Ownership[RequestSlot] = Ownership(
            settings, "firehose", self._own, lambda _: None, follows=False, is_on_disk=True
        )
        self._bodies = Bodies(self._limits)
        self._parsing = asyncio.Lock()
        self._under_way = 0
        self._is_stopping = False
        self._is_idle = asyncio.Event()
        self._log_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Return whether requests are accepted: slots are owned and open, and no commit is overdue."""
        owned = self.ownership.owned.values()
        are_open = bool(owned) and all(slot.is_open for slot in owned)
        return are_open and not self._is_stopping and not any(map(self._is_overdue, owned))

    def _own(self, slot: Slot) -> RequestSlot:
        return RequestSlot(slot, self._settings.prefix, self.ownership.group)

    def _is_overdue(self, slot: RequestSlot) -> bool:
        return slot.busy_s() > self._limits.overdue_s

    async def drain(self) -> None:
        """Refuse new requests, and wait for the running ones, up to the limit `drain_s`."""
        self._is_stopping = True
        if not self._under_way:
            return
        self._is_idle.clear()
        try:
            async with asyncio.timeout(self._limits.drain_s):
                await self._is_idle.wait()
        except TimeoutError:
            log.warning("stopped with running requests", requests=self._under_way)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request. `GET /livez` needs no key: load balancers cannot send one."""
        if request.path == LIVE_PATH and request.method in {"GET", "HEAD"}:
            return web.Response(text="live\n")
        self._under_way += 1
        try:
            taken = await self._take(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_idle.set()
        return self._answer(request, taken)

    async def _take(self, request: web.BaseRequest) -> Refused | str:
        """Accept a request. Return `committed` or `repeated`, or the refusal."""
        head = self._head(request)
        if isinstance(head, Refused):
            return head
        slot = self._slot_of(head.request_id)
        if isinstance(slot, Refused):
            return slot
        for name in head.ignored:
            metrics.IGNORED.labels(name).inc()
        if slot.is_done(head.request_id, head.origin.stream):
            return "repeated"  # the body was read the first time
        async with self._bodies.body(request) as raw:
            if isinstance(raw, Refused):
                return raw
            posted = await self._parse(raw, head, slot)
        return posted if isinstance(posted, Refused) else await self._commit(posted)

    def _head(self, request: web.BaseRequest) -> Head | Refused:
        if request.method != "POST":
            return Refused(405, "method", "This endpoint for Firehose accepts POST only.")
        if not is_allowed(request.headers.get(KEY_HEADER), self._keys):
            return Refused(401, "key", f"{KEY_HEADER} is missing or wrong.")
        return read_head(request.headers, self._defaults)

    def _slot_of(self, request_id: str) -> RequestSlot | Refused:
        if self._is_stopping:
            return retry_later("stopping", "This instance is stopping")
        if self._under_way > self._limits.under_way or self._bodies.is_full:
            return retry_later("full", "Too many requests are running")
        number = slot_of(request_id, self._settings.slots)
        slot = self.ownership.owned.get(number)
        if slot is None:
            return retry_later("not owned", f"Slot {number} of this request belongs to another instance")
        if not slot.is_open:
            return retry_later("opening", "The ids of committed requests are being loaded")
        if self._is_overdue(slot):
            return retry_later("overdue", "A commit to Kafka is overdue")
        return slot

    async def _parse(self, raw: bytes, head: Head, slot: RequestSlot) -> Posted | Refused:
        metrics.REQUEST_BYTES.inc(len(raw))
        posted = await self._read(raw, head)
        if isinstance(posted, Posted) and self._formats.may_refresh(posted.log_groups):
            await self._formats.refresh()
            posted = await self._read(raw, head)
        if isinstance(posted, Refused):
            slot.keep(remains(raw, head, posted, now_ms()))
        return posted

    async def _read(self, raw: bytes, head: Head) -> Posted | Refused:
        by_group = self._formats.now.by_group
        if len(raw) <= INLINE_BYTES:
            return read_body(raw, head, now_ms(), by_group)
        async with self._parsing:
            return await asyncio.to_thread(read_body, raw, head, now_ms(), by_group)

    async def _commit(self, posted: Posted) -> Refused | str:
        slot = self.ownership.owned.get(slot_of(posted.request_id, self._settings.slots))
        if slot is None or not slot.is_open:
            return retry_later("not owned", "The slot of this request moved to another instance")
        if slot.is_done(posted.request_id, posted.origin.stream):
            return "repeated"
        first = slot.pending(posted.request_id)
        outcome = first or slot.offer(posted)
        if outcome is None:
            return retry_later("full", "Too many requests wait for a commit")
        try:
            async with asyncio.timeout(self._limits.commit_s):
                is_committed = await asyncio.shield(outcome)
        except TimeoutError:
            return retry_later("overdue", "The commit of this request to Kafka is overdue")
        if not is_committed:
            return retry_later("not owned", "The slot of this request moved to another instance")
        return "repeated" if first else "committed"

    def _answer(self, request: web.BaseRequest, taken: Refused | str) -> web.Response:
        request_id = request_id_of(request.headers)
        headers = {"Content-Type": "application/json"}
        status, outcome, sentence = 200, taken, ""
        if isinstance(taken, Refused):
            status, outcome, sentence = taken.status, taken.why, taken.sentence
            headers |= {503: {"Retry-After": RETRY_AFTER_S}, 405: {"Allow": "POST"}}.get(status, {})
            if time.monotonic() > self._log_at:
                self._log_at = time.monotonic() + REFUSAL_LOG_S
                log.warning("request refused", status=status, why=taken.why, id=request_id)
        metrics.REQUESTS.labels(outcome).inc()
        response = web.Response(body=answer(request_id, now_ms(), sentence), status=status, headers=headers)
        if self._is_stopping:
            response.force_close()
        return response
