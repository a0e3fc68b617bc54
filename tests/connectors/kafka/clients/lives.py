"""Short lives of every process, inside the test: each uses all of its topics, groups and ids once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from connectors.inventory.follower import Follower
from connectors.inventory.process import inventory_slot
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import Message
from connectors.kafka.ownership import Ownership
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics, examine_topics
from connectors.settings import Common, Work
from streams.alerts import notify as notifier
from streams.records import Alert
from streams.web.conversations.feed import ConversationFeed
from streams.web.feed import Feed
from streams.web.state.board import Board
from streams.worker.hops import make_slot
from streams.worker.work import Worker

OUTPUTS = {
    "sum": ("partials", "dead"),
    "merge": ("aggregates", "conversations", "finals", "dead"),
    "detect": ("alerts",),
}


async def _until(is_done: Callable[[], bool], task: asyncio.Future[None]) -> None:
    """Wait until something is so. Raises what ends the task before."""
    while not is_done():
        await asyncio.wait({task}, timeout=0.02)
        if task.done():
            task.result()
            return


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Writing:
    """An owned slot that commits one message to each output of a connector."""

    def __init__(self, slot: Slot, prefix: str, stop: asyncio.Event) -> None:
        self._slot, self._stop = slot, stop
        self._messages = [Message(f"{prefix}{name}", 0, None, b"1") for name in ("blocks", "dead", "health")]
        self.tasks = [asyncio.ensure_future(self._commit())]

    async def _commit(self) -> None:
        await self._slot.commit({b"key": b"1"}, self._messages)
        self._stop.set()

    async def close(self) -> None:
        await _cancelled(self.tasks[0])
        await self._slot.close()


async def connect(settings: Common) -> None:
    """Own the slots as a connector does, and commit to every output."""
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    stop = asyncio.Event()
    own = Ownership(settings, "test", lambda slot: _Writing(slot, settings.prefix, stop), lambda _: None)
    await own.run(stop)


async def hops(settings: Common) -> None:
    """Open the slots of a worker's hops, and commit to every output."""
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    for hop, names in OUTPUTS.items():
        slot = make_slot(_work(settings), hop, 0)
        await slot.open()
        try:
            await slot.commit(
                {b"key": b"1"}, [Message(f"{settings.prefix}{name}", 0, b"key", b"1") for name in names]
            )
        finally:
            await slot.close()


async def work(settings: Common) -> None:
    """Be a worker until it has slots, and has read a while."""
    stop = asyncio.Event()
    worker = Worker(_work(settings))
    running = asyncio.ensure_future(worker.run(stop))
    try:
        await _until(lambda: worker.is_ready, running)
        await asyncio.wait({running}, timeout=2.0)
    finally:
        stop.set()
        await running


def _work(settings: Common) -> Work:
    return Work.model_validate(settings.model_dump())


async def serve(settings: Common) -> None:
    """Read as the page does, until it has caught up."""
    kafka = KafkaConnection.of(settings)
    await ensure_topics(kafka, settings.prefix, settings.slots)
    board, follower = Board(), Follower(settings)
    feed = Feed(kafka=kafka, prefix=settings.prefix, board=board)
    more = ConversationFeed(kafka=kafka, prefix=settings.prefix, board=board, follower=follower)
    running = asyncio.gather(feed.run(), more.run(), more.follow_inventory())
    try:
        await _until(
            lambda: board.is_caught_up and board.has_conversations and follower.has_caught_up, running
        )
    finally:
        await _cancelled(running)


async def inventory(settings: Common) -> None:
    """Open the slot of the inventory, and commit."""
    kafka = KafkaConnection.of(settings)
    await ensure_topics(kafka, settings.prefix, settings.slots)
    slot = inventory_slot(kafka, settings.prefix)
    await slot.open()
    try:
        await slot.commit({b"key": b"1"}, [])
    finally:
        await slot.close()


class _Collector:
    """A sink that knows whether it was used."""

    name = "collector"

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def send(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts


async def notify(settings: Common) -> None:
    """Notify until an alert is delivered. There must be one."""
    kafka = KafkaConnection.of(settings)
    await ensure_topics(kafka, settings.prefix, settings.slots)
    sink = _Collector()
    running = asyncio.ensure_future(notifier.run(kafka=kafka, prefix=settings.prefix, sinks=[sink]))
    try:
        await _until(lambda: bool(sink.alerts), running)
    finally:
        await _cancelled(running)


async def check(settings: Common) -> None:
    """Examine the topics as `vpcflow check` does."""
    await examine_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)


LIVES: Mapping[str, Callable[[Common], Awaitable[None]]] = {
    "check": check,
    "connect": connect,
    "inventory": inventory,
    "work": work,
    "hops": hops,
    "serve": serve,
    "notify": notify,
}
