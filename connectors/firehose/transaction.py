"""From requests of Firehose to what one transaction of a slot writes: blocks, `dead`, and done-marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connectors.event_time import SAMPLES_MAX, newest_start
from connectors.firehose.body import Posted, RequestChunk
from connectors.firehose.headers import Origin
from connectors.kafka import blocks
from connectors.kafka.blocks import BlockWriter, Provenance, Report, Sent
from connectors.kafka.commit import Commit
from connectors.kafka.dead import dead_message
from connectors.progress import NONE


def transaction(
    requests: Sequence[Posted],
    slot: int,
    sent: Sent,
    prefix: str,
    marks: Mapping[bytes, bytes | None],
    report: Report | None = None,
) -> Commit:
    """Return the transaction for some requests of a slot; `sent` is what the slot has sent before.

    `marks` is the state by which they are known when they come again (`DoneMarks.change`). A block holds
    lines of several requests only if they are from the same stream and in the same format.
    """
    refused = [
        dead_message(prefix, slot, refusal.why, refusal.data, refusal.count, refusal.origin)
        for request in requests
        for refusal in request.refusals
    ]
    writer = BlockWriter(prefix, slot, sent)
    for origin, chunks in _by_origin(requests).items():
        for group in blocks.join([chunk.text for chunk, _ in chunks]):
            chosen = [chunks[i] for i in group]
            writer.add([chunk.text for chunk, _ in chosen], _where(chosen, origin))
    if report is not None:
        writer.report(report)
    return Commit({**marks, **writer.state}, [*writer.messages, *refused], writer.sent)


def event_times(request: Posted) -> list[int]:
    """Return the `start` of the first and the last line of a sample of a request's chunks."""
    found = []
    for chunk in request.chunks[:: max(len(request.chunks) // SAMPLES_MAX, 1)]:
        for line in (chunk.text[: _end_of_first(chunk.text)], chunk.text):
            at = newest_start([(line, chunk.origin.line_format, request.arrival_ms)])
            found += [at] * (at != NONE)
    return found


def _end_of_first(text: bytes) -> int:
    end = text.find(b"\n")
    return len(text) if end < 0 else end


def _by_origin(requests: Iterable[Posted]) -> dict[Origin, list[tuple[RequestChunk, int]]]:
    found: dict[Origin, list[tuple[RequestChunk, int]]] = {}
    for request in requests:
        for chunk in request.chunks:
            found.setdefault(chunk.origin, []).append((chunk, request.arrival_ms))
    return found


def _where(chunks: list[tuple[RequestChunk, int]], origin: Origin) -> Provenance:
    return Provenance(
        source=f"firehose:{origin.stream}",
        line_format=origin.line_format,
        account=origin.account,
        region=origin.region,
        first_position=chunks[0][0].first,
        last_position=chunks[-1][0].last,
        arrival_ms=min(arrival_ms for _, arrival_ms in chunks),
        newest_arrival_ms=max(arrival_ms for _, arrival_ms in chunks),
    )
