"""Message numbers: the check of each message that a hop reads, and the headers of each message that it sends.

A producer numbers the messages in each partition of its output, and counts the lines, flows or rows in them.
A hop skips a number that it has applied, if the message has an offset that it has read. At a gap, the check
returns the offset to read again from. An applied number at a *newer* offset means that the producer restarted
its numbers, as after its state topic was deleted: the hop stops, because it cannot know which lines are
counted. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.errors import ConnectError
from connectors.kafka.messages import Message
from connectors.progress import NONE

CONVERSATIONS_AT = "conversations_at"
"""The header of messages whose value has two Arrow streams: totals, then conversations."""


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
        """Return a numeric header; `absent` if the message has none, as in format 1."""
        return int(self.headers.get(name, absent))

    @property
    def conversations_at(self) -> int:
        """The offset of the Arrow stream of conversations in the value; its end if there is none."""
        return self.optional(CONVERSATIONS_AT, len(self.value))


class NumbersWentBack(ConnectError):
    """A producer sent an applied number again; the message names the topic and the remedy."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """A gap of `missing` messages in the numbers: read again from `offset`."""

    offset: int
    missing: int


@dataclass(slots=True)
class Sequence:
    """The last applied number of one producer, and its offset.

    `counted` is the total of lines, flows or rows that the producer had sent up to it, from which the size of
    a gap follows; `NONE` after messages of format 1, which have no totals.
    """

    number: int = -1
    offset: int = -1
    counted: int = 0

    @classmethod
    def of(cls, kept: list[int]) -> Sequence:
        """Return the sequence for the stored numbers; state of format 1 has no total."""
        number, offset, counted = kept if len(kept) > 2 else [*kept, NONE]
        return cls(number, offset, counted)

    def check(self, number: int, offset: int) -> bool | Rewind:
        """Return True for the next number, False for an applied one, `Rewind` at a gap.

        Raises `NumbersWentBack` for an applied number at a newer offset.
        """
        if number <= self.number:
            if offset > self.offset:
                raise NumbersWentBack(f"number {number} at offset {offset} follows number {self.number}")
            return False
        if number > self.number + 1:
            return Rewind(self.offset + 1, number - self.number - 1)
        return True

    def advance(self, message: Input) -> None:
        """Record that a message was applied."""
        self.number, self.offset = message.number(), message.offset
        self.counted = message.optional("counted_before", NONE) + message.optional("count", 0)

    def skip_gap(self, message: Input) -> int | None:
        """Skip to the message after a gap; return the size of the gap, None if it is unknown.

        The size is in lines, flows or rows, as the producer counts them.
        """
        before, counted = message.optional("counted_before", NONE), self.counted
        self.number, self.offset, self.counted = message.number() - 1, message.offset - 1, before
        return before - counted if NONE not in (before, counted) else None


@dataclass(slots=True)
class Output:
    """The output of a hop to one partition: the last number sent, and the total of flows or rows."""

    number: int = -1
    counted: int = 0

    def message(self, topic: str, partition: int, value: bytes, count: int, **headers: bytes) -> Message:
        """Return the next message, which holds `count` flows or rows."""
        self.number += 1
        named = (
            ("number", b"%d" % self.number),
            ("counted_before", b"%d" % self.counted),
            ("count", b"%d" % count),
            *headers.items(),
        )
        self.counted += count
        return Message(topic, partition, None, value, named)
