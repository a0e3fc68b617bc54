"""What is refused, and why: the message on the `dead` topic.

One message holds all that one place refused for one reason, newline-joined, so that a poisoned block is one
message and not nine thousand. `why` is one of a few fixed phrases, so that it can be counted.
"""

from __future__ import annotations

from connectors.blocks import Headers

VALUE_MAX_BYTES = 4 << 20  # below the broker's message.max.bytes; what is cut off is said in a header


def dead_value(refused: bytes) -> bytes:
    """Return the bytes to keep: all of them, or the first `VALUE_MAX_BYTES`."""
    return refused[:VALUE_MAX_BYTES]


def dead_headers(why: str, count: int, origin: str, size: int) -> Headers:
    """Return the headers. `count` lines or records were refused, `size` is their length before cutting."""
    return (
        ("why", why.encode()),
        ("count", b"%d" % count),
        ("from", origin.encode()),
        ("size", b"%d" % size),
    )
