"""One Kafka message that a hop wants to send, and the format number that every message carries.

Pure modules make messages; a slot sends them in its transaction and adds the format number as the header
`v`, to state as well. A message without that header has format 1. A process reads its own format and the one
before; it stops at a newer one, because it cannot know what it would ignore.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors.errors import ConnectError

Headers = tuple[tuple[str, bytes], ...]

FORMAT = 2
"""2 (2026-11): progress and a watermark in `blocks` and `partials`; format numbers. 1: before that."""

FORMAT_HEADER = ("v", b"%d" % FORMAT)


class NewerFormat(ConnectError):
    """A topic holds messages of a newer version of vpcflow; this process must be upgraded."""


class Message(NamedTuple):
    """Where it goes, and what it is; a value of None deletes the key of a compacted topic.

    A tuple and not a frozen dataclass: there is one for each aggregate, and it is made four times as fast.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def check_format(topic: str, headers: Iterable[tuple[str, bytes]]) -> int:
    """Return the format of a message that was read from a topic. Raises `NewerFormat`."""
    found = next((int(value) for name, value in headers if name == "v"), 1)
    if found > FORMAT:
        raise NewerFormat(
            f"topic {topic} holds format {found}, and this vpcflow reads formats up to {FORMAT}:"
            " upgrade this process, or use another VPCFLOW_PREFIX"
        )
    return found
