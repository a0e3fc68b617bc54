"""The wire format of Kinesis: target header, credential scope, JSON and CBOR bodies, errors.

AWS JSON 1.1 is a POST with `X-Amz-Target: Kinesis_20131202.<Operation>` and a JSON object as its body. The
answer is a JSON object, an empty body if the call has no output, or `{"__type", "message"}` for an error.
CBOR 1.1 differs only in the encoding (`cbor.py`). An answer has the format of its request.
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
ACCOUNT = "000000000000"  # LocalStack's default account
DEFAULT_REGION = "us-east-1"

# AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kinesis/aws4_request, SignedHeaders=..., Signature=...
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_ACCOUNT = re.compile(r"\d{12}")

Request = dict[str, object]


class Format(Enum):
    """The encoding of a body. The value is its content type."""

    JSON = CONTENT_TYPE
    CBOR = CBOR_CONTENT_TYPE


class Time:
    """A timestamp in an answer, in milliseconds since the epoch. JSON and CBOR encode it differently."""

    __slots__ = ("ms",)

    def __init__(self, ms: int) -> None:
        self.ms = ms


class LiveBody(Protocol):
    """A streamed body."""

    def opening(self) -> bytes:
        """Return the first message."""

    def close(self) -> None:
        """Release the body after the last message, or after the client has disconnected."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, body and format. The body of a subscription is streamed.

    A fault may delay the response by `delay_ms`, or reset the connection instead (`reset`).
    """

    status: int
    body: bytes | LiveBody
    format: Format = Format.JSON
    delay_ms: int = 0
    reset: bool = False


def operation_of(target: str) -> str | None:
    """Return the operation in a target header, or None if it is for another service."""
    service, dot, operation = target.partition(".")
    return operation if dot and service == TARGET_PREFIX else None


def credential_scope(authorization: str) -> tuple[Scope, str]:
    """Return the scope and the service of a signature. The default Region is us-east-1.

    An access key of twelve digits is the account number, as in LocalStack. Other keys belong to `ACCOUNT`.
    """
    found = _CREDENTIAL.search(authorization)
    if found is None:
        return Scope(ACCOUNT, DEFAULT_REGION), ""
    key, region, service = found.groups()
    return Scope(key if _ACCOUNT.fullmatch(key) else ACCOUNT, region), service


def format_of(content_type: str) -> Format | None:
    """Return the format of a content type, or None for other types. Parameters are ignored."""
    match content_type.partition(";")[0].strip().lower():
        case "application/x-amz-json-1.1":
            return Format.JSON
        case "application/x-amz-cbor-1.1":
            return Format.CBOR
        case _:
            return None


def check_content_type(content_type: str) -> Format:
    """Return the format of a body. Raises `Refused` for other content types."""
    given = format_of(content_type)
    if given is None:
        raise serialization(
            f"Kinesis reads {CONTENT_TYPE} and {CBOR_CONTENT_TYPE}, not "
            f"'{content_type.partition(';')[0].strip().lower()}'."
        )
    return given


def read(body: bytes, format: Format = Format.JSON) -> Request:
    """Decode a request. Raises `Refused`, as AWS without a message, if it is not an object."""
    try:
        value = orjson.loads(body) if format is Format.JSON else cbor.loads(body)
    except ValueError:  # The base class of both decoders' errors.
        raise serialization() from None
    if type(value) is not dict:
        raise serialization()
    return cast("Request", value)


def write(output: Mapping[str, object] | bytes | None, format: Format = Format.JSON) -> bytes:
    """Encode the body of an answer. Bytes are already encoded, and None is an empty body."""
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
    """Return an error response. The message field is omitted if it is empty.

    For a `SerializationException` its name is `Message`. Both were recorded by kinesalite's suite; SDKs read
    either name.
    """
    body = {"__type": refused.code}
    if refused.message:
        body["Message" if refused.code == "SerializationException" else "message"] = refused.message
    return Answer(refused.status, write(body, format), format)
