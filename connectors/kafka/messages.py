"""One Kafka message of a hop, and the format number in every message.

Pure modules create messages; a slot sends them in its transaction and adds the format number as the header
`v`, also to state. A message without that header has format 1. A process reads its own format and the
previous one. It stops at a newer one, because it would ignore content that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connectors.errors import ConnectError

Headers = tuple[tuple[str, bytes], ...]

FORMAT = 3
"""The format of all messages.

3 (2026-12): conversations in `partials` and `finals`, incremental state of `merge`. 2 (2026-11): progress
and a watermark in `blocks` and `partials`; format numbers. 1: before that.
"""

FORMAT_HEADER = ("v", b"%d" % FORMAT)


class NewerFormat(ConnectError):
    """A topic holds messages of a newer version of vpcflow; this process must be upgraded."""


class Message(NamedTuple):
    """A message and its partition; a value of None deletes the key of a compacted topic.

    A tuple, because there is one for each aggregate: a frozen dataclass takes four times as long to create.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def check_format(topic: str, headers: Iterable[tuple[str, bytes]]) -> int:
    """Return the format of a message that was read from a topic. Raises `NewerFormat`.

    A header of a foreign message that is no number counts as none.
    """
    found = next((int(value) for name, value in headers if name == "v" and value and value.isdigit()), 1)
    if found > FORMAT:
        raise NewerFormat(
            f"topic {topic} holds format {found}, and this vpcflow reads formats up to {FORMAT}:"
            " upgrade this process, or use another VPCFLOW_PREFIX"
        )
    return found
