"""One API call: its scope, its validated request and its time.

The request has passed `validation.check`, so a field has its type or is absent. The getters below return a
field by type, and `stream`, `consumer` and `resource` find the resource that the request names.

An ARN may have another account; then the resource's policy must allow the call. It must have the Region of
the request, as AWS's endpoints are regional.
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

_FARTHEST_S = 1e11  # The year 5138. Later times are clamped to it.
_ARN = re.compile(
    r"arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream/([\w.-]+)(?:/consumer/([\w.-]+):\d+)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Call:
    """A validated request with its scope and its time."""

    store: Store
    scope: Scope
    request: Request
    now_ms: int
    format: Format = Format.JSON
    operation: str = ""

    def text(self, field: str) -> str:
        """Return a text field, or an empty string if it is absent. Limits exclude empty texts if needed."""
        return cast("str", self.request.get(field, ""))

    def number(self, field: str, default: int) -> int:
        """Return a number field, or the default if it is absent."""
        return cast("int", self.request.get(field, default))

    def flag(self, field: str) -> bool:
        """Return a Boolean field. If it is absent, return False."""
        return cast("bool", self.request.get(field, False))

    def time_ms(self, field: str) -> int | None:
        """Return a time field in milliseconds, or None. The request has it in seconds with a fraction."""
        seconds = cast("float | None", self.request.get(field))
        if seconds is None:
            return None
        return round(max(-_FARTHEST_S, min(seconds, _FARTHEST_S)) * 1000)

    def structure(self, field: str) -> Request:
        """Return a structure or a map field. If it is absent, it is empty."""
        return cast("Request", self.request.get(field, {}))

    def texts(self, field: str) -> list[str]:
        """Return a list of texts. If it is absent, it is empty."""
        return cast("list[str]", self.request.get(field, []))

    def tags(self) -> dict[str, str]:
        """Return the tags in the request."""
        return cast("dict[str, str]", self.request.get("Tags", {}))

    def stream_place(self) -> tuple[Scope, str]:
        """Return the stream's scope and name, from `StreamName`, `StreamARN` or both. Raises `Refused`."""
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
        """Return the stream that the request names, in any state. Raises `Refused`."""
        scope, name = self.stream_place()
        stream = self.find(scope, name)
        if stream is None:
            raise errors.stream_not_found(name, self.scope.account)
        return stream

    def find(self, scope: Scope, name: str) -> Stream | None:
        """Return a stream of any account, or None. Raises `Refused` if its policy does not allow the call."""
        stream = self.store.find(scope, name, self.now_ms)
        if stream is not None:
            self._check_access(scope, stream.policy, stream.arn)
        return stream

    def active_stream(self) -> Stream:
        """Return the stream that the request names. Raises `Refused` if records cannot be put to it."""
        stream = self.stream()
        if stream.status(self.now_ms) not in {"ACTIVE", "UPDATING"}:
            raise errors.stream_not_found(stream.name, self.scope.account)
        return stream

    def idle_stream(self) -> Stream:
        """Return the stream that the request names. Raises `Refused` if it is not ACTIVE."""
        stream = self.stream()
        self.check_idle(stream)
        return stream

    def check_idle(self, stream: Stream) -> None:
        """Check that a stream is ACTIVE. Raises `Refused`."""
        status = stream.status(self.now_ms)
        if status != "ACTIVE":
            raise errors.stream_not_active(stream.name, stream.scope.account, status)

    def check_there(self, stream: Stream) -> None:
        """Check that a stream is ACTIVE or UPDATING. Raises `Refused`."""
        if stream.status(self.now_ms) != "UPDATING":
            self.check_idle(stream)

    def consumer(self) -> tuple[Stream, Consumer]:
        """Return the consumer that the request names, and its stream. Raises `Refused`.

        The request has the consumer's ARN, or the stream's ARN and the consumer's name.
        """
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
        """Return an ACTIVE consumer and its stream. Raises `Refused`."""
        stream, consumer = self._consumer_of(arn)
        if consumer.status(self.now_ms) != "ACTIVE":
            raise errors.consumer_not_active(consumer, stream.name, stream.scope.account)
        return stream, consumer

    def resource(self) -> tuple[Stream, Consumer | None]:
        """Return the stream of `ResourceARN`, and the consumer if it names one. Raises `Refused`."""
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
        """Return the scope, the stream name and the consumer name, if any, of an ARN. Raises `refusal`."""
        found = _ARN.fullmatch(arn)
        if found is None or found.group(1) != self.scope.region:
            raise refusal(arn, self.scope.account)
        return Scope(found.group(2), found.group(1)), found.group(3), found.group(4) or ""

    def _check_access(self, scope: Scope, policy: str, arn: str) -> None:
        account = self.scope.account
        if scope.account != account and not policies.allows(policy, account, self.operation):
            raise errors.access_denied(account, self.operation, arn)


Output = Mapping[str, object] | bytes | Subscription | None
"""The output of a call: fields by name, times as `wire.Time`, blobs as bytes. None is an empty body.

Bytes are a body that is already encoded in `Call.format`, for the calls that must be fast.
"""

Operation = Callable[[Call], Output]
"""The function of an API call. It returns the output, or raises `Refused`."""
