"""The processes of a replay: started, watched, started again, and stopped, each by its own id.

A child is in a session of its own, so that a terminal's Ctrl-C reaches only the replay, which stops the
children in order. A child that ends with an error is started again, as a supervisor would; one that keeps
failing ends the replay with the last lines of its log.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

STOP_S = 12.0
RESTARTS = 5  # failures within a minute that a child may have


class ChildFailed(RuntimeError):
    """A child cannot be kept running; the message has the end of its log."""


class Child:
    """One `vpcflow` subcommand as a process of ours."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        logs: Path,
        python: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.peak_rss_bytes = 0
        self.cpu_s = 0.0
        self.restarts: list[float] = []
        self._python = python
        self.env = {**os.environ, **env}
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs or was never started."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start the process; its output goes to its log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._python,
                "-m",
                "streams.cli",
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                start_new_session=True,
            )

    def watch(self) -> None:
        """Note what the process uses now."""
        if not self.pid:
            return
        try:
            process = psutil.Process(self.pid)
            self.peak_rss_bytes = max(self.peak_rss_bytes, process.memory_info().rss)
            times = process.cpu_times()
            self.cpu_s = times.user + times.system
        except psutil.NoSuchProcess:
            return  # It ended between the two looks; `restart_if_ended` sees that.

    async def restart_if_ended(self) -> None:
        """Start the process again if it ended. Raises `ChildFailed` when that happens too often."""
        if self._process is None or self._process.returncode is None:
            return
        now = time.monotonic()
        self.restarts = [*(t for t in self.restarts if now - t < 60), now]
        if len(self.restarts) > RESTARTS:
            raise ChildFailed(f"{self.name} keeps failing; its log ends with:\n{self.tail()}")
        await self.start()

    async def ended(self) -> None:
        """Wait until the process has ended."""
        if self._process is not None:
            await self._process.wait()

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def stop(self) -> None:
        """End the process: SIGTERM, and SIGKILL if it does not listen."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
