"""Whether a store is kept on disk: the service that answers for it then, and how that ends.

LMDB is loaded here only when there is a folder to keep it in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.http.messages import Service
from emulator.kinesis.store import Store


@dataclass(frozen=True, slots=True)
class Kept:
    """A service, and what is to be done when it has answered its last request."""

    service: Service
    stop: Callable[[], Awaitable[None]]


def keep(service: Service, store: Store, folder: Path | None, now_ms: int) -> Kept:
    """Fill a store from its folder, if it has one, and keep it there. Raises `FolderError`."""
    if folder is None:
        return Kept(service, _nothing)
    from emulator.kinesis.persistence.durable import Durable
    from emulator.kinesis.persistence.journal import open_journal

    journal = open_journal(store, folder, now_ms)

    async def stop() -> None:
        journal.close()

    return Kept(Durable(service, journal), stop)


async def _nothing() -> None:
    """There is nothing to close."""
