"""What a connector has brought into Kafka: committed lines, the blocks they came in, and what was refused."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

DEADLINE_S = 60.0


@dataclass(frozen=True)
class Seen:
    """What Kafka holds: lines of blocks, blocks' and dead messages' headers, by partition the numbers."""

    lines: list[str] = field(default_factory=list)
    blocks: list[dict[str, str]] = field(default_factory=list)
    dead: list[dict[str, str]] = field(default_factory=list)
    numbers: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Topics:
    """The topics of one test."""

    kafka: str
    prefix: str
    slots: int = 2

    async def seen(self) -> Seen:
        """Read all that is committed now."""
        seen = Seen(numbers={slot: [] for slot in range(self.slots)})
        for message in await self.messages(f"{self.prefix}blocks", f"{self.prefix}dead"):
            _note(seen, message)
        return seen

    async def messages(self, *names: str) -> list[Any]:
        """Read all committed messages of some topics."""
        places = [TopicPartition(name, slot) for name in names for slot in range(self.slots)]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[Any] = []
        try:
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for messages in (await consumer.getmany(timeout_ms=100)).values():
                    found += messages
        finally:
            await consumer.stop()
        return found

    async def until(self, is_so: Callable[[Seen], bool]) -> Seen:
        """Poll Kafka until something is so. Raises `TimeoutError`."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_so(seen := await self.seen()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(seen.lines)} lines, {len(seen.blocks)} blocks, dead {seen.dead}")
            await asyncio.sleep(0.05)
        return seen

    async def until_lines(self, expected: Sequence[str]) -> Seen:
        """Wait until there are so many lines, then say that they are those, each once."""
        seen = await self.until(lambda seen: len(seen.lines) >= len(expected))
        missing, extra = Counter(expected) - Counter(seen.lines), Counter(seen.lines) - Counter(expected)
        assert (missing.total(), extra.total()) == (0, 0), "lines missing, lines too many"
        for numbers in seen.numbers.values():
            assert numbers == list(range(len(numbers))), "block numbers go up by one"
        return seen


def _note(seen: Seen, message: Any) -> None:
    headers = {name: value.decode() for name, value in message.headers}
    if message.topic.endswith("dead"):
        seen.dead.append({**headers, "value": message.value.decode(errors="replace")})
        return
    seen.numbers[message.partition].append(int(headers["number"]))
    if not message.value:
        return  # progress without lines
    seen.blocks.append(headers)
    seen.lines.extend(message.value.decode(errors="replace").split("\n"))
