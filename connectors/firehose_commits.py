"""From requests of Firehose to what one transaction of a slot writes: blocks, `dead`, and done-marks.

A done-mark says that a request was committed, in the same transaction as its lines. So the same request is
known when it comes again, after a crash or a change of owner too. Marks are deleted when Firehose can no
longer send the request. Until then one costs about 300 bytes of memory: 32 MB for a request a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import orjson

from connectors import blocks
from connectors.blocks import Provenance
from connectors.dead import dead_message
from connectors.firehose_requests import Chunk, Origin, Posted
from connectors.messages import Message
from connectors.positions import NUMBER_KEY
from connectors.reads import Commit

KEEP_MS = 30 * 3_600_000
"""How long a request may come again: 7,200 s of pauses, AWS's longest retry duration, in which some 67
attempts may each wait 180 s for an answer (`DurationInSeconds` does not count those); and 24 h, for which a
delivery stream keeps data when neither its endpoint nor its backup takes it. That is 29.4 h."""

PRUNED_MAX = 5_000  # marks deleted in one transaction
_KEY_PREFIX = b"request|"


def done_key(request_id: str) -> bytes:
    """Return the key of a request's done-mark."""
    return _KEY_PREFIX + request_id.encode()


def expired(state: Mapping[bytes, bytes], now_ms: int) -> list[bytes]:
    """Return the keys of done-marks that are of no more use, the oldest first.

    A state is in the order in which its keys came, so the first mark that is young ends the search.
    """
    marks = ((key, value) for key, value in state.items() if key.startswith(_KEY_PREFIX))
    found = []
    for key, value in islice(marks, PRUNED_MAX):
        if now_ms - orjson.loads(value)["at_ms"] < KEEP_MS:
            break
        found.append(key)
    return found


def transaction(requests: Sequence[Posted], slot: int, number: int, prefix: str, now_ms: int) -> Commit:
    """Return the transaction for some requests of a slot; `number` is the last block's number.

    A block holds lines of several requests only if they are from the same stream and in the same format.
    """
    state: dict[bytes, bytes | None] = {}
    messages: list[Message] = []
    # What orjson returns keeps its buffer: a kilobyte was measured for each mark, as long as that lives.
    mark = b'{"at_ms":%d}' % now_ms
    for request in requests:
        if request.request_id:
            state[done_key(request.request_id)] = mark
        for refusal in request.refusals:
            messages.append(
                dead_message(prefix, slot, refusal.why, refusal.data, refusal.count, refusal.origin)
            )
    for origin, chunks in _by_origin(requests).items():
        for group in blocks.join([chunk.text for chunk, _ in chunks]):
            number += 1
            messages.append(_block([chunks[i] for i in group], origin, slot, number, prefix))
    state[NUMBER_KEY] = b"%d" % number
    return Commit(state, messages, number)


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
