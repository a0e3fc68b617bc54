"""The message on `dead`: refused lines or records, with the reason.

One message holds all lines of one origin and one reason, newline-joined, so that a block without a valid line
causes one message. `why` is one of a few fixed phrases, because reports count by it; for lines of a log group
with an unusable LogFormat it names both.
"""

from __future__ import annotations

from connectors.kafka.messages import Message

VALUE_MAX_BYTES = 4 << 20  # below the broker's message.max.bytes; the header `size` states the full length


def dead_message(prefix: str, slot: int, why: str, refused: bytes, count: int, origin: str) -> Message:
    """Return the message that keeps refused bytes: all of them, or the first `VALUE_MAX_BYTES`.

    `count` lines or records were refused at `origin`; the header `size` is their length before cutting.
    """
    headers = (
        ("why", why.encode()),
        ("count", b"%d" % count),
        ("from", origin.encode()),
        ("size", b"%d" % len(refused)),
    )
    return Message(f"{prefix}dead", slot, None, refused[:VALUE_MAX_BYTES], headers)
