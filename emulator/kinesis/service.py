"""The Kinesis service, as one function from a request to an answer."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.kinesis.call import Call
from emulator.kinesis.errors import Refused, serialization, unknown_operation
from emulator.kinesis.operations import OPERATIONS
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import Answer
from emulator.kinesis.shapes import SHAPES
from emulator.kinesis.shapes.validation import check
from emulator.kinesis.store import Store
from emulator.kinesis.subscription import Subscription
from emulator.scope import Scope


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The parts of an HTTP request that the service needs."""

    operation: str
    scope: Scope
    content_type: str
    body: bytes


def answer(store: Store, request: HttpRequest, now_ms: int) -> Answer:
    """Answer one request. Checks are in AWS's order: operation, body, types, values, rates, stream."""
    format = wire.format_of(request.content_type) or wire.Format.JSON
    try:
        operation = OPERATIONS.get(request.operation)
        if operation is None:
            raise unknown_operation(
                f"Kinesis has no operation '{request.operation}', or this emulator does not support it."
            )
        if not request.body:
            raise serialization()
        wire.check_content_type(request.content_type)
        body = wire.read(request.body, format)
        check(body, SHAPES[request.operation])
        if store.throttle is not None:
            store.throttle.check_call(request.operation, request.scope, body, now_ms)
        output = operation(Call(store, request.scope, body, now_ms, format, request.operation))
        if isinstance(output, Subscription):
            if store.throttle is not None:
                output.pace = store.throttle.pace(output.stream, output.shard, str(body["ConsumerARN"]))
            return Answer(200, output, format)
        return Answer(200, wire.write(output, format), format)
    except Refused as refused:
        return wire.error(refused, format)
