"""From an answer of the source to what one transaction writes: unwrapped text, refusals, blocks.

Pure: the pipeline passes records in and messages out, and this decides how they are cut into blocks, what
goes to `dead`, and which position is saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors import blocks
from connectors.answers import Answer
from connectors.blocks import Provenance
from connectors.dead import dead_message
from connectors.envelope import unwrap
from connectors.messages import Message
from connectors.positions import NUMBER_KEY, Position


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of one record, no longer than a block."""

    text: bytes
    sequence_number: str
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record, or a line too long for a block, that goes to `dead`."""

    why: str
    data: bytes
    sequence_number: str


@dataclass(frozen=True, slots=True)
class Read:
    """What one answer of a shard came to, and the position after it."""

    shard_id: str
    key: bytes
    position: Position
    pieces: tuple[Piece, ...]
    refusals: tuple[Refusal, ...]
    control: int
    size: int
    records: int


@dataclass(frozen=True, slots=True)
class Naming:
    """What does not change while a connector runs: topic names, and where its lines are from."""

    prefix: str
    stream: str
    line_format: str
    account: str
    region: str


def understand(shard_id: str, key: bytes, answer: Answer, position: Position) -> Read:
    """Unwrap every record of an answer; `position` is where the shard stood before it."""
    pieces: list[Piece] = []
    refusals: list[Refusal] = []
    control = 0
    for record in answer.records:
        content = unwrap(record.data)
        control += content.control
        if content.refused is not None:
            refusals.append(Refusal(content.refused, record.data, record.sequence_number))
            continue
        for text, fits in blocks.split(content.lines):
            if fits:
                pieces.append(Piece(text, record.sequence_number, record.arrival_ms))
            else:
                refusals.append(Refusal("line too long", text, record.sequence_number))
    last = answer.records[-1].sequence_number if answer.records else position.sequence_number
    after = Position(last, 0 if last else position.at_ms, is_ended=not answer.next_iterator)
    size = sum(len(piece.text) for piece in pieces)
    return Read(shard_id, key, after, tuple(pieces), tuple(refusals), control, size, len(answer.records))


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of a slot."""

    state: dict[bytes, bytes | None]
    messages: list[Message]
    number: int


def transaction(reads: Sequence[Read], slot: int, number: int, naming: Naming) -> Commit:
    """Return the transaction for some reads of a slot's shards; `number` is the last block's number.

    Blocks never mix shards, so that a block's first and last position mean something.
    """
    messages: list[Message] = []
    state: dict[bytes, bytes | None] = {}
    by_shard: dict[str, list[Piece]] = {}
    for read in reads:
        state[read.key] = read.position.encode()
        by_shard.setdefault(read.shard_id, []).extend(read.pieces)
        messages += [_dead(refusal, read, slot, naming) for refusal in read.refusals]
    for shard_id, pieces in by_shard.items():
        for group in blocks.join([piece.text for piece in pieces]):
            number += 1
            messages.append(_block([pieces[i] for i in group], shard_id, slot, number, naming))
    state[NUMBER_KEY] = b"%d" % number
    return Commit(state, messages, number)


def _block(pieces: list[Piece], shard_id: str, slot: int, number: int, naming: Naming) -> Message:
    where = Provenance(
        source=f"kinesis:{naming.stream}/{shard_id}",
        line_format=naming.line_format,
        account=naming.account,
        region=naming.region,
        first_position=pieces[0].sequence_number,
        last_position=pieces[-1].sequence_number,
        arrival_ms=min(piece.arrival_ms for piece in pieces),
    )
    text = b"\n".join(piece.text for piece in pieces)
    return Message(f"{naming.prefix}blocks", slot, None, text, blocks.headers(number, where))


def _dead(refusal: Refusal, read: Read, slot: int, naming: Naming) -> Message:
    origin = f"kinesis:{naming.stream}/{read.shard_id}@{refusal.sequence_number}"
    return dead_message(naming.prefix, slot, refusal.why, refusal.data, 1, origin)
