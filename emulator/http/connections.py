"""The open connections of one listener, and their orderly end."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Connection(Protocol):
    """A connection that a listener can end."""

    def finish(self) -> None:
        """Close the connection after the pending responses."""

    def abort(self) -> None:
        """Close the connection immediately."""


class Connections:
    """The set of open connections."""

    def __init__(self) -> None:
        self._alive: set[Connection] = set()
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._alive)

    def add(self, connection: Connection) -> None:
        """Add a connection."""
        self._alive.add(connection)
        self._none.clear()

    def discard(self, connection: Connection) -> None:
        """Remove a connection. It may already be removed."""
        self._alive.discard(connection)
        if not self._alive:
            self._none.set()

    async def end(self, within_s: float) -> None:
        """Finish all connections. After `within_s` seconds, abort the remaining ones."""
        for connection in tuple(self._alive):
            connection.finish()
        try:
            async with asyncio.timeout(within_s):
                await self._none.wait()
        except TimeoutError:
            for connection in tuple(self._alive):
                connection.abort()
            await self._none.wait()
