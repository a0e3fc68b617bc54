"""The delivery of messages by Faust's consumer to the streams.

Deviation from standard Faust: Faust delivers each message in a task, beside three tasks that wait for a stop.
That costs 0.15 ms of CPU time, and the usual delivery puts the message into a queue and never waits.
"""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import Coroutine, Generator
from typing import Any

from mode.services import Service, WaitResults


class DirectDelivery(Service):
    """A consumer that delivers a message without tasks if its stream takes it at once."""

    suspend_flow: asyncio.Event

    async def wait_first(self, *coros: Any, timeout: Any = None) -> WaitResults:
        """Wait for the delivery of a message, or until a stop or a rebalance."""
        delivery = coros[0]
        if not asyncio.iscoroutine(delivery) or self.suspend_flow.is_set() or self.should_stop:
            return await super().wait_first(*coros, timeout=timeout)
        try:
            waited = delivery.send(None)
        except StopIteration as end:
            for other in coros[1:]:
                other.close()  # It never ran.
            return WaitResults([delivery], [end.value], False)
        return await super().wait_first(_rest(delivery, waited), *coros[1:], timeout=timeout)


async def _rest(begun: Coroutine[Any, Any, Any], waited: Any) -> Any:
    """Run the rest of a coroutine that was begun by hand and waits for `waited`."""
    return await _steps(begun, waited)


@types.coroutine
def _steps(begun: Coroutine[Any, Any, Any], waited: Any) -> Generator[Any, Any, Any]:
    while True:
        try:
            sent = yield waited
        except BaseException as error:
            step = functools.partial(begun.throw, error)
        else:
            step = functools.partial(begun.send, sent)
        try:
            waited = step()
        except StopIteration as end:
            return end.value
