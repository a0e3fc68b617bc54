"""An endpoint as its own process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from emulator.kafka.ports import free_port
from tests.processes import answers, environment, until

ROOT = Path(__file__).parents[3]
COMMAND = ("streams.cli", "connect", "firehose")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A process that runs, and is ready."""

    process: asyncio.subprocess.Process
    url: str
    health: str
    log: Path


@asynccontextmanager
async def endpoint(
    kafka: str, prefix: str, folder: Path, slots: int = 1, command: Sequence[str] = COMMAND, **more: object
) -> AsyncIterator[Endpoint]:
    """Run an endpoint, once it owns its slots; it is killed if it still runs at the end."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VPCFLOW_")}
    port, health_port = free_port(), free_port()
    ports = {"firehose_port": port, "health_port": health_port}
    env = {**ours, **environment(kafka, prefix, slots, **ports, **more), "PYTHONPATH": str(ROOT)}
    log = folder / f"endpoint-{port}.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, env=env, cwd=folder, stderr=stderr
        )
    health = f"http://127.0.0.1:{health_port}"

    async def is_ready_or_gone() -> bool:
        return process.returncode is not None or await answers(f"{health}/readyz")

    try:
        await until(is_ready_or_gone, "no endpoint")
        assert process.returncode is None, log.read_text()
        yield Endpoint(process, f"http://127.0.0.1:{port}/", health, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
