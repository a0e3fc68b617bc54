"""What one process measures: floors, the sums, the connector's pure part, in CPU-seconds, best of a few."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import psutil
import pybase64

from connectors.commit.content import transaction
from connectors.formats.by_log_group import Formats
from connectors.formats.flowlog import DEFAULT_FORMAT
from connectors.kafka.blocks import Sent
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.kinesis.answers import GetRecordsResponse
from connectors.kinesis.client import parse_answer
from connectors.kinesis.positions import Position
from connectors.kinesis.transaction import Naming, ParseContext, content_of, parse_records
from emulator.kafka.cluster import kafka_node
from emulator.load import feed
from streams.sums import conversations, partials
from streams.sums.accumulator import Drained, Sums
from streams.sums.lines import plan
from tests import synthetic
from tests.bench.load import LINES, SEED, texts

BEST_OF = 5
PARTITIONS = 8


def best(work: Callable[[], Any]) -> float:
    """Return the least CPU seconds of a few runs: noise only adds."""
    least = float("inf")
    for _ in range(BEST_OF):
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least


def floors(lines: int = LINES) -> dict[str, float]:
    """Return lines per CPU-second of copying the text and of counting its newlines."""
    text = b"\n".join(texts(lines))
    source = np.frombuffer(text, np.uint8)
    target = np.empty_like(source)
    return {
        "floor_memcpy": lines / best(lambda: np.copyto(target, source)),
        "floor_newlines": lines / best(lambda: text.count(b"\n")),
    }


def sums(blocks: Sequence[bytes], lines: int = LINES) -> float:
    """Return lines per CPU-second of `sums`: totals and conversations, drained each 4 MiB."""
    return _summed(blocks, lines, lambda _: None)


def partials_of(blocks: Sequence[bytes], lines: int = LINES) -> float:
    """Return lines per CPU-second of `sums` and of the encoding of its messages to all partitions."""

    def encoded(drained: Drained) -> None:
        for rows, found in drained.parts.values():
            partials.encode(rows)
            conversations.encode(found)

    return _summed(blocks, lines, encoded)


def _summed(blocks: Sequence[bytes], lines: int, use: Callable[[Drained], None]) -> float:
    by, sums = plan(DEFAULT_FORMAT), Sums(60, partitions=PARTITIONS)
    sums.warm()

    def run() -> None:
        held = 0
        for text in blocks:
            sums.add(text, by)
            held += len(text)
            if held >= 4 << 20:
                use(sums.drain())
                held = 0
        use(sums.drain())

    return lines / best(run)


def cloudwatch_bodies(lines: int) -> list[bytes]:
    """Return the load as GetRecords bodies of CloudWatch envelopes."""
    load = synthetic.Load(lines, SEED, span_s=900)
    bodies, records = [], []
    for number, record in enumerate(feed.to_records(synthetic.batches(load), "cloudwatch", 200)):
        data = pybase64.b64encode(record.data).decode()
        records.append(
            {
                "SequenceNumber": str(number),
                "ApproximateArrivalTimestamp": float(load.end),
                "Data": data,
                "PartitionKey": record.key,
            }
        )
        if len(records) == 2000:
            bodies.append(orjson.dumps({"Records": records, "NextShardIterator": "x"}))
            records = []
    bodies.append(orjson.dumps({"Records": records, "NextShardIterator": "x"}))
    return bodies


async def connector(lines: int = LINES // 2) -> float:
    """Return lines per CPU-second from GetRecords bodies to committed blocks, Kafka client included."""
    bodies = await asyncio.to_thread(cloudwatch_bodies, lines)
    context = ParseContext(Naming("flow-logs", "", "us-east-1"), "flow-logs@0", Formats("default"))
    async with kafka_node() as node:
        await ensure_topics(KafkaConnection(node.bootstrap), "bench.", 8)
        slot = Slot(KafkaConnection(node.bootstrap), "bench.positions", 0, "bench.connect-0")
        await slot.open()
        me = psutil.Process()
        began = me.cpu_times()
        sent = Sent()
        for body in bodies:
            answer: GetRecordsResponse = parse_answer(body)
            reads = list(parse_records(context, "shard", answer, Position(), 0))
            commit = transaction(content_of(reads), 0, sent, "bench.")
            await slot.commit(commit.state, commit.messages)
            sent = commit.sent
        ended = me.cpu_times()
        await slot.close()
    return lines / (ended.user + ended.system - began.user - began.system)
