"""From an answer of the source to what one transaction writes: unwrapped text, refusals, blocks, health.

Pure: the pipeline passes records in and messages out, and this decides how they are cut into blocks, what
goes to `dead`, and which position is saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors import blocks
from connectors.answers import Answer, Record
from connectors.blocks import Provenance
from connectors.data_health import HealthRecord
from connectors.dead import dead_message
from connectors.envelope import unwrap
from connectors.messages import Message
from connectors.positions import NUMBER_KEY, WHOLE, Position, shard_key


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of one record, no longer than a block."""

    text: bytes
    sequence_number: str
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record, a part of one, or a line too long for a block, that goes to `dead`; `place` is its own."""

    why: str
    data: bytes
    place: str


@dataclass(frozen=True, slots=True)
class Naming:
    """What does not change while a stream is read: where its lines are from. `stream` is its name."""

    stream: str
    line_format: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Read:
    """What one answer of a shard came to, the position after it, and what else goes with it.

    One without records may carry `state` and `health` alone.
    """

    naming: Naming
    shard_id: str
    position: Position = field(default_factory=Position)
    state: dict[bytes, bytes | None] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    health: tuple[HealthRecord, ...] = ()
    control: int = 0
    size: int = 0
    records: int = 0

    @property
    def source(self) -> str:
        """The source as blocks and health name it."""
        return f"kinesis:{self.naming.stream}/{self.shard_id}"


def understand(
    naming: Naming, stream: str, shard_id: str, answer: Answer, position: Position, now_ms: int
) -> Read:
    """Unwrap every record of an answer; `position` is where the shard stood before it.

    `stream` is `Stream.key`. The answer of a position inside an aggregate begins with that aggregate.
    """
    pieces: list[Piece] = []
    refusals: list[Refusal] = []
    control = 0
    records = _new(answer.records, position)
    for record in records:
        after = position.sub if record.sequence_number == position.sequence_number else WHOLE
        control += _understand(record, after, pieces, refusals)
    last = records[-1] if records else None
    moved = Position(
        sequence_number=last.sequence_number if last else position.sequence_number,
        at_ms=0 if last else position.at_ms,
        is_ended=not answer.next_iterator,
        sub=WHOLE if last else position.sub,
        arrival_ms=last.arrival_ms if last else position.arrival_ms,
        behind_ms=answer.behind_ms,
        read_ms=now_ms,
    )
    return Read(
        naming,
        shard_id,
        moved,
        {shard_key(stream, shard_id): moved.encode()},
        tuple(pieces),
        tuple(refusals),
        control=control,
        size=sum(len(piece.text) for piece in pieces),
        records=len(records),
    )


def _new(records: list[Record], position: Position) -> list[Record]:
    """Leave out what is done: an iterator by time begins before it. Numbers are compared as integers."""
    if not (position.sequence_number and records):
        return records
    done = int(position.sequence_number) - (position.sub != WHOLE)
    if int(records[0].sequence_number) > done:
        return records
    return [record for record in records if int(record.sequence_number) > done]


def _understand(record: Record, after: int, pieces: list[Piece], refusals: list[Refusal]) -> int:
    """Add what one record holds beyond the user record `after`; return its control messages."""
    content = unwrap(record.data, after=after)
    place = record.sequence_number
    if content.refused is not None:
        refusals.append(Refusal(content.refused, record.data, place))
        return content.control
    refusals += [Refusal(why, data, f"{place}:{sub}") for sub, why, data in content.refused_parts]
    for text, fits in blocks.split(content.lines):
        if fits:
            pieces.append(Piece(text, place, record.arrival_ms))
        else:
            refusals.append(Refusal("line too long", text, place))
    return content.control


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of a slot."""

    state: dict[bytes, bytes | None]
    messages: list[Message]
    number: int


def transaction(reads: Sequence[Read], slot: int, number: int, prefix: str) -> Commit:
    """Return the transaction for some reads of a slot's shards; `number` is the last block's number.

    Blocks never mix shards, so that a block's first and last position mean something.
    """
    messages: list[Message] = []
    state: dict[bytes, bytes | None] = {}
    by_shard: dict[tuple[Naming, str], list[Piece]] = {}
    for read in reads:
        state |= read.state
        by_shard.setdefault((read.naming, read.source), []).extend(read.pieces)
        messages += [_dead(refusal, read, slot, prefix) for refusal in read.refusals]
        messages += [one.message(prefix, slot) for one in read.health]
    for (naming, source), pieces in by_shard.items():
        for group in blocks.join([piece.text for piece in pieces]):
            number += 1
            headers = blocks.headers(number, _where([pieces[i] for i in group], source, naming))
            text = b"\n".join(pieces[i].text for i in group)
            messages.append(Message(f"{prefix}blocks", slot, None, text, headers))
    state[NUMBER_KEY] = b"%d" % number
    return Commit(state, messages, number)


def _where(pieces: list[Piece], source: str, naming: Naming) -> Provenance:
    return Provenance(
        source=source,
        line_format=naming.line_format,
        account=naming.account,
        region=naming.region,
        first_position=pieces[0].sequence_number,
        last_position=pieces[-1].sequence_number,
        arrival_ms=min(piece.arrival_ms for piece in pieces),
    )


def _dead(refusal: Refusal, read: Read, slot: int, prefix: str) -> Message:
    origin = f"{read.source}@{refusal.place}"
    return dead_message(prefix, slot, refusal.why, refusal.data, 1, origin)
