"""The emulator's end of the player's process: starts it with the first flow log, tells it what to play.

It costs nothing before. It ends with `stop`, or when this process ends, however (its input ends then). A
player that ends by itself is started again and begins a new world; a bounded load that it was playing has
failed, and says so.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from emulator.flowlogs.flow_log import FlowLog
from emulator.flowlogs.player.child import LINE_MAX_BYTES
from emulator.flowlogs.player.snapshot import Snapshot
from emulator.flowlogs.service import FlowLogService
from emulator.world.settings import WorldSettings, read

STOP_S = 5.0
AGAIN_S = 2.0
_CHILD = "emulator.flowlogs.player.child"

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class Progress:
    """How far the world is, as the player told last."""

    round: int = 0
    lines: int = 0
    now: int = 0
    has_caught_up: bool = False
    is_done: bool = False
    failure: str = ""
    labels: list[dict[str, Any]] = field(default_factory=list)
    undo: list[list[Any]] = field(default_factory=list)


class Link:
    """The player, as one part. `stop` must be awaited; nothing needs to be started."""

    def __init__(self, service: FlowLogService, url: Callable[[], str]) -> None:
        self.settings = WorldSettings()
        self.progress = Progress()
        self.ledger = b""
        self._service, self._url = service, url
        self._round, self._told = 1, 0
        self._undo: list[list[Any]] = []
        self._news = asyncio.Event()
        self._other_world = asyncio.Event()
        self._living: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        service.listeners.append(self.changed)

    @property
    def pid(self) -> int:
        """The player's process id, 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    def changed(self) -> None:
        """Tell the player that flow logs, EC2 or the settings are others now; start it if it is needed."""
        self._news.set()
        if self._living is None and self._service.flow_logs:
            self._living = asyncio.create_task(self._live())
            self._living.add_done_callback(self._ended)

    def set_world(self, document: object) -> None:
        """Play another world from now on. Raises `BadWorld`."""
        self.settings = read(document)
        self._round += 1
        self.progress, self.ledger = Progress(round=self._round), b""
        self._service.subscriptions.keeps_events = self.settings.keeps_log_events
        self._other_world.set()
        self._other_world.clear()
        self.changed()

    def _ended(self, living: asyncio.Task[None]) -> None:
        """Say loudly why nothing is played any more; the next change starts it again."""
        if not living.cancelled() and (error := living.exception()) is not None:
            log.critical("flow logs are not delivered any more", exc_info=error)
            self.progress.failure = f"the process that plays the world cannot be had: {error}"
            self._living = None

    async def stop(self) -> None:
        """End the player."""
        if self._living is not None:
            self._living.cancel()
            await asyncio.wait([self._living])
            self._living = None

    async def _live(self) -> None:
        while True:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", _CHILD, self._url()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=LINE_MAX_BYTES,
            )
            log.info("the player of flow logs started", pid=self._process.pid)
            try:
                await self._converse(self._process)
            finally:
                await _end(self._process)
            await self._mourn(self._process.returncode)

    async def _mourn(self, status: int | None) -> None:
        """Say that a player has died; return when another one is to be started."""
        log.error("the player of flow logs ended by itself", status=status)
        self._undo = self.progress.undo
        if self.settings.is_bounded and self._round == self._told:
            if not self.progress.is_done:
                self.progress.failure = f"the process that plays the world ended with status {status}"
            await self._other_world.wait()  # What was delivered would be delivered again.
        elif self._round == self._told:
            self._round += 1
        await asyncio.sleep(AGAIN_S)

    async def _converse(self, process: asyncio.subprocess.Process) -> None:
        """Tell and listen until the process ends."""
        assert process.stdin is not None
        assert process.stdout is not None
        telling = asyncio.create_task(self._tell(process.stdin))
        try:
            while line := await process.stdout.readline():
                if not line.endswith(b"\n"):
                    break  # It died while it said this.
                self._heard(orjson.loads(line))
        finally:
            telling.cancel()
            await asyncio.wait([telling])

    async def _tell(self, player: asyncio.StreamWriter) -> None:
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            flow_logs = list(self._service.flow_logs)
            self._told = self._round
            news = Snapshot(flow_logs, self._service.revision, self._round, self.settings, self._undo)
            self._undo = []
            player.write(orjson.dumps(news.document()) + b"\n")
            await player.drain()

    def _heard(self, told: Mapping[str, Any]) -> None:
        flow_logs = {one.flow_log_id: one for one in self._service.flow_logs}
        for key, report in told["flow_logs"].items():
            if key in flow_logs:
                _note(flow_logs[key], report)
        world = told.get("world")
        if world is not None and world["round"] == self._round and not self.progress.failure:
            self.progress = Progress(**world)
            self.ledger = told.get("ledger", "").encode() or self.ledger


def _note(flow_log: FlowLog, report: Mapping[str, Any]) -> None:
    flow_log.error, flow_log.reason = report["error"], report["reason"]
    flow_log.delivered.calls += report["calls"]
    flow_log.delivered.lines += report["lines"]
    flow_log.delivered.lost += report["lost"]
    flow_log.delivered.last.extend(report["last"])


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process: by the end of its input, and SIGKILL if it does not listen."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        log.warning("the player of flow logs does not end and is killed", pid=process.pid)
    finally:  # Also when we are cancelled.
        if process.returncode is None:
            process.kill()
            await process.wait()
