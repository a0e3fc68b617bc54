"""One HTTP request and its answer, whatever carried them: HTTP/1.1, HTTP/2, with TLS or without.

Edges (`emulator/http/`) make an `Incoming` and write an `Outgoing`; services sit between and know neither.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Incoming:
    """A whole request. Header names are in lower case; `target` is the path with its query, as sent.

    `body` is inflated already when it came with `Content-Encoding: gzip` to Kinesis or Firehose.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer: a body, or parts that come over time. `reset` closes the connection instead."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    reset: bool = False


Service = Callable[[Incoming], Awaitable[Outgoing]]
"""Answers requests for one AWS service. It raises nothing: what is wrong is an answer too."""
