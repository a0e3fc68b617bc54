"""A worker as its own process, given only the settings of a test."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from connectors.settings import Work
from tests.processes import environment

ROOT = Path(__file__).parents[2]
DEADLINE_S = 40.0


@asynccontextmanager
async def working(settings: Work, folder: Path, first: str = "") -> AsyncIterator[None]:
    """Run `vpcflow work` as its own process, after some code; it must end well when it is told to."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VPCFLOW_")}
    theirs = environment(settings.kafka, settings.prefix, settings.slots)
    env = {**ours, **theirs, "PYTHONPATH": str(ROOT)}
    log = folder / "worker.log"
    with log.open("wb") as stderr:
        command = [sys.executable, "-c", f"{first}\nfrom streams.cli import main\nmain(['work'])"]
        process = await asyncio.create_subprocess_exec(*command, env=env, cwd=folder, stderr=stderr)
    try:
        yield
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            assert await process.wait() == 0, log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
