"""Run a connector in this process while a test looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from tests.connectors.arrived import DEADLINE_S


class Runs(Protocol):
    """What `connect kinesis` and `connect s3` have in common."""

    @property
    def is_ready(self) -> bool: ...

    async def run(self, stop: asyncio.Event) -> None: ...


C = TypeVar("C", bound=Runs)


@asynccontextmanager
async def running(connector: C) -> AsyncIterator[C]:
    """Run it while in the context, from when it is ready. Raises what ended it."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(connector.run(stop))
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (connector.is_ready or task.done()):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.02)
        if task.done():
            task.result()
        yield connector
    finally:
        stop.set()
        await task
