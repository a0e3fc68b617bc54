"""The worker process: opens the assigned partitions, feeds and flushes the hops, and stops at any error.

One lock per worker covers each batch, each flush and each revocation, so that no hop writes for a partition
after Faust has revoked it. An unknown error in a hop ends the process with a non-zero status. The supervisor
restarts the process, which continues at the positions in the slots.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import structlog
from faust.types import TP

from connectors.garbage_collection import collect_rarely
from connectors.health_endpoint import health_endpoint
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls
from connectors.kafka.messages import check_format
from connectors.kafka.recovery import Recovery
from connectors.kafka.slots import run_together
from connectors.kafka.topics import ensure_topics
from connectors.settings import Work
from streams.numbering import Input, NumbersWentBack, Rewind
from streams.worker import metrics
from streams.worker.app import declare_topic, make_app, refusal
from streams.worker.detect import DetectHop
from streams.worker.gaps import RESTART_REMEDY, Assigned, Gaps, check_ends
from streams.worker.group_offsets import GroupOffsets
from streams.worker.hops import CLOSE_S, FLUSH_MAX_S, Hop, close_all, flush
from streams.worker.merge import MergeHop
from streams.worker.sum import SumHop
from streams.worker.warm import warm

log = structlog.get_logger()

TICK_S = 0.05
QUIET_TICK_S = 0.2  # without input; a tick with 24 hops costs 0.1 ms of CPU time
WATCH_S = 0.5
OFFSETS_S = 1.0  # interval to commit group offsets, which only lag tools read
GC_OBJECTS = 1_000_000


class Worker:
    """The hops of the assigned partitions, and the Faust app that feeds them."""

    def __init__(self, settings: Work) -> None:
        self._settings = settings
        self._app = make_app(settings)
        self._lock = asyncio.Lock()
        self._hops: dict[Assigned, Hop] = {}
        self._gaps, self._offsets = Gaps(settings.prefix), GroupOffsets(settings.prefix)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recovery, self._reopen_at = Recovery(), 0.0
        self._is_ready = False
        self._input, self._input_at = asyncio.Event(), 0.0
        warm(settings.window_s)
        self._kinds: dict[str, Callable[[int], Hop]] = {
            SumHop.input: lambda p: SumHop(settings, p),
            MergeHop.input: lambda p: MergeHop(settings, p),
            DetectHop.input: lambda p: DetectHop(settings, p),
        }
        for name in self._kinds:
            self._declare(name)
        # Faust's signals hold weak references: the bound method lives as long as this worker.
        revoked: Any = self._app.on_partitions_revoked
        revoked.connect(self._revoked)

    def _declare(self, name: str) -> None:
        async def agent(stream: Any) -> None:
            # Deviation: no batches. Faust's batches wake up once in each interval, with or without input.
            await self._feed(name, stream.noack().events())

        agent.__name__ = name
        self._app.agent(declare_topic(self._app, self._settings.prefix + name), name=name)(agent)

    @property
    def is_ready(self) -> bool:
        """True while every assigned slot is open."""
        return self._is_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises `MissingAcl`, and the exception of a hop or of Faust."""
        prefix = self._settings.prefix
        topics = [prefix + name for name in self._kinds]
        with naming_missing_acls(KafkaConnection.of(self._settings), topics, [f"{prefix}work"]):
            await self._run(stop)

    async def _run(self, stop: asyncio.Event) -> None:
        self._app.finalize()
        started = asyncio.ensure_future(self._app.start())
        stopped = asyncio.ensure_future(stop.wait())
        loops = (self._tick(), self._keep_committing_offsets(), self._watch_faust())
        beside = [asyncio.ensure_future(loop) for loop in loops]
        try:
            while not stopped.done():
                waits: set[asyncio.Future[Any]] = {stopped, *beside, self._failed}
                if not started.done():
                    waits.add(started)
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for task in (started, *beside, self._failed):
                    if task.done():
                        task.result()
        finally:
            await self._finish_flushes()
            for task in beside:
                task.cancel()
            async with self._lock:
                if stopped.done():
                    await self._flush_all()
                await self._drop()
            await self._stop_app()

    async def _finish_flushes(self) -> None:
        """Wait until no flush runs, within `CLOSE_S`: a cancelled one leaves its transaction open."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._lock.acquire()
            self._lock.release()

    async def _flush_all(self) -> None:
        """Commit the input that is read, within `CLOSE_S`; the next owner reads uncommitted input again."""
        if not self._is_settled():
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await run_together(hop.flush(time.time()) for hop in self._hops.values())
        except Exception as error:
            log.warning("stopped with uncommitted messages", error=repr(error))

    async def _stop_app(self) -> None:
        """Deviation: Faust's consumer thread does not end with a cancelled app, and would block the exit."""
        try:
            await asyncio.wait_for(self._app.stop(), CLOSE_S)
        except TimeoutError:
            log.warning("faust did not stop", within_s=CLOSE_S)

    async def _tick(self) -> None:
        while True:
            await self._next_tick()
            async with self._lock:
                if not self._is_settled() or time.monotonic() < self._reopen_at:
                    continue
                try:
                    await self._open_assigned()
                    self._recovery.opened(time.monotonic())
                    self._is_ready = True
                    await self._flush_due()
                except Exception as error:
                    if not await self._has_recovered(error):
                        raise

    async def _next_tick(self) -> None:
        """Wait for the next tick: `TICK_S` while a hop may hold input back, else until input comes."""
        if time.monotonic() - self._input_at < FLUSH_MAX_S:
            await asyncio.sleep(TICK_S)
            return
        self._input.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET_TICK_S):
                await self._input.wait()

    async def _watch_faust(self) -> None:
        """Raise the authorization error of Faust's consumer; `_tick` may wait for its thread, which ends."""
        while True:
            await asyncio.sleep(WATCH_S)
            if (refused := refusal(self._app)) is not None:
                raise refused

    async def _has_recovered(self, error: Exception) -> bool:
        """Return True if the error is temporary; the slots are closed, and `_tick` opens them later."""
        now = time.monotonic()
        if (pause_s := self._recovery.pause_s(error, now)) is None:
            return False
        log.warning("slots are opened again", error=repr(error), pause_s=pause_s)
        await self._drop()
        self._reopen_at = now + pause_s
        return True

    async def _keep_committing_offsets(self) -> None:
        """Commit the group offsets once a second, without the lock: the coordinator may be failing over."""
        while True:
            await asyncio.sleep(OFFSETS_S)
            if self._is_settled():
                await self._offsets.commit(self._app.consumer, self._assigned(), self._hops)

    def _is_settled(self) -> bool:
        app = self._app
        return app.consumer is not None and not app.rebalancing and (app.consumer_generation_id or 0) > 0

    def _assigned(self) -> set[Assigned]:
        prefix = self._settings.prefix
        return {(tp.topic.removeprefix(prefix), tp.partition) for tp in self._app.consumer.assignment()}

    async def _open_assigned(self) -> None:
        """Deviation: open at the assignment, not at the first event, and seek to the position of the slot."""
        missing = [p for p in self._assigned() if p not in self._hops and p[0] in self._kinds]
        if not missing:
            return
        hops = {key: self._kinds[key[0]](key[1]) for key in missing}
        now = time.time()
        try:
            await run_together(hop.open(now) for hop in hops.values())
            await check_ends(self._app.consumer, self._settings.prefix, hops)
        except Exception:
            await close_all(hops.values())
            raise
        self._hops.update(hops)
        prefix = self._settings.prefix
        places = {TP(prefix + topic, partition): hop.next_offset for (topic, partition), hop in hops.items()}
        await self._app.consumer.seek_wait(places)
        metrics.SLOTS_OPEN.set(len(self._hops))
        log.info("slots opened", opened=len(hops), owned=len(self._hops))

    async def _feed(self, topic: str, events: AsyncIterator[Any]) -> None:
        async for event in events:
            try:
                async with self._lock:
                    await self._take(topic, event)
            except Exception as error:
                # Deviation: Faust would acknowledge the event, log a traceback and restart the agent. Here
                # the agent waits, the process ends, and `running.run` reports the error once.
                if not self._failed.done():
                    self._failed.set_exception(error)
                await asyncio.get_running_loop().create_future()

    async def _take(self, topic: str, event: Any) -> None:
        """Offer a message to its hop. `_tick` flushes, except a hop that holds too much to wait for it."""
        try:
            await self._offer(topic, event)
            hop = self._hops.get((topic, event.message.partition))
            if hop is not None and hop.is_large:
                await flush(hop, time.time())
        except Exception as error:
            if not await self._has_recovered(error):
                raise

    async def _offer(self, topic: str, event: Any) -> None:
        key = (topic, event.message.partition)
        hop = self._hops.get(key)
        stale = event.message.generation_id != self._app.consumer_generation_id
        if hop is None or stale or self._app.rebalancing:
            metrics.STALE.labels(topic).inc()  # It is read again after the slot is opened.
            return
        if event.value:
            self._input_at = time.monotonic()
            self._input.set()
        message = Input(event.message.offset, _headers(event.headers), event.value)
        check_format(self._settings.prefix + topic, message.headers.items())
        try:
            verdict = hop.offer(message, time.time())
        except NumbersWentBack as error:
            raise NumbersWentBack(
                f"topic {self._settings.prefix}{topic}, partition {key[1]}: {error}. The state of its"
                f" producer was deleted or restored from an older copy. {RESTART_REMEDY}"
            ) from error
        if isinstance(verdict, Rewind):
            await self._gaps.close(self._app.consumer, key, hop, message, verdict)

    async def _flush_due(self) -> None:
        now = time.time()
        due = [(hop, hop.is_large) for hop in self._hops.values() if hop.is_due(now)]
        await run_together(flush(hop, now) for hop, is_large in due if not is_large)
        # In a backlog, each large flush holds tens of megabytes until it is committed.
        for hop in (hop for hop, is_large in due if is_large):
            await flush(hop, now)

    async def _revoked(self, app: Any, revoked: Any, **kwargs: Any) -> None:
        async with self._lock:
            await self._drop()

    async def _drop(self) -> None:
        """Close every slot; uncommitted input has no effect."""
        hops, self._hops = self._hops, {}
        self._is_ready = False
        self._gaps.clear()
        await close_all(hops.values())
        metrics.SLOTS_OPEN.set(0)


def _headers(headers: Any) -> dict[str, bytes]:
    return dict(headers.items() if hasattr(headers, "items") else headers)


async def run(settings: Work) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises `TopicError`, or the exception of a hop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    collect_rarely(GC_OBJECTS)
    worker = Worker(settings)
    async with health_endpoint(settings, lambda: worker.is_ready):
        await worker.run(stop)
