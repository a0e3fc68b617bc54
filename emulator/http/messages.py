"""HTTP requests and responses, independent of the protocol version and of TLS. Pure.

The edge modules of this folder create an `Incoming` and write an `Outgoing`. Services are functions between
the two.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Incoming:
    """A complete request. Header names are in lower case; `target` is the path with its query, as sent.

    `body` is already decompressed if it had `Content-Encoding: gzip` and is for Kinesis or Firehose.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A response with a complete or a streamed body. `reset` resets the connection instead."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    reset: bool = False


Service = Callable[[Incoming], Awaitable[Outgoing]]
"""A function that answers the requests for one AWS service. It never raises: errors are responses."""
