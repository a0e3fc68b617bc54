"""The child processes of a replay: start, restart, resource usage and stop, each by its process id.

Each child has its own session, so that Ctrl-C reaches only the replay, which stops the children in order. A
child that ends is restarted, as a supervisor would. If it ends too often, the replay fails with the last
lines of the child's log.
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
RESTARTS = 5  # Allowed within a minute.


class ChildFailed(RuntimeError):
    """A child ended too often. The message has the last lines of its log."""


class Child:
    """A `vpcflow` subcommand as a child process."""

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
        """The process id, or 0 if the process is not running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    @property
    def returncode(self) -> int | None:
        """The exit status; None if the process is running or was never started."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start the process with its output redirected to its log."""
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
        """Update the peak memory and the CPU time."""
        if not self.pid:
            return
        try:
            process = psutil.Process(self.pid)
            self.peak_rss_bytes = max(self.peak_rss_bytes, process.memory_info().rss)
            times = process.cpu_times()
            self.cpu_s = times.user + times.system
        except psutil.NoSuchProcess:
            return  # The process has just ended; `restart_if_ended` handles that.

    async def restart_if_ended(self) -> None:
        """Restart the process if it has ended. Raises `ChildFailed` if it ends too often."""
        if self._process is None or self._process.returncode is None:
            return
        now = time.monotonic()
        self.restarts = [*(t for t in self.restarts if now - t < 60), now]
        if len(self.restarts) > RESTARTS:
            raise ChildFailed(f"{self.name} keeps failing; its log ends with:\n{self.tail()}")
        await self.start()

    async def ended(self) -> None:
        """Wait until the process ends."""
        if self._process is not None:
            await self._process.wait()

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def stop(self) -> None:
        """End the process: SIGTERM, then SIGKILL after `STOP_S`."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
