"""The HTTP service of Kinesis: answers requests with AWS's headers and serves subscriptions.

This edge has the clock and waits; `front` and `service` decide the answers. A subscription is woken by new
records in its shard or by its heartbeat timer, so it uses no CPU in between.
"""

from __future__ import annotations

import asyncio
import os
import traceback
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable

from pybase64 import b64encode

from emulator.http.messages import Incoming, Outgoing
from emulator.kinesis import service
from emulator.kinesis.errors import Refused
from emulator.kinesis.http import front
from emulator.kinesis.protocol.wire import EVENT_STREAM_CONTENT_TYPE, Answer, error, format_of
from emulator.kinesis.service import HttpRequest
from emulator.kinesis.store import Store
from emulator.kinesis.subscription import Subscription
from emulator.log import log

CAP_WARNING_EVERY_MS = 10_000

Answerer = Callable[[Store, HttpRequest, int], Answer]


class CapWarning:
    """A warning about records trimmed by the memory cap, logged at most every ten seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._warned_records = 0
        self._next_ms = 0

    def look(self, now_ms: int, *, is_last: bool = False) -> None:
        """Log a warning if records were trimmed since the last one. `is_last` ignores the interval."""
        new = self._store.capped.records - self._warned_records
        if not new or (now_ms < self._next_ms and not is_last):
            return
        self._warned_records += new
        self._next_ms = now_ms + CAP_WARNING_EVERY_MS
        log.warning(
            "memory cap reached, oldest records trimmed before their retention ended",
            records=new,
            records_total=self._store.capped.records,
            memory_cap_bytes=self._store.limits.memory_cap_bytes,
        )


class KinesisEndpoint:
    """The service of one store. `clock` returns milliseconds since the epoch."""

    def __init__(self, store: Store, clock: Callable[[], int], answerer: Answerer = service.answer) -> None:
        self._store, self._clock, self._answer = store, clock, answerer
        self.calls: Counter[tuple[str, int]] = Counter()
        self._cap_warning = CapWarning(store)

    def log_trimmed(self) -> None:
        """Log the records trimmed since the last warning, before the process ends."""
        self._cap_warning.look(self._clock(), is_last=True)

    async def __call__(self, incoming: Incoming) -> Outgoing:
        """Answer a request. Never raises."""
        if front.is_preflight(incoming):
            return Outgoing(200, {"x-amzn-RequestId": str(uuid.uuid4()), **front.cors(incoming)})
        outgoing = front.examine(incoming)
        if isinstance(outgoing, HttpRequest):
            outgoing = await self._served(outgoing)
        headers = {
            "x-amzn-RequestId": str(uuid.uuid4()),
            "x-amz-id-2": b64encode(os.urandom(72)).decode("ascii"),
            **outgoing.headers,
        }
        if "origin" in incoming.headers:
            headers |= front.cors(incoming)
        return Outgoing(outgoing.status, headers, outgoing.body, outgoing.reset)

    async def _served(self, request: HttpRequest) -> Outgoing:
        now_ms = self._clock()
        try:
            answer = self._answer(self._store, request, now_ms)
        except Exception:
            # A bug in the emulator. AWS's code for its own bugs is InternalFailure, and SDKs retry it.
            # Not `log.exception`: some renderers print all local variables, and the store is one.
            log.error("request failed", operation=request.operation, trace=traceback.format_exc())
            refused = Refused("InternalFailure", status=500)
            format = format_of(request.content_type)
            answer = error(refused, format) if format is not None else error(refused)
        self.calls[request.operation, answer.status] += 1
        self._cap_warning.look(now_ms)
        if answer.delay_ms:
            await asyncio.sleep(answer.delay_ms / 1000)
        if answer.reset:
            return Outgoing(answer.status, reset=True)
        if isinstance(answer.body, Subscription):
            headers = {"Content-Type": EVENT_STREAM_CONTENT_TYPE}
            return Outgoing(200, headers, self._messages(answer.body))
        return front.written(answer)

    async def _messages(self, subscription: Subscription) -> AsyncIterator[bytes]:
        """Yield a subscription's messages when they are due."""
        woken = asyncio.Event()
        wake = woken.set
        subscription.shard.watch(wake)
        try:
            yield subscription.opening()
            while True:
                woken.clear()
                step = subscription.step(self._clock())
                if step.message:
                    yield step.message
                if step.is_over:
                    return
                if step.wait_ms:
                    await _wait(woken, step.wait_ms)
        finally:
            subscription.shard.unwatch(wake)
            subscription.close()


async def _wait(woken: asyncio.Event, most_ms: int) -> None:
    try:
        async with asyncio.timeout(most_ms / 1000):
            await woken.wait()
    except TimeoutError:
        return
