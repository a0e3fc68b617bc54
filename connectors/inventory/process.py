"""`vpcflow inventory`: AWS into the topic `inventory`, one reading a minute.

Partition 0 of the topic is a slot: its transactional producer fences another `vpcflow inventory`. The rows of
a reading are one transaction (of a very large reading, several), so a reader sees whole readings.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import structlog
from aiokafka.errors import KafkaError

from connectors import metrics
from connectors.aws.calls import Stopped
from connectors.aws.threads import in_thread
from connectors.errors import ConnectError
from connectors.health_endpoint import health_endpoint
from connectors.inventory.follower import PARTITION, TOPIC
from connectors.inventory.publishing import Changes, Published
from connectors.inventory.reading.accounts import Accounts, Place, places, regions_of
from connectors.inventory.reading.prefix_files import prefix_sources
from connectors.inventory.reading.prefixes import AWS, FILE
from connectors.inventory.reading.region_reading import RegionReader, RegionReading
from connectors.inventory.reading.versions import Reading
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.recovery import Recovery, is_fence
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.settings import Inventory

log = structlog.get_logger()

PLACES_AT_ONCE = 4
ROWS_AT_ONCE = 5_000
"""Messages of one transaction at most."""
PAUSE_MIN_S = 1.0
HOUR_S, DAY_S = 3_600, 86_400


class InventoryProcess:
    """The process. `accounts` has the sessions of the accounts to read, `places` what to read."""

    def __init__(self, settings: Inventory, accounts: Accounts, places: Sequence[Place]) -> None:
        self._settings, self._accounts, self._places = settings, accounts, places
        self._stop_threads = threading.Event()
        self._readers: dict[tuple[str, str], RegionReader] = {}
        self._prefixes = prefix_sources(settings.aws_ranges, settings.prefix_lists)
        self._reported: dict[str, str] = {}
        self._complete_at: dict[tuple[str, str], float] = {}
        self._began = time.time()
        self._free = asyncio.Semaphore(PLACES_AT_ONCE)
        self._committing = asyncio.Lock()
        self.is_ready = False
        """True once every account and Region was read, or refused."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read and write until `stop` is set.

        Raises `ConnectError` if another process took over, `MissingAcl`, and Kafka's lasting errors.
        """
        recovery = Recovery()
        stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                try:
                    await self._own(stopping)
                except KafkaError as error:
                    if (pause_s := recovery.pause_s(error, time.monotonic())) is None:
                        raise _lasting(error, self._settings.prefix) from error
                    log.warning("topic is opened again", error=repr(error), pause_s=pause_s)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(stopping), pause_s)
        finally:
            self._stop_threads.set()
            stopping.cancel()

    async def _own(self, stopping: asyncio.Future[Any]) -> None:
        """Open the slot, and read until the process stops. Raises Kafka's errors."""
        slot = inventory_slot(KafkaConnection.of(self._settings), self._settings.prefix)
        try:
            await slot.open()
            published = Published(slot.state)
            if published.foreign:
                metrics.INVENTORY_FOREIGN.inc(published.foreign)
                log.warning("foreign messages ignored", topic=slot.topic, messages=published.foreign)
            while not stopping.done():
                began = time.monotonic()
                reading: asyncio.Future[Any] = asyncio.ensure_future(self._round(slot, published))
                await asyncio.wait([reading, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    self._stop_threads.set()
                    reading.cancel()
                    await asyncio.wait([reading])
                    return
                reading.result()
                pause_s = self._settings.inventory_s - (time.monotonic() - began)
                await asyncio.wait([stopping], timeout=max(pause_s, PAUSE_MIN_S))
        finally:
            await slot.close()

    async def _round(self, slot: Slot, published: Published) -> None:
        await self._commit(slot, await self._prefix_changes(published), "prefixes")
        readings = (self._read(place, slot, published) for place in self._places)
        ended = await asyncio.gather(*readings, return_exceptions=True)
        errors = [one for one in ended if isinstance(one, BaseException)]
        if errors:  # After the first error the slot is useless, and the others fail because of it.
            raise next((one for one in errors if isinstance(one, KafkaError)), errors[0])
        days, hours = self._settings.inventory_days, self._settings.inventory_network_hours
        expired = published.expired(int(time.time()), days * DAY_S, hours * HOUR_S)
        await self._commit(slot, expired, "expired")
        self.is_ready = True

    async def _prefix_changes(self, published: Published) -> Changes:
        rows = [row for source in self._prefixes if (row := await source.row()) is not None]
        found = published.prefix_changes(rows)
        named = {AWS: self._settings.aws_ranges, FILE: self._settings.prefix_lists}
        for scope, setting in named.items():
            if not setting:
                found |= published.prefix_changes((), scope)
        return found

    async def _read(self, place: Place, slot: Slot, published: Published) -> None:
        """Read one account and Region, and write its rows."""
        async with self._free:
            try:
                account = await in_thread(self._accounts.account_of, place.role)
                reader = self._reader(place, account)
                began = time.monotonic()
                found = await in_thread(reader.read)
            except Stopped:
                return
            except ConnectError as error:
                self._report(place, str(error))
                return
        self._report(place, "")
        async with self._committing:
            changes = self._changes(account, place, found, published)
            await self._commit(slot, changes, "changes")
        self._measure(account, place, found, published)
        self._log(account, place, found, len(changes), time.monotonic() - began)

    def _log(self, account: str, place: Place, found: RegionReading, rows: int, took_s: float) -> None:
        if rows:
            log.info(
                "account read",
                account=account,
                region=place.region,
                interfaces=len(found.sources.interfaces),
                rows=rows,
                calls=found.calls,
                took_s=round(took_s, 2),
            )

    def _reader(self, place: Place, account: str) -> RegionReader:
        key = account, place.region
        if key not in self._readers:
            named = f"account {account}, Region {place.region}"
            self._readers[key] = RegionReader(
                lambda service: self._accounts.client(place, service), named, self._stop_threads
            )
        return self._readers[key]

    def _changes(self, account: str, place: Place, found: RegionReading, published: Published) -> Changes:
        is_first = published.is_first(account, place.region)
        reading = Reading(account, place.region, found.at_s, is_first, self._settings.since_s)
        return published.changes(
            reading,
            found.sources,
            found.answers,
            has_interfaces=found.has_interfaces,
            is_whole=found.is_whole,
        )

    async def _commit(self, slot: Slot, changes: Changes, kind: str) -> None:
        items = list(changes.items())
        for place in range(0, len(items), ROWS_AT_ONCE):
            await slot.commit(dict(items[place : place + ROWS_AT_ONCE]), [])
        metrics.INVENTORY_ROWS.labels(kind).inc(len(items))

    def _measure(self, account: str, place: Place, found: RegionReading, published: Published) -> None:
        key = account, place.region
        if found.is_complete or key not in self._complete_at:
            self._complete_at[key] = time.time() if found.is_complete else self._began
        metrics.INVENTORY_AGE.labels(*key).set_function(lambda: time.time() - self._complete_at[key])
        metrics.INVENTORY_INTERFACES.labels(*key).set(published.interfaces(*key))

    def _report(self, place: Place, why: str) -> None:
        """Log a problem of an account once, until it changes."""
        key = f"{place.role} {place.region}"
        if why and self._reported.get(key) != why:
            log.error("account not read", region=place.region, why=why)
        self._reported[key] = why


def inventory_slot(kafka: KafkaConnection, prefix: str) -> Slot:
    """Return the slot of the topic, not opened. To open it fences another process."""
    return Slot(kafka, prefix + TOPIC, PARTITION, f"{prefix}inventory-0")


def _lasting(error: KafkaError, prefix: str) -> Exception:
    """Return the error that ends the process; a sentence if another process has taken over."""
    if is_fence(error):
        return ConnectError(
            f"another `vpcflow inventory` writes to VPCFLOW_PREFIX={prefix}: run one for each prefix, or"
            " give this one another prefix"
        )
    return cast("Exception", error)


async def run(settings: Inventory) -> None:
    """Read AWS until SIGTERM or SIGINT. Raises `TopicError`, `ConnectError` and `SettingsError`."""
    wanted = places(settings.inventory_roles, regions_of(settings.inventory_regions))
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    process = InventoryProcess(settings, Accounts(), wanted)
    async with health_endpoint(settings, lambda: process.is_ready):
        await process.run(stop)
