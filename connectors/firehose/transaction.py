"""The conversion of Firehose requests to the content of a transaction: lines, refusals, marks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.commit.content import ChunkOrigin, Content, LineChunk
from connectors.event_time import SAMPLES_MAX, newest_start
from connectors.firehose.body import Posted
from connectors.progress import NONE


def content_of(requests: Iterable[Posted], marks: Mapping[bytes, bytes | None]) -> Content:
    """Return what some requests of a slot write.

    `marks` is the state by which repeated requests are recognised (`CommittedRequests.change`).
    """
    content = Content(state=dict(marks))
    for request in requests:
        content.refusals += request.refusals
        for chunk in request.chunks:
            of = chunk.origin
            origin = ChunkOrigin(f"firehose:{of.stream}", of.line_format, of.account, of.region)
            content.chunks.append(LineChunk(chunk.text, origin, chunk.first, chunk.last, request.arrival_ms))
    return content


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
