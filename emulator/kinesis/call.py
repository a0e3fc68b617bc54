"""One call being answered: who asks, what for, and when.

The request has passed `validation.check`, so a field is of its type or absent. The getters below say which
type that is, and `stream` finds what the request names, by name or by ARN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from emulator.kinesis import errors
from emulator.kinesis.store import Store
from emulator.kinesis.streams import Stream
from emulator.kinesis.wire import Request, Scope

_FARTHEST_S = 1e11  # the year 5138; times beyond it mean no more than it does


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request in its scope, at its time."""

    store: Store
    scope: Scope
    request: Request
    now_ms: int

    def text(self, field: str) -> str:
        """Return a text, or nothing if it is absent (limits keep empty texts out where that matters)."""
        return cast("str", self.request.get(field, ""))

    def number(self, field: str, default: int) -> int:
        """Return a number."""
        return cast("int", self.request.get(field, default))

    def flag(self, field: str) -> bool:
        """Return a flag."""
        return cast("bool", self.request.get(field, False))

    def time_ms(self, field: str) -> int | None:
        """Return a time, which the wire has in seconds with a fraction."""
        seconds = cast("float | None", self.request.get(field))
        if seconds is None:
            return None
        return round(max(-_FARTHEST_S, min(seconds, _FARTHEST_S)) * 1000)

    def structure(self, field: str) -> Request:
        """Return a structure or a map."""
        return cast("Request", self.request.get(field, {}))

    def stream_name(self) -> str:
        """Return the name of the stream that is meant, from `StreamName`, `StreamARN` or both."""
        name, arn = self.text("StreamName"), self.text("StreamARN")
        if not name and not arn:
            # Nobody has published AWS's sentence for this one.
            raise errors.invalid_argument("Either StreamName or StreamARN must be provided.")
        if arn:
            name = name or arn.rpartition(":stream/")[2]
            if arn != self.scope.stream_arn(name):
                raise errors.stream_not_found(arn, self.scope.account)
        return name

    def stream(self) -> Stream:
        """Return the stream that is meant, in whatever state it is."""
        name = self.stream_name()
        stream = self.store.find(self.scope, name, self.now_ms)
        if stream is None:
            raise errors.stream_not_found(name, self.scope.account)
        return stream

    def active_stream(self) -> Stream:
        """Return the stream that is meant, if records can be put to it."""
        stream = self.stream()
        if stream.status(self.now_ms) != "ACTIVE":
            raise errors.stream_not_found(stream.name, self.scope.account)
        return stream


Output = Mapping[str, object] | bytes | None
"""What a call answers: fields by name, times as `wire.Time`, blobs as bytes; None is an empty answer.

Bytes are a body that is written already, as the hot calls do.
"""

Operation = Callable[[Call], Output]
"""Answers a call, or raises `Refused`."""
