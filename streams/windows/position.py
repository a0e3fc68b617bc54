"""The position of a merge partition: its producers, its watermark and its flushes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from connectors.progress import NONE
from streams.numbering import Sequence
from streams.windows.watermark import Time


@dataclass(slots=True)
class Producer:
    """The position in the messages of one partition of `sum`, and their event time."""

    read: Sequence = field(default_factory=Sequence)
    time: Time = field(default_factory=Time)

    def stored(self) -> list[int]:
        """Return the producer as it is stored."""
        read, time = self.read, self.time
        return [read.number, read.offset, time.newest, read.counted, time.watermark, time.is_caught_up]

    @classmethod
    def load(cls, kept: list[int]) -> Producer:
        """Return the producer for the stored numbers, of this format or of those before."""
        number, offset, newest, *more = kept
        counted, watermark, is_caught_up = [*more, *(NONE, NONE, 0)[len(more) :]]
        return cls(Sequence(number, offset, counted), Time(newest, watermark, bool(is_caught_up)))


@dataclass(slots=True)
class Position:
    """The position of a merge partition, stored by every flush. `watermark` is event time, epoch seconds.

    `flush` counts the flushes, and `published` is the last one that published the conversations of open
    windows. `covered` has the flush of the checkpoint of each window. Formats before 3 have none of these.
    """

    watermark: int = 0
    offset: int = -1
    producers: dict[int, Producer] = field(default_factory=dict)
    flush: int = 0
    published: int = 0
    covered: dict[int, int] = field(default_factory=dict)

    @classmethod
    def decode(cls, value: bytes) -> Position:
        """Return the position of a state message; `{}` is the beginning."""
        kept = orjson.loads(value)
        producers = {int(p): Producer.load(numbers) for p, numbers in kept.pop("producers", {}).items()}
        covered = {int(window): flush for window, flush in kept.pop("covered", {}).items()}
        return cls(**kept, producers=producers, covered=covered)

    def encode(self) -> bytes:
        """Return the state message."""
        kept = {name: getattr(self, name) for name in ("watermark", "offset", "flush", "published")}
        producers = {str(p): producer.stored() for p, producer in self.producers.items()}
        covered = {str(window): flush for window, flush in self.covered.items()}
        return orjson.dumps({**kept, "producers": producers, "covered": covered})
