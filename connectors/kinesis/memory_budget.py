"""How much may be read and not yet committed: a bound in bytes, for all shards of a process together.

A queue bounds answers, and one answer may be 10 MiB or 10 bytes; two hundred shards with a waiting answer
each would fill the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BUDGET_BYTES = 48 << 20


class MemoryBudget:
    """Bytes under way. What a call may bring is reserved before it, what it brought is taken after it."""

    def __init__(self, max_bytes: int = BUDGET_BYTES) -> None:
        self._max_bytes, self._held = max_bytes, 0
        self._free = asyncio.Condition()

    @property
    def held(self) -> int:
        """How many bytes are under way or reserved."""
        return self._held

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for so much, and keep it while in the context; one may always go on."""
        async with self._free:
            await self._free.wait_for(lambda: self._held == 0 or self._held + size <= self._max_bytes)
            self._held += size
        try:
            yield
        finally:
            await self.give(size)

    def take(self, size: int) -> None:
        """Note what was read, whatever its size."""
        self._held += size

    async def give(self, size: int) -> None:
        """Note what was committed, or will never be."""
        self._held -= size
        async with self._free:
            self._free.notify_all()
