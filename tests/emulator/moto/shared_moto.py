"""One moto for many tests: it starts with the first request, and answers whatever loop asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from emulator.http.messages import Incoming, Outgoing, Service
from emulator.moto.backend import MotoBackend


@asynccontextmanager
async def shared_moto() -> AsyncIterator[Service]:
    """Yield the services behind the emulator while in the context, which belongs to this loop."""
    behind, home = MotoBackend(), asyncio.get_running_loop()

    async def answer(request: Incoming) -> Outgoing:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(behind.answer(request), home))

    try:
        yield answer
    finally:
        await behind.stop()
