"""Kinesis on the wire: the target header, the credential scope, JSON bodies and the shape of an error.

AWS JSON 1.1: a POST with `X-Amz-Target: Kinesis_20131202.<Operation>`, a JSON object as its body, and
either the answer's JSON (nothing at all when the call has no answer) or `{"__type", "message"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import orjson
import pybase64

from emulator.kinesis.errors import Refused, serialization

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "Kinesis_20131202"
ACCOUNT = "000000000000"  # what LocalStack answers for, unless told otherwise
DEFAULT_REGION = "us-east-1"

# AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kinesis/aws4_request, SignedHeaders=..., Signature=...
_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")

Request = dict[str, object]


class Time:
    """A timestamp in an answer; each protocol writes it in its own way. Milliseconds since the epoch."""

    __slots__ = ("ms",)

    def __init__(self, ms: int) -> None:
        self.ms = ms


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a request belongs: nothing is ever shared between two scopes."""

    account: str
    region: str

    def stream_arn(self, name: str) -> str:
        """Return the ARN of a stream of this name here."""
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status and a body, of type `CONTENT_TYPE`."""

    status: int
    body: bytes


def operation_of(target: str) -> str | None:
    """Return the operation a target header names, or None when it is not Kinesis that is called."""
    service, dot, operation = target.partition(".")
    return operation if dot and service == TARGET_PREFIX else None


def credential_scope(authorization: str) -> tuple[Scope, str]:
    """Return the scope and the service that a signature is for; an unsigned request is in us-east-1."""
    found = _CREDENTIAL.search(authorization)
    if found is None:
        return Scope(ACCOUNT, DEFAULT_REGION), ""
    return Scope(ACCOUNT, found.group(1)), found.group(2)


def check_content_type(content_type: str) -> None:
    """Refuse a body that is not JSON 1.1. The type's parameters do not matter."""
    given = content_type.partition(";")[0].strip().lower()
    if given != CONTENT_TYPE:
        raise serialization(
            f"This emulator reads {CONTENT_TYPE}, not '{given}'; the Java SDK sends it with CBOR disabled."
        )


def read(body: bytes) -> Request:
    """Return the request's object; AWS refuses anything else without a word."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise serialization() from None
    if not isinstance(value, dict):
        raise serialization()
    return cast("Request", value)


def write(output: Mapping[str, object] | bytes | None) -> bytes:
    """Return the body of an answer: what is bytes is written already, and None is no body."""
    if output is None:
        return b""
    return output if isinstance(output, bytes) else orjson.dumps(output, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Time):
        return value.ms / 1000
    if isinstance(value, bytes):
        return pybase64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} cannot stand in an answer")


def error(refused: Refused) -> Answer:
    """Return a refusal as AWS writes it; AWS leaves an empty message out."""
    body = {"__type": refused.code}
    if refused.message:
        body["message"] = refused.message
    return Answer(refused.status, orjson.dumps(body))


def not_played(service: str, target: str) -> Answer:
    """Return the answer to a request for another service."""
    called = service or target.partition(".")[0] or "no service that a signature or a target names"
    message = f"This emulator plays Kinesis only; the request is for {called}."
    return error(Refused("UnknownOperationException", message, 501))
