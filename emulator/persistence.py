"""The optional persistence of a store: the service with a journal, and its orderly end.

LMDB is loaded only if there is a data folder.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.http.messages import Service
from emulator.kinesis.store import Store


@dataclass(frozen=True, slots=True)
class PersistentService:
    """A service, and the function to call after its last request."""

    service: Service
    stop: Callable[[], Awaitable[None]]


def persist(service: Service, store: Store, folder: Path | None, now_ms: int) -> PersistentService:
    """Load a store from its folder and journal its changes. Without a folder, do nothing.

    Raises `FolderError`.
    """
    if folder is None:
        return PersistentService(service, _nothing)
    from emulator.kinesis.persistence.durable import Durable
    from emulator.kinesis.persistence.journal import open_journal

    journal = open_journal(store, folder, now_ms)

    async def stop() -> None:
        journal.close()

    return PersistentService(Durable(service, journal), stop)


async def _nothing() -> None:
    """Do nothing: there is no journal to close."""
