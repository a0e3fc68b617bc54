"""How much may be read and not yet committed: a bound in bytes, for all shards of a process together.

A queue bounds answers, and one answer may be 10 MiB or 10 bytes; two hundred shards with a waiting answer
each would fill the machine.
"""

from __future__ import annotations

import asyncio

ROOM_BYTES = 32 << 20


class Room:
    """Bytes under way. Readers wait for room before a call; what a call brings is taken whatever its size."""

    def __init__(self, most_bytes: int = ROOM_BYTES) -> None:
        self._most, self._held = most_bytes, 0
        self._free = asyncio.Event()
        self._free.set()

    async def wait(self) -> None:
        """Wait until less than the bound is under way."""
        await self._free.wait()

    def take(self, size: int) -> None:
        """Note what was read."""
        self._held += size
        if self._held >= self._most:
            self._free.clear()

    def give(self, size: int) -> None:
        """Note what was committed, or will never be."""
        self._held -= size
        if self._held < self._most:
            self._free.set()
