"""The content of one transaction of a slot, from any kind of source. Pure.

A source converts its batches to a `Content`. `transaction` cuts the lines into numbered blocks. A block never
mixes origins, so that its headers apply to all of its lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.kafka import blocks
from connectors.kafka.blocks import BlockWriter, ProgressReport, Provenance, Sent
from connectors.kafka.dead import dead_message
from connectors.kafka.health_messages import HealthRecord
from connectors.kafka.messages import Message


class ChunkOrigin(NamedTuple):
    """The headers that all lines of a block share. `source` is as health messages name it."""

    source: str
    line_format: str
    account: str
    region: str


class LineChunk(NamedTuple):
    """Newline-joined lines of one origin, at most `BLOCK_MAX_BYTES`.

    `first` and `last` are positions in the source. `arrival_ms` is the arrival at the source, epoch ms.
    """

    text: bytes
    origin: ChunkOrigin
    first: str
    last: str
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Input for `dead`: `count` records or lines that were refused at `origin` for one reason."""

    why: str
    data: bytes
    origin: str
    count: int = 1


@dataclass(slots=True)
class Content:
    """The state changes and messages of one transaction; `messages` are those beside lines and refusals."""

    state: dict[bytes, bytes | None] = field(default_factory=dict)
    chunks: list[LineChunk] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    health: list[HealthRecord] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to write."""
        return not (self.state or self.chunks or self.refusals or self.health or self.messages)


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of a slot. `sent` is the slot's count of blocks and lines after it."""

    state: dict[bytes, bytes | None]
    messages: list[Message]
    sent: Sent


def transaction(
    content: Content, slot: int, sent: Sent, prefix: str, report: ProgressReport | None = None
) -> Commit:
    """Return the transaction for some content. `sent` is the slot's count of blocks and lines before it."""
    writer = BlockWriter(prefix, slot, sent)
    for origin, chunks in _by_origin(content.chunks).items():
        for group in blocks.join([chunk.text for chunk in chunks]):
            chosen = [chunks[i] for i in group]
            writer.add([chunk.text for chunk in chosen], _provenance(chosen, origin))
    if report is not None:
        writer.report(report)
    dead = [dead_message(prefix, slot, one.why, one.data, one.count, one.origin) for one in content.refusals]
    health = [one.message(prefix, slot) for one in content.health]
    messages = [*writer.messages, *dead, *health, *content.messages]
    return Commit({**content.state, **writer.state}, messages, writer.sent)


def _by_origin(chunks: Iterable[LineChunk]) -> dict[ChunkOrigin, list[LineChunk]]:
    found: dict[ChunkOrigin, list[LineChunk]] = {}
    for chunk in chunks:
        found.setdefault(chunk.origin, []).append(chunk)
    return found


def _provenance(chunks: list[LineChunk], origin: ChunkOrigin) -> Provenance:
    return Provenance(
        source=origin.source,
        line_format=origin.line_format,
        account=origin.account,
        region=origin.region,
        first_position=chunks[0].first,
        last_position=chunks[-1].last,
        arrival_ms=min(chunk.arrival_ms for chunk in chunks),
        newest_arrival_ms=max(chunk.arrival_ms for chunk in chunks),
    )
