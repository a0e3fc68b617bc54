"""From requests of Firehose to what one transaction of a slot writes: blocks, `dead`, and done-marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connectors import blocks
from connectors.blocks import Provenance
from connectors.dead import dead_message
from connectors.firehose_heads import Origin
from connectors.firehose_requests import Chunk, Posted
from connectors.messages import Message
from connectors.positions import NUMBER_KEY
from connectors.reads import Commit


def transaction(
    requests: Sequence[Posted], slot: int, number: int, prefix: str, marks: Mapping[bytes, bytes | None]
) -> Commit:
    """Return the transaction for some requests of a slot; `number` is the last block's number.

    `marks` is the state by which they are known when they come again (`DoneMarks.change`). A block holds
    lines of several requests only if they are from the same stream and in the same format.
    """
    messages: list[Message] = []
    for request in requests:
        for refusal in request.refusals:
            messages.append(
                dead_message(prefix, slot, refusal.why, refusal.data, refusal.count, refusal.origin)
            )
    for origin, chunks in _by_origin(requests).items():
        for group in blocks.join([chunk.text for chunk, _ in chunks]):
            number += 1
            messages.append(_block([chunks[i] for i in group], origin, slot, number, prefix))
    return Commit({**marks, NUMBER_KEY: b"%d" % number}, messages, number)


def _by_origin(requests: Iterable[Posted]) -> dict[Origin, list[tuple[Chunk, int]]]:
    found: dict[Origin, list[tuple[Chunk, int]]] = {}
    for request in requests:
        for chunk in request.chunks:
            found.setdefault(chunk.origin, []).append((chunk, request.arrival_ms))
    return found


def _block(chunks: list[tuple[Chunk, int]], origin: Origin, slot: int, number: int, prefix: str) -> Message:
    where = Provenance(
        source=f"firehose:{origin.stream}",
        line_format=origin.line_format,
        account=origin.account,
        region=origin.region,
        first_position=chunks[0][0].first,
        last_position=chunks[-1][0].last,
        arrival_ms=min(arrival_ms for _, arrival_ms in chunks),
    )
    text = b"\n".join(chunk.text for chunk, _ in chunks)
    return Message(f"{prefix}blocks", slot, None, text, blocks.headers(number, where))
