"""Topics written by hand and a feed that reads them into a board: what tests of the feed share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from connectors.kafka.clients.connection import KafkaConnection
from streams.records import Aggregate
from streams.web.feed import Feed
from streams.web.state.board import Board
from tests.processes import until

Written = tuple[float, bytes, bytes]
"""The age of a message when it is read, in seconds; its key and its value."""


def aggregate(eni: str, start: int, revision: int = 1, *, final: bool = False) -> tuple[bytes, bytes]:
    """Return key and value of an aggregate with one flow."""
    one = Aggregate(eni, "ACCEPT", start, 60, 1, 2, 300, start, start, {}, 0, 0, revision, final, 0)
    return one.key, one.encode()


class Template:
    """Aggregates of one revision, made seven times as fast: a test of a large network needs 768,000."""

    def __init__(self, revision: int = 1, *, final: bool = False) -> None:
        key, value = aggregate("ENI", 77_777, revision, final=final)
        self._key, self._value = (one.replace(b"ENI", b"%b").replace(b"77777", b"%d") for one in (key, value))

    def of(self, eni: bytes, start: int) -> tuple[bytes, bytes]:
        """Return key and value of an aggregate."""
        return self._key % (eni, start), self._value % (eni, start, start, start)


async def write(kafka: str, topic: str, partition: int, messages: Iterable[Written]) -> None:
    """Write messages as if they had been written before."""
    now = time.time()
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=1 << 20) as producer:
        batch = producer.create_batch()
        for age_s, key, value in messages:
            at_ms = int((now - age_s) * 1000)
            if batch.append(timestamp=at_ms, key=key, value=value) is None:
                await producer.send_batch(batch, topic, partition=partition)
                batch = producer.create_batch()
                batch.append(timestamp=at_ms, key=key, value=value)
        await producer.send_batch(batch, topic, partition=partition)


async def shown(board: Board, is_so: Callable[[Board], bool]) -> None:
    """Wait until something is so."""

    async def is_done() -> bool:
        return is_so(board)

    await until(is_done, "the board does not show it")


@asynccontextmanager
async def feeding(kafka: str, prefix: str, is_so: Callable[[Board], bool]) -> AsyncIterator[Board]:
    """Feed a board from Kafka until something is so."""
    board = Board()
    running = asyncio.create_task(Feed(kafka=KafkaConnection(kafka), prefix=prefix, board=board).run())
    try:
        await shown(board, is_so)
        yield board
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def is_read(board: Board) -> bool:
    """Say whether everything is read, history included."""
    return board.is_caught_up and not board.is_reading_history
