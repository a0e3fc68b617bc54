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
from botocore.exceptions import BotoCoreError, ClientError

from emulator.firehose.destinations.objects import Objects
from emulator.flowlogs.access.permissions import Permissions
from emulator.flowlogs.flow_log import S3, FlowLog
from emulator.flowlogs.player.delivery.batches import Batch
from emulator.flowlogs.player.delivery.destinations import Means
from emulator.flowlogs.player.delivery.naming import FILE_S
from emulator.flowlogs.player.delivery.publisher import Courier, courier, delay_s
from emulator.flowlogs.player.port import Port
from emulator.flowlogs.player.run import Round
from emulator.flowlogs.player.snapshot import Snapshot
from emulator.flowlogs.service_client import Asking
from emulator.scope import Scope
from emulator.world.traffic.records import MINUTE_S

TICK_S = 0.25
AGAIN_S = 5.0
DUE_MAX = 100
"""Batches that may wait for their destination before the world waits for them."""

log = structlog.get_logger("emulator.flowlogs")


class Player:
    """Plays what it is `told`, until `run` is cancelled; `report` says what came of it."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._asking = Asking(port.ask, port.ask)
        self._told: Snapshot | None = None
        self._news = asyncio.Event()
        self._round: Round | None = None
        self._couriers: dict[str, Courier] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._step: asyncio.Task[None] | None = None
        self._undo: list[Sequence[Any]] = []
        self._due = 0
        self._has_rested = False

    def told(self, news: Snapshot) -> None:
        """Take the newest snapshot in; a new round ends the last one where it is."""
        self._told = news
        self._undo += news.undo
        self._news.set()
        is_replaced = self._round is not None and self._round.number != news.round
        there = {one.flow_log_id for one in news.flow_logs} if not is_replaced else set()
        self._couriers = {key: one for key, one in self._couriers.items() if key in there}
        if self._step is not None and (is_replaced or not there):
            self._step.cancel()

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            self._news.clear()
            if not await self._prepared():
                await self._news.wait()
                continue
            playing = self._round
            assert playing is not None
            play = self._play_bounded if playing.settings.is_bounded else self._play
            self._step = asyncio.create_task(play(playing))
            await asyncio.wait([self._step])
            error = None if self._step.cancelled() else self._step.exception()
            if isinstance(error, ClientError | BotoCoreError | OSError):
                log.warning("the world stands still, for EC2 does not answer", reason=str(error))
                await asyncio.sleep(AGAIN_S)
            elif error is not None:
                raise error

    async def _prepared(self) -> bool:
        """Say whether there is something to play now, having ended what is no more."""
        told, playing = self._told, self._round
        if playing is not None and (told is None or playing.number != told.round):
            await self._take_back(playing)
            playing = self._round = None
        if told is None or (playing is not None and (playing.is_done or playing.failure)):
            return False
        if not told.flow_logs:
            if playing is not None and playing.settings.is_bounded:
                playing.failure = "its flow logs were deleted before the load was over"
            if playing is not None:
                await self._take_back(playing)
            self._has_rested = True
            return False
        if playing is None:
            undo, self._undo = self._undo, []
            for account, region, operation, request in undo:
                await self._called(Scope(account, region), operation, request)
            playing = self._round = Round(told.round, told.world, self._port.ec2)
        elif self._has_rested:
            playing.skip_to_now()
        self._has_rested = False
        playing.meet(told.flow_logs)
        return True

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [*self._under_way, *([self._step] if self._step is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _take_back(self, playing: Round) -> None:
        try:
            await playing.undo()
        except (ClientError, BotoCoreError, OSError) as error:
            log.warning("what incidents changed in EC2 is not taken back", reason=str(error))

    async def _called(self, scope: Scope, operation: str, request: dict[str, Any]) -> None:
        """Take back a change of a player that died."""
        try:
            await asyncio.to_thread(getattr(self._port.ec2(scope), operation), **request)
        except (ClientError, BotoCoreError, OSError) as error:
            log.warning("what an incident changed is not taken back", operation=operation, reason=str(error))

    def report(self) -> dict[str, object]:
        """Return what was delivered since the last report, and how far the world is."""
        told: dict[str, object] = {
            "flow_logs": {key: asdict(one.take_report()) for key, one in self._couriers.items()}
        }
        if self._round is not None:
            told["world"] = self._round.document()
            if self._round.ledger:
                told["ledger"], self._round.ledger = self._round.ledger.decode(), b""
        return told

    async def _play(self, playing: Round) -> None:
        """Play the minute that is over, if one is, and have delivered what is due.

        When destinations are slow, the world's time waits for them.
        """
        now = int(playing.now())
        for one in self._couriers.values():
            self._start(one.finish(now - delay_s(one.flow_log, now // FILE_S)))
        if (playing.minute + 1) * MINUTE_S > now or self._due > DUE_MAX:
            await asyncio.sleep(min(TICK_S, MINUTE_S / playing.speed / 4))
            return
        for flow_log, batch in await self._minute(playing):
            if flow_log.flow_log_id in self._couriers:  # else it was deleted meanwhile
                self._start(self._later(playing, self._couriers[flow_log.flow_log_id], batch))

    async def _play_bounded(self, playing: Round) -> None:
        """Play a minute of a bounded load and have all of it delivered; after the last, what is left."""
        if not playing.is_over and playing.is_ahead:
            playing.failure = (
                f"the load has reached the present with {playing.lines:,} of {playing.settings.records:,}"
                " records: ask for fewer `records`, a higher `busy`, or an earlier `start`"
            )
            return
        if not playing.is_over:
            await self._deliver(await self._minute(playing))
            await self._finish(playing.minute * MINUTE_S)
            return
        await self._deliver(await playing.end())
        await self._finish(None)
        playing.close()
        log.info("the load is over", lines=playing.lines)

    async def _minute(self, playing: Round) -> list[tuple[FlowLog, Batch]]:
        told = self._told
        assert told is not None
        for flow_log in told.flow_logs:
            if flow_log.flow_log_id not in self._couriers:
                means = self._means(playing)
                self._couriers[flow_log.flow_log_id] = courier(flow_log, means, self._filters)
        return await playing.play(list(told.flow_logs), told.revision)

    async def _deliver(self, batches: Iterable[tuple[FlowLog, Batch]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for flow_log, batch in batches:
                if flow_log.flow_log_id in self._couriers:  # else it was deleted meanwhile
                    tasks.create_task(self._couriers[flow_log.flow_log_id].deliver(batch))

    async def _finish(self, now: int | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            for one in self._couriers.values():
                tasks.create_task(one.finish(now))

    async def _later(self, playing: Round, to: Courier, batch: Batch) -> None:
        """Deliver a batch when it is due; records for S3 wait where their file is made."""
        is_file = to.flow_log.settings.destination_type == S3
        due = 0 if is_file else batch.ends + delay_s(to.flow_log, batch.ends)
        # A clock that may run a thousand times as fast is no event that could be waited for.
        while self._is_there(to) and (left_s := due - playing.now()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(AGAIN_S, left_s / playing.speed))
        self._due += 1
        try:
            if self._is_there(to):
                await to.deliver(batch)
        finally:
            self._due -= 1

    def _is_there(self, one: Courier) -> bool:
        """Say whether a courier's flow log and world were not ended meanwhile."""
        return self._couriers.get(one.flow_log.flow_log_id) is one

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("delivery failed with an unexpected error", exc_info=error)

    def _means(self, playing: Round) -> Means:
        """Return what destinations work with; what they tell is noted for the round that it was made in."""

        def taken(flow_log: FlowLog, about: pl.DataFrame, lines: Sequence[str]) -> None:
            playing.taken(flow_log, about)
            if self._round is playing and flow_log.flow_log_id in self._couriers:
                self._couriers[flow_log.flow_log_id].taken(about, lines)

        objects, permissions = Objects(self._port.ask), Permissions(self._asking, self._port.iam)
        return Means(self._asking, objects, permissions, playing.pace, taken)

    def _filters(self, flow_log: FlowLog) -> list[str]:
        """Return the filters of all flow logs that write to one's log group."""
        group, to = flow_log.settings.log_group_name, flow_log.settings.destination_scope(flow_log.scope)
        return [
            other.settings.filter
            for other in (self._told.flow_logs if self._told else ())
            if other.settings.log_group_name == group and other.settings.destination_scope(other.scope) == to
        ]
