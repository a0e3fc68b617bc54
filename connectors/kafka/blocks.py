"""The message on `blocks`: unmodified flow-log lines, with the number and the provenance of the block.

A block's value is newline-joined text of at most about `BLOCK_MAX_BYTES`; connectors refuse a longer line.
All else is in the headers, so that a reader can place a block without parsing it. Numbers increase by one
within a slot. A block without lines carries progress alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.kafka.messages import Headers, Message
from connectors.progress import NONE, PROGRESS_KEY, Group, SlotProgress

BLOCK_MAX_BYTES = 1 << 20
"""Large enough that a Kafka message costs a tenth of a microsecond for each of its lines."""

NUMBER_KEY = b"number"
"""State key of a slot: the number of its last block."""

LINES_KEY = b"lines"
"""State key of a slot: the number of lines in all of its blocks. It tells how many lines a gap has lost."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of the lines of a block.

    `arrival_ms` is the oldest arrival of its lines at the source, `newest_arrival_ms` the newest, epoch ms.
    """

    source: str
    line_format: str
    account: str
    region: str
    first_position: str
    last_position: str
    arrival_ms: int
    newest_arrival_ms: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The output of a slot so far: the number of its last block, and the lines in all of its blocks."""

    number: int = -1
    lines: int = 0

    @classmethod
    def of(cls, state: Mapping[bytes, bytes]) -> Sent:
        """Return the value in a slot's state."""
        return cls(int(state.get(NUMBER_KEY, b"-1")), int(state.get(LINES_KEY, b"0")))


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """The progress that a transaction publishes.

    `watermark` is the event time up to which the lines of *all* slots are in committed blocks, `NONE` if
    unknown; `is_caught_up` is true if every source of every slot is caught up.
    """

    progress: SlotProgress
    watermark: int = NONE
    is_caught_up: bool = False

    @classmethod
    def of(cls, group: Group, slot: int, progress: SlotProgress) -> ProgressReport:
        """Return the report of a slot; its new progress replaces the one in the group."""
        return cls(progress, group.watermark(slot, progress), group.is_caught_up(slot, progress))

    def is_same(self, other: ProgressReport) -> bool:
        """Return whether another report differs at most in its time."""
        return self == replace(other, progress=replace(other.progress, reported_ms=self.progress.reported_ms))


@dataclass(slots=True)
class BlockWriter:
    """The numbered blocks of one transaction of a slot, and the state to commit with them."""

    prefix: str
    slot: int
    sent: Sent
    messages: list[Message] = field(default_factory=list)
    _state: dict[bytes, bytes | None] = field(default_factory=dict)

    def add(self, texts: Sequence[bytes], where: Provenance) -> None:
        """Append one block with these texts."""
        text = b"\n".join(texts)
        self._append(text, text.count(b"\n") + 1, _headers(where))

    def report(self, report: ProgressReport) -> None:
        """Send progress with the last block; if there is none, with a block without lines."""
        if not self.messages:
            self._append(b"", 0, ())
        last = self.messages[-1]
        marks = (
            ("watermark", b"%d" % report.watermark),
            ("caught_up", b"%d" % report.is_caught_up),
        )
        self.messages[-1] = last._replace(headers=(*last.headers, *marks))
        self._state[PROGRESS_KEY] = report.progress.encode()

    @property
    def state(self) -> dict[bytes, bytes | None]:
        """The slot's own keys, with the values after these blocks."""
        return {**self._state, NUMBER_KEY: b"%d" % self.sent.number, LINES_KEY: b"%d" % self.sent.lines}

    def _append(self, text: bytes, lines: int, headers: Headers) -> None:
        before, self.sent = self.sent, Sent(self.sent.number + 1, self.sent.lines + lines)
        counts = (
            ("number", b"%d" % self.sent.number),
            ("counted_before", b"%d" % before.lines),
            ("count", b"%d" % lines),
        )
        self.messages.append(Message(f"{self.prefix}blocks", self.slot, None, text, (*counts, *headers)))


def _headers(where: Provenance) -> Headers:
    return (
        ("source", where.source.encode()),
        ("format", where.line_format.encode()),
        ("account", where.account.encode()),
        ("region", where.region.encode()),
        ("first", where.first_position.encode()),
        ("last", where.last_position.encode()),
        ("arrival_ms", b"%d" % where.arrival_ms),
        ("newest_arrival_ms", b"%d" % where.newest_arrival_ms),
    )


def split(text: bytes, max_bytes: int = BLOCK_MAX_BYTES) -> Iterator[tuple[bytes, bool]]:
    """Cut text at line ends into pieces of at most `max_bytes`.

    Yield `(piece, True)`; for a single line that is longer, `(line, False)`, which the caller refuses.
    """
    at = 0
    while len(text) - at > max_bytes:
        cut = text.rfind(b"\n", at, at + max_bytes + 1)
        if cut >= at:
            yield text[at:cut], True
            at = cut + 1
            continue
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        yield text[at:end], False
        at = end + 1
    if at < len(text):
        yield text[at:], True


def join(texts: Sequence[bytes], max_bytes: int = BLOCK_MAX_BYTES) -> Iterator[list[int]]:
    """Group pieces, each no longer than `max_bytes`, into blocks. Yield the indexes of each block."""
    group: list[int] = []
    size = 0
    for index, text in enumerate(texts):
        if group and size + len(text) + 1 > max_bytes:
            yield group
            group, size = [], 0
        group.append(index)
        size += len(text) + 1
    if group:
        yield group
