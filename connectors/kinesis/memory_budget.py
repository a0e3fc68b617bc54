"""The bound of bytes that are read and not yet committed, for all shards of a process together.

A queue bounds the number of answers only, and an answer has 10 bytes to 10 MiB: 200 shards with one waiting
answer each could exhaust the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BUDGET_BYTES = 48 << 20


class MemoryBudget:
    """The bytes that are reserved for running calls, or held by answers that are not committed."""

    def __init__(self, max_bytes: int = BUDGET_BYTES) -> None:
        self._max_bytes, self.held = max_bytes, 0
        self._free = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Wait until `size` bytes are free, and reserve them in the context. The only user never waits."""
        async with self._free:
            await self._free.wait_for(lambda: self.held == 0 or self.held + size <= self._max_bytes)
            self.held += size
        try:
            yield
        finally:
            await self.give(size)

    def take(self, size: int) -> None:
        """Add bytes that were read; this may exceed the bound."""
        self.held += size

    async def give(self, size: int) -> None:
        """Release bytes that were committed or dropped."""
        self.held -= size
        async with self._free:
            self._free.notify_all()
