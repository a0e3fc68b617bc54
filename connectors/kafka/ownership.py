"""The slots of this process: one consumer group over `positions`, and the committed values of all slots.

Kafka assigns the slots, detects dead members, and fences paused ones. A slot is opened when it is assigned
and dropped when it is revoked, together with the readers that depend on it (`Owned`). Every instance also
follows all of `positions`, so that it sees the commits of the other instances.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from connectors.errors import ConnectError
from connectors.kafka.blocks import LINES_KEY, NUMBER_KEY
from connectors.kafka.clients import factory
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import naming_missing_acls
from connectors.kafka.messages import check_format
from connectors.kafka.recovery import Recovery
from connectors.kafka.slots import CONTRACT_KEY, Slot, run_together
from connectors.kafka.topics import METADATA_AGE_MS
from connectors.progress import PROGRESS_KEY, Group, decode_progress
from connectors.settings import Common

log = structlog.get_logger()

SESSION_MS, HEARTBEAT_MS = 10_000, 1_000
TAIL_BYTES, TAIL_WAIT_MS = 64 << 10, 400
"""The broker collects the commits of all slots for so long: each answer costs 0.5 ms of CPU time."""

SOURCE_KEY = b"source"
"""State key of a slot: its source."""


class Owned(Protocol):
    """The resources of one owned slot, from its assignment to its revocation."""

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks of this slot. If one fails, the process ends."""

    async def close(self) -> None:
        """Stop the tasks and close the slot. Uncommitted input will be read again."""


_OWN = (NUMBER_KEY, LINES_KEY, SOURCE_KEY, CONTRACT_KEY)
O = TypeVar("O", bound=Owned)  # noqa: E741 - an owner's slot
News = Callable[[Mapping[bytes, bytes]], None]


class Ownership(ConsumerRebalanceListener, Generic[O]):  # type: ignore[misc]
    """The slots that this process owns. `own` creates the `Owned` of a slot that was opened.

    `changed` is called when slots are assigned, and with the new values of `positions` when some arrive.
    `source` names the input. Two sources with one prefix would share one set of slots, and each would read
    only its part, so the second one is refused. If a process is alone, it may switch to another source of its
    kind. `group` is the progress of all slots. Without `follows`, the instance does not read the other
    instances' commits. With `is_on_disk`, the state of the slots is in a file.
    """

    def __init__(
        self,
        settings: Common,
        source: str,
        own: Callable[[Slot], O],
        changed: News,
        *,
        follows: bool = True,
        is_on_disk: bool = False,
    ) -> None:
        self._settings, self._source, self._own, self._changed = settings, source, own, changed
        self._follows, self._is_on_disk = follows, is_on_disk
        self._kafka = KafkaConnection.of(settings)
        self._failed: Exception | None = None
        self._recovery = Recovery()
        self._owned: dict[int, O] = {}
        self._positions: dict[bytes, bytes] = {}
        self._is_assigned, self._has_caught_up = False, not follows
        self.group = Group(settings.slots)

    @property
    def is_ready(self) -> bool:
        """Return whether the group has assigned slots to this process; the assignment may be empty."""
        return self._is_assigned

    @property
    def has_caught_up(self) -> bool:
        """Return whether `positions` was read up to the end that it had at the start."""
        return self._has_caught_up

    @property
    def owned(self) -> Mapping[int, O]:
        """Return the resources of the owned slots, by slot."""
        return MappingProxyType(self._owned)

    @property
    def positions(self) -> Mapping[bytes, bytes]:
        """Return the newest committed value of every key that was read so far."""
        return MappingProxyType(self._positions)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Release the slots and drop their uncommitted input."""
        owned, self._owned = self._owned, {}
        ended = await asyncio.gather(*(one.close() for one in owned.values()), return_exceptions=True)
        self._failed = self._failed or next((e for e in ended if isinstance(e, Exception)), None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Open the assigned slots. `run` raises the errors, because aiokafka would only log them."""
        try:
            await self._open(assigned)
        except Exception as error:
            self._failed = error

    async def _open(self, assigned: Iterable[TopicPartition]) -> None:
        slots = {p.partition: self._make_slot(p.partition) for p in assigned}
        is_alone = len(slots) == self._settings.slots
        try:
            await run_together(slot.open() for slot in slots.values())
            for slot in slots.values():
                await self._check_source(slot, is_alone)
            for partition, slot in slots.items():
                if progress := slot.state.get(PROGRESS_KEY):
                    self.group.slots[partition] = decode_progress(progress)
                if self._follows:
                    self._positions.update(slot.state)
                self._owned[partition] = self._own(slot)
        except BaseException:
            await asyncio.gather(*(slot.close() for slot in slots.values()))
            raise
        log.info("slots assigned", slots=sorted(slots))
        self._is_assigned = True
        self._recovery.opened(time.monotonic())
        self._changed({})

    async def _check_source(self, slot: Slot, is_alone: bool) -> None:
        """Record our source in the slot. Raise `ConnectError` if the prefix belongs to another source."""
        known = slot.state.get(SOURCE_KEY, b"").decode()
        is_of_our_kind = known.partition(" ")[0] == self._source.partition(" ")[0]
        if not known or (known != self._source and is_of_our_kind and is_alone):
            await slot.commit({SOURCE_KEY: self._source.encode()}, [])
        elif known != self._source:
            raise ConnectError(
                f"the topics of VPCFLOW_PREFIX={self._settings.prefix} take from {known}:"
                f" give {self._source} a prefix of its own"
            )

    def _make_slot(self, partition: int) -> Slot:
        prefix = self._settings.prefix
        owner = f"{prefix}connect-{partition}"
        return Slot(
            self._kafka,
            f"{prefix}positions",
            partition,
            owner,
            is_on_disk=self._is_on_disk,
            contract={"VPCFLOW_SLOTS": self._settings.slots},
        )

    async def run(self, stop: asyncio.Event, beside: Iterable[asyncio.Task[None]] = ()) -> None:
        """Own slots until `stop` is set. Open them again after an error that passes (`recovery`).

        Raises the error of a slot's task, or of a task in `beside`, and `MissingAcl`.
        """
        topic, group = f"{self._settings.prefix}positions", f"{self._settings.prefix}connect"
        beside = list(beside)
        try:
            while not stop.is_set():
                try:
                    with naming_missing_acls(self._kafka, [topic], [group]):
                        await self._run(stop, beside)
                except Exception as error:
                    if (pause_s := self._recovery.pause_s(error, time.monotonic())) is None:
                        raise
                    log.warning("slots are opened again", error=repr(error), pause_s=pause_s)
                    self._forget()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), pause_s)
        finally:
            await _cancel(beside)

    def _forget(self) -> None:
        """Return to the state before the first assignment; `positions` are read from their beginning."""
        self._failed, self._is_assigned, self._has_caught_up = None, False, not self._follows
        self._positions.clear()

    async def _run(self, stop: asyncio.Event, beside: Sequence[asyncio.Task[None]]) -> None:
        group = factory.consumer(
            self._kafka,
            group_id=f"{self._settings.prefix}connect",
            client_id=f"{socket.gethostname()}/{os.getpid()}",  # the owner in `connect positions`
            enable_auto_commit=False,
            auto_offset_reset="latest",
            metadata_max_age_ms=METADATA_AGE_MS,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
        )
        group.subscribe([f"{self._settings.prefix}positions"], listener=self)
        tail = asyncio.ensure_future(self._tail())
        lasting = [tail, *beside]
        try:
            await group.start()
            while not stop.is_set():
                group.pause(*group.assignment())  # The tail reads the content.
                await group.getmany(timeout_ms=500)  # Keeps the group's clock.
                if self._failed is not None:
                    raise self._failed
                for task in [*lasting, *(t for one in self._owned.values() for t in one.tasks)]:
                    if task.done() and not task.cancelled():
                        task.result()
        finally:
            await _cancel([tail])
            await self.on_partitions_revoked([])
            await group.stop()
            await self.on_partitions_revoked([])  # what a last rebalance has given us meanwhile

    async def _tail(self) -> None:
        """Follow the positions of every slot, because a reader may wait for the commit of another process."""
        topic = f"{self._settings.prefix}positions"
        consumer = factory.consumer(
            self._kafka,
            isolation_level="read_committed",
            # And no `seek_to_beginning`: the default, latest, could be decided beside it, and win.
            auto_offset_reset="earliest" if self._follows else "latest",
            fetch_min_bytes=TAIL_BYTES,
            fetch_max_wait_ms=TAIL_WAIT_MS,
        )
        places = [TopicPartition(topic, p) for p in range(self._settings.slots)]
        try:
            await consumer.start()
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            while True:
                found = await consumer.getmany(timeout_ms=1000 if self._has_caught_up else 100)
                news: dict[bytes, bytes] = {}
                for place, messages in found.items():
                    self._take(place.partition, messages, news)
                self._positions |= news
                if news:
                    self._changed(news)
                if not self._has_caught_up and all([await consumer.position(p) >= ends[p] for p in places]):
                    self._has_caught_up = True
                    self._changed({})
        finally:
            await consumer.stop()

    def _take(self, partition: int, messages: list[Any], news: dict[bytes, bytes]) -> None:
        """Apply the values that one slot committed. `group` has our own progress since our commit."""
        for message in messages:
            check_format(f"{self._settings.prefix}positions", message.headers)
            if message.key == PROGRESS_KEY:
                if partition not in self._owned and message.value is not None:
                    self.group.slots[partition] = decode_progress(message.value)
            elif not self._follows:
                continue
            elif message.value is None:
                self._positions.pop(message.key, None)
            elif message.key not in _OWN:
                news[message.key] = message.value


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
