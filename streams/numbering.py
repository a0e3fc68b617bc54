"""The numbers of a log: what a hop checks on each message that it reads, and writes on each that it sends.

A producer numbers the messages of each partition of its output, and counts the lines, flows or rows in them.
A number that is applied is skipped when it comes at an offset that was read already. A jump is answered with
the offset to read again from. A number that is applied and comes at a *newer* offset means that the producer
began to count anew, as after its state topic was deleted: the hop stops, because it cannot know which lines
were counted. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.errors import ConnectError
from connectors.kafka.messages import Message
from connectors.progress import NONE


@dataclass(frozen=True, slots=True)
class Input:
    """One message of a hop's input topic."""

    offset: int
    headers: Mapping[str, bytes]
    value: bytes

    def number(self, name: str = "number") -> int:
        """Return a numeric header."""
        return int(self.headers[name])

    def optional(self, name: str, absent: int) -> int:
        """Return a numeric header that messages of format 1 do not have."""
        return int(self.headers.get(name, absent))


class NumbersWentBack(ConnectError):
    """A producer sent a number again that is applied; the message names the topic and the remedy."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """A jump in the numbers: read again from `offset`; `missing` messages are between."""

    offset: int
    missing: int


@dataclass(slots=True)
class Sequence:
    """The last number applied of one producer, and its offset: the number check of the law.

    `counted` is how many lines, flows or rows the producer had sent with it, to tell what a gap held; `NONE`
    after messages of format 1, which do not tell.
    """

    number: int = -1
    offset: int = -1
    counted: int = 0

    @classmethod
    def of(cls, kept: list[int]) -> Sequence:
        """Read it from a hop's state; in format 1 that has no count."""
        number, offset, counted = kept if len(kept) > 2 else [*kept, NONE]
        return cls(number, offset, counted)

    def check(self, number: int, offset: int) -> bool | Rewind:
        """Return True for the next number, False for one seen before, `Rewind` for a jump.

        Raises `NumbersWentBack` for a number that is applied and comes at a newer offset.
        """
        if number <= self.number:
            if offset > self.offset:
                raise NumbersWentBack(f"number {number} at offset {offset} follows number {self.number}")
            return False
        if number > self.number + 1:
            return Rewind(self.offset + 1, number - self.number - 1)
        return True

    def took(self, message: Input) -> None:
        """Note that a message was applied."""
        self.number, self.offset = message.number(), message.offset
        self.counted = message.optional("counted_before", NONE) + message.optional("count", 0)

    def skip(self, message: Input) -> int | None:
        """Accept the loss of all before a message; return how much they held, None if that is unknown."""
        before, counted = message.optional("counted_before", NONE), self.counted
        self.number, self.offset, self.counted = message.number() - 1, message.offset - 1, before
        return before - counted if NONE not in (before, counted) else None


@dataclass(slots=True)
class Output:
    """What a hop has sent to one partition of its output: the last number, and the flows or rows in all."""

    number: int = -1
    counted: int = 0

    def message(self, topic: str, partition: int, value: bytes, count: int, **headers: bytes) -> Message:
        """Return the next message; it holds `count` flows or rows."""
        self.number += 1
        named = (
            ("number", b"%d" % self.number),
            ("counted_before", b"%d" % self.counted),
            ("count", b"%d" % count),
            *headers.items(),
        )
        self.counted += count
        return Message(topic, partition, None, value, named)
