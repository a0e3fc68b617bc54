"""Kinesis on the wire: the target header, the credential scope, JSON and CBOR bodies, the shape of an error.

AWS JSON 1.1: a POST with `X-Amz-Target: Kinesis_20131202.<Operation>`, a JSON object as its body, and
either the answer's JSON (nothing at all when the call has no answer) or `{"__type", "message"}`. CBOR 1.1 is
the same with another encoding (`cbor.py`). An answer has the format of its request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, cast

import orjson
import pybase64

from emulator.kinesis.errors import Refused, serialization
from emulator.kinesis.protocol import cbor
from emulator.scope import Scope

CONTENT_TYPE = "application/x-amz-json-1.1"
CBOR_CONTENT_TYPE = "application/x-amz-cbor-1.1"
EVENT_STREAM_CONTENT_TYPE = "application/vnd.amazon.eventstream"
TARGET_PREFIX = "Kinesis_20131202"
ACCOUNT = "000000000000"  # what LocalStack answers for, unless told otherwise
DEFAULT_REGION = "us-east-1"

# AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kinesis/aws4_request, SignedHeaders=..., Signature=...
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_ACCOUNT = re.compile(r"\d{12}")

Request = dict[str, object]


class Format(Enum):
    """How a body is written; the value is its content type."""

    JSON = CONTENT_TYPE
    CBOR = CBOR_CONTENT_TYPE


class Time:
    """A timestamp in an answer; each protocol writes it in its own way. Milliseconds since the epoch."""

    __slots__ = ("ms",)

    def __init__(self, ms: int) -> None:
        self.ms = ms


class LiveBody(Protocol):
    """A body whose messages come over time."""

    def opening(self) -> bytes:
        """Return the first message."""

    def close(self) -> None:
        """Note that the client has gone, or that the last message is sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status and a body, in a format; a subscription is a body that comes over time.

    A fault may hold the answer back for `delay_ms`, or close the connection instead (`reset`).
    """

    status: int
    body: bytes | LiveBody
    format: Format = Format.JSON
    delay_ms: int = 0
    reset: bool = False


def operation_of(target: str) -> str | None:
    """Return the operation a target header names, or None when it is not Kinesis that is called."""
    service, dot, operation = target.partition(".")
    return operation if dot and service == TARGET_PREFIX else None


def credential_scope(authorization: str) -> tuple[Scope, str]:
    """Return the scope and the service that a signature is for; an unsigned request is in us-east-1.

    An access key of twelve digits names the account, as in LocalStack; any other key is of the one account.
    """
    found = _CREDENTIAL.search(authorization)
    if found is None:
        return Scope(ACCOUNT, DEFAULT_REGION), ""
    key, region, service = found.groups()
    return Scope(key if _ACCOUNT.fullmatch(key) else ACCOUNT, region), service


def format_of(content_type: str) -> Format | None:
    """Return the format that a content type means, None when it means neither; parameters do not matter."""
    match content_type.partition(";")[0].strip().lower():
        case "application/x-amz-json-1.1":
            return Format.JSON
        case "application/x-amz-cbor-1.1":
            return Format.CBOR
        case _:
            return None


def check_content_type(content_type: str) -> Format:
    """Return the format of a body; refuse one that the service does not read."""
    given = format_of(content_type)
    if given is None:
        raise serialization(
            f"Kinesis reads {CONTENT_TYPE} and {CBOR_CONTENT_TYPE}, not "
            f"'{content_type.partition(';')[0].strip().lower()}'."
        )
    return given


def read(body: bytes, format: Format = Format.JSON) -> Request:
    """Return the request's object; AWS refuses anything else without a word."""
    try:
        value = orjson.loads(body) if format is Format.JSON else cbor.loads(body)
    except ValueError:  # both decoders' errors are
        raise serialization() from None
    if type(value) is not dict:
        raise serialization()
    return cast("Request", value)


def write(output: Mapping[str, object] | bytes | None, format: Format = Format.JSON) -> bytes:
    """Return the body of an answer: what is bytes is written already, and None is no body."""
    if output is None:
        return b""
    if isinstance(output, bytes):
        return output
    return orjson.dumps(output, default=_plain) if format is Format.JSON else cbor.dumps(output, Time)


def _plain(value: object) -> object:
    if isinstance(value, Time):
        return value.ms / 1000
    if isinstance(value, bytes):
        return pybase64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} cannot stand in an answer")


def error(refused: Refused, format: Format = Format.JSON) -> Answer:
    """Return a refusal as AWS writes it: no empty message, and a capital for one about types.

    Both were seen by kinesalite's suite, which ran against AWS; SDKs read either.
    """
    body = {"__type": refused.code}
    if refused.message:
        body["Message" if refused.code == "SerializationException" else "message"] = refused.message
    return Answer(refused.status, write(body, format), format)


def not_played(service: str, target: str) -> Answer:
    """Return the answer to a request for another service."""
    called = service or target.partition(".")[0] or "no service that a signature or a target names"
    message = f"This emulator plays Kinesis only; the request is for {called}."
    return error(Refused("UnknownOperationException", message, 501))
