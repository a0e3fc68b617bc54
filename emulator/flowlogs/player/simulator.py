"""The simulator of a world: runs it minute by minute and delivers its records through the emulator's port.

Invariants: a minute is simulated once, when it is over. In a bounded load the next minute starts when all
records of the last one are accepted, at a fixed pace: a slow receiver delays the load, but loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl
import structlog

from emulator.firehose.destinations.objects import Objects
from emulator.flowlogs.access.permissions import Permissions
from emulator.flowlogs.boto_errors import NO_ANSWER
from emulator.flowlogs.flow_log import S3, FlowLog
from emulator.flowlogs.player.delivery.batches import IntervalBatch
from emulator.flowlogs.player.delivery.destinations import DeliveryContext
from emulator.flowlogs.player.delivery.naming import FILE_S
from emulator.flowlogs.player.delivery.publisher import Publisher, delay_s, make_publisher
from emulator.flowlogs.player.port import Port
from emulator.flowlogs.player.run import WorldRun
from emulator.flowlogs.player.snapshot import Snapshot
from emulator.flowlogs.service_client import ServiceClient
from emulator.scope import Scope
from emulator.world.traffic.records import MINUTE_S

TICK_S = 0.25
RETRY_S = 5.0
DUE_MAX = 100
"""Due batches that may wait for their destination before the simulation pauses."""

log = structlog.get_logger("emulator.flowlogs")


class Simulator:
    """A simulator for the configured flow logs. `run` runs until cancelled; `report` returns the results."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._client = ServiceClient(port.ask, port.ask)
        self._snapshot: Snapshot | None = None
        self._news = asyncio.Event()
        self._run: WorldRun | None = None
        self._publishers: dict[str, Publisher] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._step: asyncio.Task[None] | None = None
        self._undo: list[Sequence[Any]] = []
        self._due = 0
        self._has_rested = False

    def receive(self, news: Snapshot) -> None:
        """Apply the newest snapshot. If its run number has changed, cancel the current run."""
        self._snapshot = news
        self._undo += news.undo
        self._news.set()
        is_replaced = self._run is not None and self._run.number != news.run
        current = {one.flow_log_id for one in news.flow_logs} if not is_replaced else set()
        self._publishers = {key: one for key, one in self._publishers.items() if key in current}
        if self._step is not None and (is_replaced or not current):
            self._step.cancel()

    async def run(self) -> None:
        """Simulate until cancelled."""
        while True:
            self._news.clear()
            if not await self._prepared():
                await self._news.wait()
                continue
            run = self._run
            assert run is not None
            play = self._play_bounded if run.settings.is_bounded else self._play
            self._step = asyncio.create_task(play(run))
            await asyncio.wait([self._step])
            error = None if self._step.cancelled() else self._step.exception()
            if isinstance(error, NO_ANSWER):
                log.warning("simulation paused, EC2 cannot be read", reason=str(error))
                await asyncio.sleep(RETRY_S)
            elif error is not None:
                raise error

    async def _prepared(self) -> bool:
        """End a replaced run, start a new one if needed, and return True if there is a minute to simulate."""
        snapshot, run = self._snapshot, self._run
        if run is not None and (snapshot is None or run.number != snapshot.run):
            await self._take_back(run)
            run = self._run = None
        if snapshot is None or (run is not None and (run.is_done or run.failure)):
            return False
        if not snapshot.flow_logs:
            if run is not None and run.settings.is_bounded:
                run.failure = "its flow logs were deleted before the load was over"
            if run is not None:
                await self._take_back(run)
            self._has_rested = True
            return False
        if run is None:
            undo, self._undo = self._undo, []
            for account, region, operation, request in undo:
                await self._called(Scope(account, region), operation, request)
            run = self._run = WorldRun(snapshot.run, snapshot.world, self._port.ec2)
        elif self._has_rested:
            run.skip_to_now()
        self._has_rested = False
        run.meet(snapshot.flow_logs)
        return True

    async def close(self) -> None:
        """Cancel the current run and all deliveries."""
        tasks = [*self._under_way, *([self._step] if self._step is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _take_back(self, run: WorldRun) -> None:
        try:
            await run.undo()
        except NO_ANSWER as error:
            log.warning("EC2 changes of incidents could not be undone", reason=str(error))

    async def _called(self, scope: Scope, operation: str, request: dict[str, Any]) -> None:
        """Undo an EC2 change of a process that ended before it could do so."""
        try:
            await asyncio.to_thread(getattr(self._port.ec2(scope), operation), **request)
        except NO_ANSWER as error:
            log.warning("EC2 change could not be undone", operation=operation, reason=str(error))

    def report(self) -> dict[str, object]:
        """Return the deliveries since the last report, and the progress of the world."""
        snapshot: dict[str, object] = {
            "flow_logs": {key: asdict(one.take_report()) for key, one in self._publishers.items()}
        }
        if self._run is not None:
            snapshot["world"] = self._run.document()
            if self._run.ledger:
                snapshot["ledger"], self._run.ledger = self._run.ledger.decode(), b""
        return snapshot

    async def _play(self, run: WorldRun) -> None:
        """Simulate the next minute if it has ended, and start the deliveries that are due.

        If destinations are slow, the simulation pauses.
        """
        now = int(run.now())
        for one in self._publishers.values():
            self._start(one.finish(now - delay_s(one.flow_log, now // FILE_S)))
        if (run.minute + 1) * MINUTE_S > now or self._due > DUE_MAX:
            await asyncio.sleep(min(TICK_S, MINUTE_S / run.speed / 4))
            return
        for flow_log, batch in await self._minute(run):
            if flow_log.flow_log_id in self._publishers:  # Otherwise it was deleted during this minute.
                self._start(self._later(run, self._publishers[flow_log.flow_log_id], batch))

    async def _play_bounded(self, run: WorldRun) -> None:
        """Simulate a minute of a bounded load and deliver it. After the last minute, deliver the rest."""
        if not run.is_over and run.is_ahead:
            run.failure = (
                f"the load has reached the present with {run.lines:,} of {run.settings.records:,}"
                " records: set fewer `records`, a higher `busy`, or an earlier `start`"
            )
            return
        if not run.is_over:
            await self._deliver(await self._minute(run))
            await self._finish(run.minute * MINUTE_S)
            return
        await self._deliver(await run.end())
        await self._finish(None)
        run.close()
        log.info("bounded load finished", lines=run.lines)

    async def _minute(self, run: WorldRun) -> list[tuple[FlowLog, IntervalBatch]]:
        snapshot = self._snapshot
        assert snapshot is not None
        for flow_log in snapshot.flow_logs:
            if flow_log.flow_log_id not in self._publishers:
                context = self._context(run)
                self._publishers[flow_log.flow_log_id] = make_publisher(flow_log, context, self._filters)
        return await run.play(list(snapshot.flow_logs), snapshot.revision)

    async def _deliver(self, batches: Iterable[tuple[FlowLog, IntervalBatch]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for flow_log, batch in batches:
                if flow_log.flow_log_id in self._publishers:  # Otherwise it was deleted during this minute.
                    tasks.create_task(self._publishers[flow_log.flow_log_id].deliver(batch))

    async def _finish(self, now: int | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            for one in self._publishers.values():
                tasks.create_task(one.finish(now))

    async def _later(self, run: WorldRun, to: Publisher, batch: IntervalBatch) -> None:
        """Deliver a batch when it is due. For S3 that is at once: `Files` holds it until its file is due."""
        is_file = to.flow_log.settings.destination_type == S3
        due = 0 if is_file else batch.ends + delay_s(to.flow_log, batch.ends)
        # The world's clock may run a thousand times as fast as real time, so no timer or event fits.
        while self._is_current(to) and (left_s := due - run.now()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(RETRY_S, left_s / run.speed))
        self._due += 1
        try:
            if self._is_current(to):
                await to.deliver(batch)
        finally:
            self._due -= 1

    def _is_current(self, one: Publisher) -> bool:
        """Return True if neither the publisher's flow log nor its run has ended."""
        return self._publishers.get(one.flow_log.flow_log_id) is one

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("delivery failed with an unexpected error", exc_info=error)

    def _context(self, run: WorldRun) -> DeliveryContext:
        """Return the context for destinations. Deliveries are counted for the run that created it."""

        def taken(flow_log: FlowLog, about: pl.DataFrame, lines: Sequence[str]) -> None:
            run.taken(flow_log, about)
            if self._run is run and flow_log.flow_log_id in self._publishers:
                self._publishers[flow_log.flow_log_id].taken(about, lines)

        objects, permissions = Objects(self._port.ask), Permissions(self._client, self._port.iam)
        return DeliveryContext(self._client, objects, permissions, run.pace, taken)

    def _filters(self, flow_log: FlowLog) -> list[str]:
        """Return the filters of all flow logs that write to one's log group."""
        group, to = flow_log.settings.log_group_name, flow_log.settings.destination_scope(flow_log.scope)
        return [
            other.settings.filter
            for other in (self._snapshot.flow_logs if self._snapshot else ())
            if other.settings.log_group_name == group and other.settings.destination_scope(other.scope) == to
        ]
