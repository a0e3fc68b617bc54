"""The emulator's end of the simulator process: starts it with the first flow log and sends it snapshots.

The process ends with `stop`, or when its standard input is closed because the emulator has ended. If it ends
by itself, it is restarted with a new world. A bounded load is not restarted: it fails with an error message.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
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
RESTART_S = 2.0
SHOWN_LINES = 15
_COPIED_BYTES = 1 << 16
_CHILD = "emulator.flowlogs.player.child"

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class SimulationProgress:
    """The last reported progress of the simulation. `now` is the simulated time in epoch seconds."""

    run: int = 0
    lines: int = 0
    now: int = 0
    has_caught_up: bool = False
    is_done: bool = False
    failure: str = ""
    labels: list[dict[str, Any]] = field(default_factory=list)
    undo: list[list[Any]] = field(default_factory=list)


class SimulatorProcess:
    """The simulator process. Call `stop` at the end; a start is not needed."""

    def __init__(self, service: FlowLogService, url: Callable[[], str]) -> None:
        self.settings = WorldSettings()
        self.progress = SimulationProgress()
        self.ledger = b""
        self._service, self._url = service, url
        self._run, self._sent_run = 1, 0
        self._undo: list[list[Any]] = []
        self._news = asyncio.Event()
        self._other_world = asyncio.Event()
        self._living: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        service.listeners.append(self.changed)

    @property
    def pid(self) -> int:
        """The id of the simulator process, or 0 if it is not running."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    def changed(self) -> None:
        """Send a snapshot, because flow logs, EC2 or settings have changed. Start the process if needed."""
        self._news.set()
        if self._living is None and self._service.flow_logs:
            self._living = asyncio.create_task(self._live())
            self._living.add_done_callback(self._ended)

    def set_world(self, document: object) -> None:
        """Start a new world with these settings. Raises `BadWorld`."""
        self.settings = read(document)
        self._run += 1
        self.progress, self.ledger = SimulationProgress(run=self._run), b""
        self._service.subscriptions.keeps_events = self.settings.keeps_log_events
        self._other_world.set()
        self._other_world.clear()
        self.changed()

    def _ended(self, living: asyncio.Task[None]) -> None:
        """Report an unexpected error of the supervising task. The next change starts it again."""
        if not living.cancelled() and (error := living.exception()) is not None:
            log.critical("flow log simulator cannot be started", exc_info=error)
            self.progress.failure = f"the simulator process cannot be started: {error}"
            self._living = None

    async def stop(self) -> None:
        """End the simulator process."""
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
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=LINE_MAX_BYTES,
            )
            log.info("flow log simulator started", pid=self._process.pid)
            assert self._process.stderr is not None
            last_lines: deque[str] = deque(maxlen=SHOWN_LINES)
            copying = asyncio.create_task(_copy(self._process.stderr, last_lines))
            try:
                await self._converse(self._process)
            finally:
                await _end(self._process)
                await copying
            await self._on_exit(self._process.returncode, last_lines)

    async def _on_exit(self, status: int | None, last_lines: Iterable[str]) -> None:
        """Report that the process has ended by itself. Return when a new one may be started."""
        log.error("flow log simulator ended unexpectedly", status=status)
        self._undo = self.progress.undo
        if self.settings.is_bounded and self._run == self._sent_run:
            if not self.progress.is_done:
                self.progress.failure = _failure(status, last_lines)
            await self._other_world.wait()  # A restart would deliver the same records again.
        elif self._run == self._sent_run:
            self._run += 1
        await asyncio.sleep(RESTART_S)

    async def _converse(self, process: asyncio.subprocess.Process) -> None:
        """Send snapshots and read reports until the process ends."""
        assert process.stdin is not None
        assert process.stdout is not None
        sending = asyncio.create_task(self._send_snapshots(process.stdin))
        try:
            while line := await process.stdout.readline():
                if not line.endswith(b"\n"):
                    break  # The process ended within this line.
                self._receive(orjson.loads(line))
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def _send_snapshots(self, simulator: asyncio.StreamWriter) -> None:
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            flow_logs = list(self._service.flow_logs)
            self._sent_run = self._run
            news = Snapshot(flow_logs, self._service.revision, self._run, self.settings, self._undo)
            self._undo = []
            simulator.write(orjson.dumps(news.document()) + b"\n")
            await simulator.drain()

    def _receive(self, message: Mapping[str, Any]) -> None:
        flow_logs = {one.flow_log_id: one for one in self._service.flow_logs}
        for key, report in message["flow_logs"].items():
            if key in flow_logs:
                _note(flow_logs[key], report)
        world = message.get("world")
        if world is not None and world["run"] == self._run and not self.progress.failure:
            self.progress = SimulationProgress(**world)
            self.ledger = message.get("ledger", "").encode() or self.ledger


def _note(flow_log: FlowLog, report: Mapping[str, Any]) -> None:
    flow_log.error, flow_log.reason = report["error"], report["reason"]
    flow_log.delivered.calls += report["calls"]
    flow_log.delivered.lines += report["lines"]
    flow_log.delivered.lost += report["lost"]
    flow_log.delivered.last.extend(report["last"])


def _failure(status: int | None, last_lines: Iterable[str]) -> str:
    ended = f"the simulator process ended with status {status}"
    text = "".join(last_lines).strip()
    return f"{ended}; its standard error ends with:\n{text}" if text else ended


async def _copy(stderr: asyncio.StreamReader, last_lines: deque[str]) -> None:
    """Copy the process's standard error to the emulator's own, until it ends, and keep the last lines."""
    while data := await stderr.read(_COPIED_BYTES):
        text = data.decode(errors="replace")
        sys.stderr.write(text)
        sys.stderr.flush()
        partial = last_lines.pop() if last_lines and not last_lines[-1].endswith("\n") else ""
        last_lines.extend((partial + text).splitlines(keepends=True))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the process's standard input, and send SIGKILL if the process does not end."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        log.warning("flow log simulator does not end and is killed", pid=process.pid)
    finally:  # Also on cancellation.
        if process.returncode is None:
            process.kill()
            await process.wait()
