"""The process `vpcflow serve`: the server of the page with the feeds of its board, until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from connectors.inventory.follower import Follower
from connectors.kafka.clients.connection import KafkaConnection
from connectors.settings import Serve
from streams.web.app import end_task, page
from streams.web.conversations.feed import ConversationFeed
from streams.web.feed import Feed
from streams.web.state.board import Board

log = structlog.get_logger(__name__)


async def run(settings: Serve) -> None:
    """Serve the page for Kafka's topics until SIGTERM or SIGINT. Raises `PortInUse`."""
    kafka, prefix = KafkaConnection.of(settings), settings.prefix
    board = Board(conversations_mb=settings.conversations_mb)
    feed = Feed(kafka=kafka, prefix=prefix, board=board)
    conversations = ConversationFeed(kafka=kafka, prefix=prefix, board=board, follower=Follower(settings))
    async with (
        _signalled() as stopped,
        page(feed, settings.host, settings.port, public_url=settings.url) as url,
    ):
        log.info("serving the page", url=url, public_url=settings.url, kafka=kafka.servers)
        tasks = [
            asyncio.create_task(feed.run(), name="feed"),
            asyncio.create_task(conversations.run(), name="conversations"),
            asyncio.create_task(conversations.follow_inventory(), name="inventory"),
            asyncio.create_task(stopped.wait(), name="stop"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # A feed runs until cancelled, so this raises its error.
        finally:
            for task in tasks:
                if not task.done():
                    await end_task(task)


@asynccontextmanager
async def _signalled() -> AsyncIterator[asyncio.Event]:
    """Yield an event that SIGTERM or SIGINT sets."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
