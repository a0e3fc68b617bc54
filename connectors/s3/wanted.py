"""The queue of a slot's objects, the oldest first, and the alignment of the slots of a process."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.clock import now_ms
from connectors.progress import Group
from connectors.s3.keys import Object
from connectors.s3.progress.listing import ListedProgress, may_read, slowest

LOOK_S = (
    0.1  # between two looks at slower slots: progress of other processes comes from Kafka, without an event
)


@dataclass(slots=True)
class Alignment:
    """The listed slots of this process, and all slots' progress.

    A slot whose next object is too far ahead of the slowest slot's event time waits, so that a backlog does
    not open a day of windows at once.
    """

    group: Group
    align_s: int
    slots: dict[int, ListedProgress] = field(default_factory=dict)

    def allows(self, one: Object, slot: int) -> bool:
        """Return whether a slot may read its next object now. Exported files have no order to keep."""
        progress = self.slots.get(slot)
        if progress is None or one.file.line_format:
            return True
        others = [at for part in self.slots.values() if (at := part.next_s) is not None]
        slowest_to = slowest(self.group, progress.source, now_ms())
        return may_read(one.file.file_s, progress.complete_to, slowest_to, others, self.align_s)


class ObjectQueue:
    """A bounded queue of objects, ordered by the time in their names."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, str, int, Object]] = []
        self._count = 0
        self._has_some = asyncio.Event()

    @property
    def free(self) -> int:
        """Return how many more objects the queue takes."""
        return self._most - len(self._heap)

    def put(self, one: Object) -> None:
        """Add an object. Raises `asyncio.QueueFull` if the queue is full."""
        if self.free <= 0:
            raise asyncio.QueueFull
        self._count += 1
        heapq.heappush(self._heap, (one.file.file_s, one.key, self._count, one))
        self._has_some.set()

    async def get(self, allows: Callable[[Object], bool]) -> Object:
        """Wait until the oldest object may be read; remove and return it."""
        while True:
            await self._has_some.wait()
            if allows(self._heap[0][-1]):
                one = heapq.heappop(self._heap)[-1]
                if not self._heap:
                    self._has_some.clear()
                return one
            await asyncio.sleep(LOOK_S)
