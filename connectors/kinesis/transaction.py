"""The conversion of GetRecords answers to the content of a transaction: unwrapped lines, refusals, position.

Pure. This module decides how the lines of a record are cut, which input goes to `dead`, and which position is
saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from connectors.commit.content import ChunkOrigin, Content, LineChunk, Refusal
from connectors.event_time import newest_start, sample
from connectors.formats.by_log_group import Formats, Unusable
from connectors.formats.envelope import BOMB_REASON, INFLATED_MAX_BYTES, unwrap
from connectors.formats.texts import Unwrapped
from connectors.kafka import blocks
from connectors.kafka.health_messages import HealthRecord
from connectors.kinesis.answers import GetRecordsResponse, KinesisRecord
from connectors.kinesis.positions import WHOLE, Position, shard_key
from connectors.progress import NONE

PART_BYTES = 256 << 10  # of records before they are unwrapped: some milliseconds of CPU time
TEXT_MAX_BYTES = 64 << 20
"""The limit of unwrapped text of one answer. The rest of a longer answer is requested again. A gzip bomb
counts with the bytes that were inflated."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The origin of a stream's lines. `account` is the setting; an account inside a record overrides it."""

    stream: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """The content of one answer of a shard, and the position after it.

    A batch without records may carry only `state` and `health`. `is_cut`: the batch ends before its answer.
    `newest` is the newest `start` of its lines. `is_caught_up`: the shard had no more records; `known` is
    then the newest `start` that any slot had committed before the request. `is_quiet`: the batch only updates
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
        """Return the bytes that the batch keeps in memory: lines and refused data."""
        return self.size + sum(len(refusal.data) for refusal in self.refusals)

    @property
    def source(self) -> str:
        """Return the source as blocks and health messages name it."""
        return source_name(self.naming.stream, self.shard_id)


def source_name(stream: str, shard_id: str) -> str:
    """Return the name of a shard in blocks, health messages and progress."""
    return f"kinesis:{stream}/{shard_id}"


def content_of(batches: Iterable[ShardBatch]) -> Content:
    """Return what some batches of a slot's shards write."""
    content = Content()
    for batch in batches:
        if not batch.is_quiet:
            content.state |= batch.state
            content.chunks += batch.chunks
            content.refusals += batch.refusals
            content.health += batch.health
    return content


@dataclass(frozen=True, slots=True)
class ParseContext:
    """The context for parsing the records of one shard; `stream` is `Stream.key`."""

    naming: Naming
    stream: str
    formats: Formats


def parse_records(
    context: ParseContext, shard_id: str, answer: GetRecordsResponse, position: Position, now_ms: int
) -> Iterator[ShardBatch]:
    """Unwrap every record of an answer, part by part; `position` is the shard's position before the answer.

    The last part is cut if the text is too long. If the position is inside an aggregate, the answer begins
    with that aggregate.
    """
    budget = _TextBudget(TEXT_MAX_BYTES)
    parts = list(_parts(answer))
    for nth, part in enumerate(parts):
        batch = _parse_part(context, shard_id, part, position, now_ms, budget)
        position = batch.position
        is_cut = batch.is_cut or (budget.left < 0 and nth + 1 < len(parts))
        yield replace(batch, is_cut=is_cut)
        if is_cut:
            return


def joined(parts: Sequence[ShardBatch]) -> ShardBatch:
    """Return the parts of an answer as one batch."""
    return replace(
        parts[-1],
        chunks=tuple(chunk for part in parts for chunk in part.chunks),
        refusals=tuple(refusal for part in parts for refusal in part.refusals),
        control=sum(part.control for part in parts),
        size=sum(part.size for part in parts),
        records=sum(part.records for part in parts),
        newest=max(part.newest for part in parts),
        log_groups=frozenset[str]().union(*(part.log_groups for part in parts)),
    )


@dataclass(slots=True)
class _TextBudget:
    """The number of bytes of text that may still be unwrapped from an answer."""

    left: int


def _parts(answer: GetRecordsResponse) -> Iterator[GetRecordsResponse]:
    """Yield an answer in parts of some milliseconds of CPU time, at least one."""
    begin = size = 0
    for at, record in enumerate(answer.records):
        if size >= PART_BYTES:
            yield _part(answer, begin, at)
            begin, size = at, 0
        size += len(record.data)
    yield replace(answer, records=answer.records[begin:])


def _part(answer: GetRecordsResponse, begin: int, end: int) -> GetRecordsResponse:
    """Return a part of an answer that has more records; it is further behind, and no end of the shard."""
    ahead_ms = answer.records[-1].arrival_ms - answer.records[end - 1].arrival_ms
    return GetRecordsResponse(answer.records[begin:end], "more", answer.behind_ms + max(ahead_ms, 0))


def _parse_part(
    context: ParseContext,
    shard_id: str,
    answer: GetRecordsResponse,
    position: Position,
    now_ms: int,
    budget: _TextBudget,
) -> ShardBatch:
    found = _Found(source_name(context.naming.stream, shard_id), context)
    records = _new(answer.records, position)
    for at, record in enumerate(records):
        if budget.left < 0:
            records = records[:at]
            break
        after = position.sub if record.sequence_number == position.sequence_number else WHOLE
        content = unwrap(record.data, after=after)
        budget.left -= content.size + (INFLATED_MAX_BYTES if content.refused == BOMB_REASON else 0)
        found.add(record, content)
    is_cut = bool(records) and records[-1].sequence_number != answer.records[-1].sequence_number
    newest = found.newest
    moved = replace(
        _after(position, records, now_ms),
        is_ended=not answer.next_iterator and not is_cut,
        behind_ms=answer.behind_ms,
        newest=max(newest, position.newest),
    )
    return ShardBatch(
        context.naming,
        shard_id,
        moved,
        {shard_key(context.stream, shard_id): moved.encode()},
        tuple(found.chunks),
        tuple(found.refusals),
        control=found.control,
        size=sum(len(chunk.text) for chunk in found.chunks),
        records=len(records),
        log_groups=frozenset(found.log_groups),
        is_cut=is_cut,
        newest=newest,
    )


def _after(position: Position, records: Sequence[KinesisRecord], now_ms: int) -> Position:
    """Return the position after some records, read at `now_ms`. Without records, it is the same place."""
    if not records:
        return replace(position, read_ms=now_ms)
    last = records[-1]
    return replace(
        position,
        sequence_number=last.sequence_number,
        at_ms=0,
        sub=WHOLE,
        arrival_ms=last.arrival_ms,
        read_ms=now_ms,
    )


def _new(records: list[KinesisRecord], position: Position) -> list[KinesisRecord]:
    """Drop done records: an iterator by time begins before them. Compare numbers as integers."""
    if not (position.sequence_number and records):
        return records
    done = int(position.sequence_number) - (position.sub != WHOLE)
    if int(records[0].sequence_number) > done:
        return records
    return [record for record in records if int(record.sequence_number) > done]


class _Found:
    """The content of the records of one shard so far."""

    def __init__(self, source: str, context: ParseContext) -> None:
        self.chunks: list[LineChunk] = []
        self.refusals: list[Refusal] = []
        self.log_groups: set[str] = set()
        self.control = 0
        self._source, self._context = source, context
        self._origins: dict[tuple[str, str], ChunkOrigin] = {}

    @property
    def newest(self) -> int:
        """The newest `start` in a sample of the lines, epoch s."""
        chunks = sample(self.chunks)
        return newest_start([(chunk.text, chunk.origin.line_format, chunk.arrival_ms) for chunk in chunks])

    def add(self, record: KinesisRecord, content: Unwrapped) -> None:
        """Add the content of one record."""
        self.control += content.control
        position = record.sequence_number
        if content.refused is not None:
            self._refuse(content.refused, record.data, position)
            return
        for sub, why, data in content.refused_parts:
            self._refuse(why, data, f"{position}:{sub}")
        for text in content.texts:
            if text.log_group:
                self.log_groups.add(text.log_group)
            line_format = self._context.formats.of(text)
            if isinstance(line_format, Unusable):
                self._refuse(line_format.why, text.lines, position, text.lines.count(b"\n") + 1)
                continue
            origin = self._origin(line_format, text.account)
            for part, fits in blocks.split(text.lines):
                if fits:
                    self.chunks.append(LineChunk(part, origin, position, position, record.arrival_ms))
                else:
                    self._refuse("line too long", part, position)

    def _origin(self, line_format: str, account: str) -> ChunkOrigin:
        found = self._origins.get((line_format, account))
        if found is None:
            naming = self._context.naming
            found = ChunkOrigin(self._source, line_format, naming.account or account, naming.region)
            self._origins[line_format, account] = found
        return found

    def _refuse(self, why: str, data: bytes, position: str, count: int = 1) -> None:
        self.refusals.append(Refusal(why, data, f"{self._source}@{position}", count))
