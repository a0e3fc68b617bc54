"""The worker's flushes: after one hop fails, no other one goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from connectors.settings import Work
from streams.worker.work import Worker


class FailingHop:
    """A hop whose flush fails, or waits for `may_end` and then counts as committed."""

    is_large, input = False, "blocks"

    def __init__(self, error: Exception | None, may_end: asyncio.Event) -> None:
        self._error, self._may_end = error, may_end
        self.has_committed = self.was_cancelled = False

    def is_due(self, now: float) -> bool:
        return True

    async def flush(self, now: float) -> None:
        """Fail, or commit later."""
        if self._error is not None:
            raise self._error
        try:
            await self._may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        self.has_committed = True


async def test_after_one_flush_fails_the_others_are_stopped_before_their_slots_are_closed() -> None:
    """Otherwise their commits go on while the slots are closed, and meet a producer that is being stopped."""
    may_end = asyncio.Event()
    failing, slow = (
        FailingHop(KafkaConnectionError("the broker went away"), may_end),
        FailingHop(None, may_end),
    )
    worker = Worker(Work())
    hops: Any = {("blocks", 0): failing, ("blocks", 1): slow}
    worker._hops = hops
    with pytest.raises(KafkaConnectionError):
        await worker._flush_due()
    assert slow.was_cancelled
    may_end.set()
    await asyncio.sleep(0)
    assert not slow.has_committed
