"""The conversion of Firehose requests to the content of a transaction: lines, refusals, marks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.commit.content import ChunkOrigin, Content, LineChunk
from connectors.event_time import sample, sampled_starts
from connectors.firehose.body import Posted


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
    """Return the `start` of a sample of a request's lines, epoch s."""
    chunks = sample(request.chunks)
    return sampled_starts([(chunk.text, chunk.origin.line_format, request.arrival_ms) for chunk in chunks])
