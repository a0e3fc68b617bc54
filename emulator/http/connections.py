"""The connections of one listener: who is there, and how they are all brought to an end."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Connection(Protocol):
    """What a listener asks of a connection."""

    def finish(self) -> None:
        """End after the answers that are owed."""

    def abort(self) -> None:
        """End now."""


class Connections:
    """A set that can be waited for."""

    def __init__(self) -> None:
        self._alive: set[Connection] = set()
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._alive)

    def add(self, connection: Connection) -> None:
        """Count a connection in."""
        self._alive.add(connection)
        self._none.clear()

    def discard(self, connection: Connection) -> None:
        """Count it out; it may be gone already."""
        self._alive.discard(connection)
        if not self._alive:
            self._none.set()

    async def end(self, within_s: float) -> None:
        """Let them finish; after a while, break off those that have not."""
        for connection in tuple(self._alive):
            connection.finish()
        try:
            async with asyncio.timeout(within_s):
                await self._none.wait()
        except TimeoutError:
            for connection in tuple(self._alive):
                connection.abort()
            await self._none.wait()
