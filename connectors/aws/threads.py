"""Threads for blocking calls. They do not delay the exit of the process, as threads of an executor do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """Call a function in a daemon thread of its own, and return its result. Raises its exception."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        if not ended.done():
            settle()

    def work() -> None:
        try:
            answer = function(*args)
        except BaseException as error:
            failed = error
            settle = lambda: ended.set_exception(failed)  # noqa: E731
        else:
            settle = lambda: ended.set_result(answer)  # noqa: E731
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, settle)

    threading.Thread(target=work, name=getattr(function, "__name__", "call"), daemon=True).start()
    return await ended
