"""The conversion of Kinesis answers to one transaction: unwrapped text, refusals, blocks, health messages.

Pure: the pipeline passes records in and messages out. This module decides how lines are cut into blocks,
which input goes to `dead`, and which position is saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from connectors.event_time import SAMPLES_MAX, newest_start
from connectors.formats.by_log_group import Formats, Unusable
from connectors.formats.envelope import BOMB_REASON, INFLATED_MAX_BYTES, unwrap
from connectors.formats.texts import Unwrapped
from connectors.kafka import blocks
from connectors.kafka.blocks import BlockWriter, Provenance, Report, Sent
from connectors.kafka.commit import Commit
from connectors.kafka.dead import dead_message
from connectors.kafka.health_messages import HealthRecord
from connectors.kafka.messages import Message
from connectors.kinesis.answers import Answer, KinesisRecord
from connectors.kinesis.positions import WHOLE, Position, shard_key
from connectors.progress import NONE

PART_BYTES = 256 << 10  # of records, as they come: some milliseconds' work
TEXT_MOST_BYTES = 64 << 20
"""Text of one answer, bombs counted as what they cost: after so much the rest is asked for again."""


@dataclass(frozen=True, slots=True)
class LineChunk:
    """Some lines of one record, at most one block."""

    text: bytes
    sequence_number: str
    arrival_ms: int
    line_format: str
    account: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Input for `dead`: a record, a part of one, or `count` lines of one. `place` is its own position."""

    why: str
    data: bytes
    place: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Naming:
    """The origin of a stream's lines. `account` is the setting; an account inside a record overrides it."""

    stream: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """The content of one answer of a shard, and the position after it.

    A read without records may carry only `state` and `health`. `is_cut`: the read ends before its answer.
    `newest` is the newest `start` of its lines. `is_caught_up`: the shard had no more records; `known` is
    then the newest `start` that any slot had committed before the request. `is_quiet`: the read only updates
    the progress of its shard.
    """

    naming: Naming
    shard_id: str
    position: Position = field(default_factory=Position)
    state: dict[bytes, bytes | None] = field(default_factory=dict)
    chunks: tuple[LineChunk, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    health: tuple[HealthRecord, ...] = ()
    control: int = 0
    size: int = 0
    records: int = 0
    log_groups: frozenset[str] = frozenset()
    is_cut: bool = False
    newest: int = NONE
    is_caught_up: bool = False
    known: int = NONE
    is_quiet: bool = False

    @property
    def held(self) -> int:
        """Return the bytes that the read keeps in memory: lines and refused data."""
        return self.size + sum(len(refusal.data) for refusal in self.refusals)

    @property
    def source(self) -> str:
        """Return the source as blocks and health messages name it."""
        return f"kinesis:{self.naming.stream}/{self.shard_id}"


@dataclass(frozen=True, slots=True)
class ParseContext:
    """The context for parsing a stream's records; `stream` is `Stream.key`."""

    naming: Naming
    stream: str
    formats: Formats


def parse_records(
    context: ParseContext, shard_id: str, answer: Answer, position: Position, now_ms: int
) -> Iterator[ShardBatch]:
    """Unwrap every record of an answer, part by part; `position` is the shard's position before the answer.

    The last part is cut if the text is too long. If the position is inside an aggregate, the answer begins
    with that aggregate.
    """
    budget = _TextBudget(TEXT_MOST_BYTES)
    parts = list(_parts(answer))
    for nth, part in enumerate(parts):
        read = _parse_part(context, shard_id, part, position, now_ms, budget)
        position = read.position
        is_cut = read.is_cut or (budget.left < 0 and nth + 1 < len(parts))
        yield replace(read, is_cut=is_cut)
        if is_cut:
            return


def joined(reads: Sequence[ShardBatch]) -> ShardBatch:
    """Return the parts of an answer as one read."""
    return replace(
        reads[-1],
        chunks=tuple(chunk for read in reads for chunk in read.chunks),
        refusals=tuple(refusal for read in reads for refusal in read.refusals),
        control=sum(read.control for read in reads),
        size=sum(read.size for read in reads),
        records=sum(read.records for read in reads),
        newest=max(read.newest for read in reads),
        log_groups=frozenset[str]().union(*(read.log_groups for read in reads)),
    )


@dataclass(slots=True)
class _TextBudget:
    """The number of bytes of text that may still be unwrapped from an answer."""

    left: int


def _parts(answer: Answer) -> Iterator[Answer]:
    """Yield an answer in parts of some milliseconds' work, at least one."""
    begin = size = 0
    for at, record in enumerate(answer.records):
        if size >= PART_BYTES:
            yield _part(answer, begin, at)
            begin, size = at, 0
        size += len(record.data)
    yield replace(answer, records=answer.records[begin:])


def _part(answer: Answer, begin: int, end: int) -> Answer:
    """Return some records of an answer that has more; their shard has not ended, and they are older."""
    ahead_ms = answer.records[-1].arrival_ms - answer.records[end - 1].arrival_ms
    return Answer(answer.records[begin:end], "more", answer.behind_ms + max(ahead_ms, 0))


def _parse_part(
    context: ParseContext, shard_id: str, answer: Answer, position: Position, now_ms: int, budget: _TextBudget
) -> ShardBatch:
    chunks: list[LineChunk] = []
    refusals: list[Refusal] = []
    log_groups: set[str] = set()
    control = 0
    records = _new(answer.records, position)
    for at, record in enumerate(records):
        if budget.left < 0:
            records = records[:at]
            break
        after = position.sub if record.sequence_number == position.sequence_number else WHOLE
        content = unwrap(record.data, after=after)
        control += content.control
        budget.left -= content.size + (INFLATED_MAX_BYTES if content.refused == BOMB_REASON else 0)
        log_groups |= content.log_groups
        _parse_record(record, content, context, chunks, refusals)
    last = records[-1] if records else None
    is_cut = bool(last and last.sequence_number != answer.records[-1].sequence_number)
    newest = newest_start((p.text, p.line_format, p.arrival_ms) for p in chunks[-SAMPLES_MAX:])
    moved = Position(
        sequence_number=last.sequence_number if last else position.sequence_number,
        at_ms=0 if last else position.at_ms,
        is_ended=not answer.next_iterator and not is_cut,
        sub=WHOLE if last else position.sub,
        arrival_ms=last.arrival_ms if last else position.arrival_ms,
        behind_ms=answer.behind_ms,
        read_ms=now_ms,
        newest=max(newest, position.newest),
    )
    return ShardBatch(
        context.naming,
        shard_id,
        moved,
        {shard_key(context.stream, shard_id): moved.encode()},
        tuple(chunks),
        tuple(refusals),
        control=control,
        size=sum(len(chunk.text) for chunk in chunks),
        records=len(records),
        log_groups=frozenset(log_groups),
        is_cut=is_cut,
        newest=newest,
    )


def _new(records: list[KinesisRecord], position: Position) -> list[KinesisRecord]:
    """Drop done records: an iterator by time begins before them. Compare numbers as integers."""
    if not (position.sequence_number and records):
        return records
    done = int(position.sequence_number) - (position.sub != WHOLE)
    if int(records[0].sequence_number) > done:
        return records
    return [record for record in records if int(record.sequence_number) > done]


def _parse_record(
    record: KinesisRecord,
    content: Unwrapped,
    context: ParseContext,
    chunks: list[LineChunk],
    refusals: list[Refusal],
) -> None:
    """Add the content of one record."""
    place = record.sequence_number
    if content.refused is not None:
        refusals.append(Refusal(content.refused, record.data, place))
        return
    refusals += [Refusal(why, data, f"{place}:{sub}") for sub, why, data in content.refused_parts]
    for text in content.texts:
        line_format = context.formats.of(text)
        if isinstance(line_format, Unusable):
            refusals.append(Refusal(line_format.why, text.lines, place, text.lines.count(b"\n") + 1))
            continue
        account = context.naming.account or text.account
        for part, fits in blocks.split(text.lines):
            if fits:
                chunks.append(LineChunk(part, place, record.arrival_ms, line_format, account))
            else:
                refusals.append(Refusal("line too long", part, place))


def transaction(
    reads: Sequence[ShardBatch], slot: int, sent: Sent, prefix: str, report: Report | None = None
) -> Commit:
    """Return the transaction for some reads of a slot's shards; `sent` is the slot's count before it.

    A block never mixes shards, formats or accounts, so that its headers apply to all of its lines.
    """
    messages: list[Message] = []
    state: dict[bytes, bytes | None] = {}
    writer = BlockWriter(prefix, slot, sent)
    by_origin: dict[tuple[str, str, str, str], list[LineChunk]] = {}
    for read in reads:
        state |= read.state
        for chunk in read.chunks:
            origin = read.source, chunk.line_format, chunk.account, read.naming.region
            by_origin.setdefault(origin, []).append(chunk)
        messages += [_dead(refusal, read, slot, prefix) for refusal in read.refusals]
        messages += [one.message(prefix, slot) for one in read.health]
    for origin, chunks in by_origin.items():
        for group in blocks.join([chunk.text for chunk in chunks]):
            chosen = [chunks[i] for i in group]
            writer.add([chunk.text for chunk in chosen], _where(chosen, *origin))
    if report is not None:
        writer.report(report)
    return Commit(state | writer.state, [*writer.messages, *messages], writer.sent)


def _where(chunks: list[LineChunk], source: str, line_format: str, account: str, region: str) -> Provenance:
    return Provenance(
        source=source,
        line_format=line_format,
        account=account,
        region=region,
        first_position=chunks[0].sequence_number,
        last_position=chunks[-1].sequence_number,
        arrival_ms=min(chunk.arrival_ms for chunk in chunks),
        newest_arrival_ms=max(chunk.arrival_ms for chunk in chunks),
    )


def _dead(refusal: Refusal, read: ShardBatch, slot: int, prefix: str) -> Message:
    origin = f"{read.source}@{refusal.place}"
    return dead_message(prefix, slot, refusal.why, refusal.data, refusal.count, origin)
