"""The Kinesis source of a delivery stream: all shards, from their tip at creation, parents first. Pure.

Shards are read in the order of their numbers, each to its end, so that records from before a split are read
before later ones. A stream that is created or recreated after the delivery stream is read from its beginning.
KPL aggregates are delivered unchanged, whereas AWS disaggregates them.
"""

from __future__ import annotations

import orjson
import pybase64

from emulator.firehose.buffers import BufferedRecord
from emulator.firehose.streams import Source
from emulator.kinesis.protocol.record_texts import in_format
from emulator.kinesis.protocol.wire import Format
from emulator.kinesis.store import Store
from emulator.scope import Scope

_READ_MOST_RECORDS = 10_000
_NEVER = -1


def at_the_tip(store: Store, stream_arn: str, role_arn: str, now_ms: int) -> Source:
    """Return a source that starts at the current tip of the stream."""
    _, _, _, region, account, resource = stream_arn.split(":", 5)
    scope, name = Scope(account, region), resource.removeprefix("stream/")
    stream = store.find(scope, name, now_ms)
    if stream is None:
        return Source(stream_arn, role_arn, scope, name, _NEVER, {})
    positions = {shard.number: shard.next_index for shard in stream.shards}
    return Source(stream_arn, role_arn, scope, name, stream.created_ms, positions)


def read(store: Store, source: Source, most_bytes: int, now_ms: int) -> list[BufferedRecord] | None:
    """Return the next records, about `most_bytes` of them, and advance the source's positions.

    If the stream does not exist, return None.
    """
    stream = store.find(source.scope, source.stream_name, now_ms)
    if stream is None:
        return None
    if stream.created_ms != source.stream_created_ms:
        source.stream_created_ms, source.positions = stream.created_ms, {}
    records: list[BufferedRecord] = []
    for shard in stream.shards:
        index = source.positions.get(shard.number, 0)
        while most_bytes > 0 and index < shard.next_index:
            part = shard.read(index, _READ_MOST_RECORDS, most_bytes, now_ms)
            index = source.positions[shard.number] = part.next_index
            for text in in_format(part.texts, Format.JSON):
                records.append(record := _record(text, now_ms))
                most_bytes -= len(record.data)
    return records


def _record(text: bytes, now_ms: int) -> BufferedRecord:
    entry = orjson.loads(text)
    return BufferedRecord(
        data=pybase64.b64decode(entry["Data"]),
        arrival_ms=round(entry["ApproximateArrivalTimestamp"] * 1000),
        entered_ms=now_ms,
        data_id=entry["SequenceNumber"],
    )
