"""One call being answered: who asks, what for, and when.

The request has passed `validation.check`, so a field is of its type or absent. The getters below say which
type that is, and `stream`, `consumer` and `resource` find what the request names, by name or by ARN.

An ARN may be of another account: then the resource's policy must let the caller in. It may not be of another
region, for AWS's endpoints know their own only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from emulator.kinesis import errors, policies
from emulator.kinesis.protocol.wire import Format, Request
from emulator.kinesis.state.consumers import Consumer
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store
from emulator.kinesis.subscription import Subscription
from emulator.scope import Scope

_FARTHEST_S = 1e11  # the year 5138; times beyond it mean no more than it does
_ARN = re.compile(
    r"arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream/([\w.-]+)(?:/consumer/([\w.-]+):\d+)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request in its scope, at its time."""

    store: Store
    scope: Scope
    request: Request
    now_ms: int
    format: Format = Format.JSON
    operation: str = ""

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

    def texts(self, field: str) -> list[str]:
        """Return a list of texts."""
        return cast("list[str]", self.request.get(field, []))

    def tags(self) -> dict[str, str]:
        """Return the tags to be given."""
        return cast("dict[str, str]", self.request.get("Tags", {}))

    def stream_place(self) -> tuple[Scope, str]:
        """Return the scope and name of the stream that is meant, from `StreamName`, `StreamARN` or both."""
        name, arn = self.text("StreamName"), self.text("StreamARN")
        if not name and not arn:
            # AWS's messages for this error and the next are not published.
            raise errors.invalid_argument("Either StreamName or StreamARN must be provided.")
        if not arn:
            return self.scope, name
        scope, arn_name, _ = self._parse(arn, errors.stream_not_found)
        if name and name != arn_name:
            raise errors.invalid_argument(f"StreamName {name} and StreamARN {arn} are of different streams.")
        return scope, arn_name

    def stream(self) -> Stream:
        """Return the stream that is meant, in whatever state it is."""
        scope, name = self.stream_place()
        stream = self.find(scope, name)
        if stream is None:
            raise errors.stream_not_found(name, self.scope.account)
        return stream

    def find(self, scope: Scope, name: str) -> Stream | None:
        """Return a stream of any account, if there is one and the caller may touch it."""
        stream = self.store.find(scope, name, self.now_ms)
        if stream is not None:
            self._check_access(scope, stream.policy, stream.arn)
        return stream

    def active_stream(self) -> Stream:
        """Return the stream that is meant, if records can be put to it."""
        stream = self.stream()
        if stream.status(self.now_ms) not in {"ACTIVE", "UPDATING"}:
            raise errors.stream_not_found(stream.name, self.scope.account)
        return stream

    def idle_stream(self) -> Stream:
        """Return the stream that is meant, if nothing is happening to it."""
        stream = self.stream()
        self.check_idle(stream)
        return stream

    def check_idle(self, stream: Stream) -> None:
        """Refuse a stream that is being made, changed or deleted."""
        status = stream.status(self.now_ms)
        if status != "ACTIVE":
            raise errors.stream_not_active(stream.name, stream.scope.account, status)

    def check_there(self, stream: Stream) -> None:
        """Refuse a stream that is being made or deleted."""
        if stream.status(self.now_ms) != "UPDATING":
            self.check_idle(stream)

    def consumer(self) -> tuple[Stream, Consumer]:
        """Return the consumer that an ARN, or a stream's ARN and a name, mean, and its stream."""
        arn, name = self.text("ConsumerARN"), self.text("ConsumerName")
        if arn:
            stream, consumer = self._consumer_of(arn)
            if name not in {"", consumer.name} or self.text("StreamARN") not in {"", stream.arn}:
                # AWS's messages for these errors are not published.
                raise errors.invalid_argument(f"ConsumerARN {arn} is of another consumer than the one named.")
            return stream, consumer
        if not name or not self.text("StreamARN"):
            raise errors.invalid_argument(
                "Either ConsumerARN, or StreamARN and ConsumerName, must be provided."
            )
        stream = self.stream()
        found = stream.consumer(name, self.now_ms)
        if found is None:
            raise errors.consumer_not_found(name, self.scope.account)
        return stream, found

    def consumer_by_arn(self, arn: str) -> tuple[Stream, Consumer]:
        """Return a consumer that can be read with, and its stream."""
        stream, consumer = self._consumer_of(arn)
        if consumer.status(self.now_ms) != "ACTIVE":
            raise errors.consumer_not_active(consumer, stream.name, stream.scope.account)
        return stream, consumer

    def resource(self) -> tuple[Stream, Consumer | None]:
        """Return what `ResourceARN` means: a stream, or a consumer and its stream."""
        arn = self.text("ResourceARN")
        scope, name, consumer = self._parse(arn, errors.stream_not_found)
        if consumer:
            return self._consumer_of(arn)
        stream = self.find(scope, name)
        if stream is None:
            raise errors.stream_not_found(arn, self.scope.account)
        return stream, None

    def _consumer_of(self, arn: str) -> tuple[Stream, Consumer]:
        scope, name, consumer_name = self._parse(arn, errors.consumer_not_found)
        stream = self.store.find(scope, name, self.now_ms)
        consumer = None if stream is None else stream.consumer(consumer_name, self.now_ms)
        if stream is None or consumer is None or consumer.arn.rpartition(":")[2] != arn.rpartition(":")[2]:
            raise errors.consumer_not_found(arn, self.scope.account)
        self._check_access(scope, consumer.policy, arn)
        return stream, consumer

    def _parse(self, arn: str, refusal: Callable[[str, str], errors.Refused]) -> tuple[Scope, str, str]:
        """Return the scope, the stream's name and the consumer's, if any; refuse what cannot be here."""
        found = _ARN.fullmatch(arn)
        if found is None or found.group(1) != self.scope.region:
            raise refusal(arn, self.scope.account)
        return Scope(found.group(2), found.group(1)), found.group(3), found.group(4) or ""

    def _check_access(self, scope: Scope, policy: str, arn: str) -> None:
        account = self.scope.account
        if scope.account != account and not policies.allows(policy, account, self.operation):
            raise errors.access_denied(account, self.operation, arn)


Output = Mapping[str, object] | bytes | Subscription | None
"""What a call answers: fields by name, times as `wire.Time`, blobs as bytes; None is an empty answer.

Bytes are a body that is written already, in `Call.format`, as the hot calls do.
"""

Operation = Callable[[Call], Output]
"""Answers a call, or raises `Refused`."""
