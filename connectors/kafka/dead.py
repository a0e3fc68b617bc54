"""What is refused, and why: the message on the `dead` topic.

One message holds all that one place refused for one reason, newline-joined, so that a poisoned block is one
message and not nine thousand. `why` is one of a few fixed phrases, so that it can be counted; for lines of a
log group with an unusable LogFormat it names both.
"""

from __future__ import annotations

from connectors.kafka.messages import Message

VALUE_MAX_BYTES = 4 << 20  # below the broker's message.max.bytes; the header `size` states the full length


def dead_message(prefix: str, slot: int, why: str, refused: bytes, count: int, origin: str) -> Message:
    """Return what keeps some refused bytes: all of them, or the first `VALUE_MAX_BYTES`.

    `count` lines or records were refused at `origin`; the header `size` is their length before cutting.
    """
    headers = (
        ("why", why.encode()),
        ("count", b"%d" % count),
        ("from", origin.encode()),
        ("size", b"%d" % len(refused)),
    )
    return Message(f"{prefix}dead", slot, None, refused[:VALUE_MAX_BYTES], headers)
