"""The service as one function: a request in, an answer out."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.kinesis import wire
from emulator.kinesis.call import Call
from emulator.kinesis.errors import Refused, serialization, unknown_operation
from emulator.kinesis.operations import OPERATIONS
from emulator.kinesis.shapes import SHAPES
from emulator.kinesis.store import Store
from emulator.kinesis.validation import check
from emulator.kinesis.wire import Answer, Scope


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What of an HTTP request the service looks at."""

    operation: str
    scope: Scope
    content_type: str
    body: bytes


def answer(store: Store, request: HttpRequest, now_ms: int) -> Answer:
    """Answer one request. Checks are in AWS's order: operation, body, types, limits, stream."""
    try:
        operation = OPERATIONS.get(request.operation)
        if operation is None:
            raise unknown_operation(
                f"Kinesis has no operation '{request.operation}', or this emulator does not play it yet."
            )
        if not request.body:
            raise serialization()
        wire.check_content_type(request.content_type)
        body = wire.read(request.body)
        check(body, SHAPES[request.operation])
        return Answer(200, wire.write(operation(Call(store, request.scope, body, now_ms))))
    except Refused as refused:
        return wire.error(refused)
