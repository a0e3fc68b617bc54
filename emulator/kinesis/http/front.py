"""The checks before the service sees a request: method, content type, target, body, signature. Pure.

The order is AWS's, recorded by kinesalite's test suite: a malformed body is refused before an unknown target,
and that before a missing signature. For other content types, AWS's front end answers in XML or CBOR.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from emulator.http.messages import Incoming, Outgoing
from emulator.kinesis.errors import Refused
from emulator.kinesis.http import authentication
from emulator.kinesis.operations import OPERATIONS
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import Format
from emulator.kinesis.service import HttpRequest

_OLD_JSON = (
    "application/json"  # AWS JSON 1.0 without a version: the body is parsed, the operation is unknown.
)
_EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date"
_CORS_MAX_AGE_S = "172800"
_ACCESS_DENIED = Refused(
    "AccessDeniedException", "Unable to determine service/operation name to be authorized", 403
)


def examine(incoming: Incoming) -> HttpRequest | Outgoing:
    """Return the request for the service, or the answer if a check fails."""
    headers = incoming.headers
    if incoming.method != "POST":
        return _xml(_ACCESS_DENIED)
    content_type = headers.get("content-type", "")
    format = wire.format_of(content_type)
    operation = wire.operation_of(headers.get("x-amz-target", ""))
    if format is None or not incoming.body:
        return _unreadable(incoming, format, operation)
    if operation not in OPERATIONS:
        return _refusal(incoming.body, format, Refused("UnknownOperationException"))
    missing = authentication.complaint(headers, incoming.target)
    if missing is not None:
        return _refusal(incoming.body, format, missing)
    credential = headers.get("authorization") or authentication.credential_in_query(incoming.target)
    scope, _ = wire.credential_scope(credential)
    return HttpRequest(operation, scope, content_type, incoming.body)


def cors(incoming: Incoming) -> Mapping[str, str]:
    """Return the CORS headers: as with AWS, web pages may call the emulator."""
    if "origin" not in incoming.headers:
        return {}
    if incoming.method != "OPTIONS":
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
    answer = {"Access-Control-Allow-Origin": "*"}
    for asked, answered in (
        ("access-control-request-headers", "Access-Control-Allow-Headers"),
        ("access-control-request-method", "Access-Control-Allow-Methods"),
    ):
        if asked in incoming.headers:
            answer[answered] = incoming.headers[asked]
    return {**answer, "Access-Control-Max-Age": _CORS_MAX_AGE_S}


def is_preflight(incoming: Incoming) -> bool:
    """Return True for a CORS preflight request."""
    return incoming.method == "OPTIONS" and "origin" in incoming.headers


def written(answer: wire.Answer) -> Outgoing:
    """Return the HTTP response for an answer with a complete body."""
    assert isinstance(answer.body, bytes)
    return Outgoing(answer.status, {"Content-Type": answer.format.value}, answer.body)


def _unreadable(incoming: Incoming, format: Format | None, operation: str | None) -> Outgoing:
    """Return the answer to a request without a body, or with an unsupported content type."""
    if not incoming.body:
        known = operation in OPERATIONS
        refused = Refused("SerializationException" if known else "UnknownOperationException")
        return written(wire.error(refused, format or Format.CBOR))
    content_type = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _OLD_JSON:
        return _old_json(incoming.body)
    service, _, called = incoming.headers.get("x-amz-target", "").partition(".")
    if not service or not called:
        return _xml(_ACCESS_DENIED)
    return _xml(Refused("UnknownOperationException", status=404))


def _old_json(body: bytes) -> Outgoing:
    code, status = "UnknownOperationException", 404
    try:
        if not isinstance(orjson.loads(body), dict):
            code, status = "SerializationException", 400
    except orjson.JSONDecodeError:
        code, status = "SerializationException", 400
    output = {"Output": {"__type": f"com.amazon.coral.service#{code}"}, "Version": "1.0"}
    return Outgoing(status, {"Content-Type": _OLD_JSON}, orjson.dumps(output))


def _refusal(body: bytes, format: Format, otherwise: Refused) -> Outgoing:
    """Return the error of a malformed body, or otherwise the given error: AWS parses the body first."""
    try:
        wire.read(body, format)
    except Refused as refused:
        otherwise = refused
    return written(wire.error(otherwise, format))


def _xml(refused: Refused) -> Outgoing:
    """Return an error in the XML format of AWS's front end, without a content type."""
    name = refused.code
    if not refused.message:
        return Outgoing(refused.status, {}, f"<{name}/>\n".encode())
    text = f"<{name}>\n  <Message>{refused.message}</Message>\n</{name}>\n"
    return Outgoing(refused.status, {}, text.encode())
