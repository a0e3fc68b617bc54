"""The message on Kafka: a block of flow-log lines as they came, with its number and where it is from.

A block's value is newline-joined text of at most about `BLOCK_MAX_BYTES`; a single longer line is refused
before it gets here. Everything else is in the headers, so that a reader can place a block without reading
it. Numbers go up by one within a slot (design.md 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BLOCK_MAX_BYTES = 1 << 20
"""Big enough that one Kafka message costs a tenth of a microsecond a line (performance.md 5.1)."""

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a block's lines are from. `arrival_ms` is the oldest arrival in the source, epoch ms."""

    source: str
    line_format: str
    account: str
    region: str
    first_position: str
    last_position: str
    arrival_ms: int


def headers(number: int, where: Provenance) -> Headers:
    """Return the Kafka headers of a block; every value is UTF-8 text."""
    return (
        ("number", b"%d" % number),
        ("source", where.source.encode()),
        ("format", where.line_format.encode()),
        ("account", where.account.encode()),
        ("region", where.region.encode()),
        ("first", where.first_position.encode()),
        ("last", where.last_position.encode()),
        ("arrival_ms", b"%d" % where.arrival_ms),
    )


def split(text: bytes, max_bytes: int = BLOCK_MAX_BYTES) -> Iterator[tuple[bytes, bool]]:
    """Cut text at line ends into pieces of at most `max_bytes`.

    Yields (piece, True); a single line that is longer than that comes out as (line, False): refuse it.
    """
    at = 0
    while len(text) - at > max_bytes:
        cut = text.rfind(b"\n", at, at + max_bytes + 1)
        if cut >= at:
            yield text[at:cut], True
            at = cut + 1
            continue
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        yield text[at:end], False
        at = end + 1
    if at < len(text):
        yield text[at:], True


def join(texts: Sequence[bytes], max_bytes: int = BLOCK_MAX_BYTES) -> Iterator[list[int]]:
    """Group pieces, each no longer than `max_bytes`, into blocks: yields the indexes of each block."""
    group: list[int] = []
    size = 0
    for index, text in enumerate(texts):
        if group and size + len(text) + 1 > max_bytes:
            yield group
            group, size = [], 0
        group.append(index)
        size += len(text) + 1
    if group:
        yield group
