"""What lives beside the tests: in a thread with a loop of its own, because a test's loop ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

STOP_S = 60.0  # Kafka, the slowest, ends itself after 20 s

T = TypeVar("T")


@contextmanager
def beside(opening: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Keep an asynchronous context open in another thread; yields what it yields, raises what it raises."""
    started: Future[tuple[T, Callable[[], object]]] = Future()

    async def live() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with opening as value:
            started.set_result((value, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    with ThreadPoolExecutor(1, "beside") as pool:
        life = pool.submit(lambda: asyncio.run(live()))
        # What does not start ends its life with the reason, and `started` never comes.
        life.add_done_callback(lambda ended: _tell(started, ended))
        value, stop = started.result()
        try:
            yield value
        finally:
            stop()
            life.result(STOP_S)


def _tell(started: Future[Any], ended: Future[None]) -> None:
    if not started.done():
        started.set_exception(ended.exception() or RuntimeError("it ended before it had started"))
