"""The headers of a Firehose request, and the answers.

Firehose retries a request until the answer is 200, and then writes it to the S3 backup of the delivery
stream, so a refusal loses nothing. Only after a 413 Firehose drops the data; it is never answered. Source:
Firehose guide, "Understand HTTP endpoint delivery request and response specifications".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.formats.flowlog import BadFormat, parse_format

MESSAGE_MAX_CHARACTERS = 8192  # AWS, of `errorMessage`
REQUEST_ID_HEADER = "X-Amz-Firehose-Request-Id"
KEY_HEADER = "X-Amz-Firehose-Access-Key"

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")  # AWS: a GUID; the limit keeps it usable as a key
_ARN = re.compile(r"arn:aws[a-z-]*:firehose:([a-z0-9-]{1,32}):(\d{12}):deliverystream/([\w.-]{1,64})", re.A)
_ACCOUNT = re.compile(r"\d{12}", re.A)
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")


@dataclass(frozen=True, slots=True)
class Refused:
    """The refusal of a request: the status, the label of the metric, and a sentence for the sender."""

    status: int
    why: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of the lines of a request. `stream` is the delivery stream."""

    stream: str
    line_format: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Head:
    """The parsed headers of a request. `ignored` names invalid headers that are not needed."""

    request_id: str
    origin: Origin
    is_gzip: bool
    ignored: tuple[str, ...]


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return the id of a request; empty if it is missing or invalid."""
    request_id = headers.get(REQUEST_ID_HEADER, "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else ""


def read_head(headers: Mapping[str, str], defaults: Origin) -> Head | Refused:
    """Parse the headers of a request. Common attributes override `defaults`, the settings."""
    request_id = request_id_of(headers)
    if not request_id:
        return malformed(f"{REQUEST_ID_HEADER} is missing or invalid: Firehose sends a GUID")
    version = headers.get("X-Amz-Firehose-Protocol-Version", "")
    if version != "1.0":
        return malformed(f"X-Amz-Firehose-Protocol-Version is {version[:16]!r}, and only '1.0' is known")
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        return malformed(f"Content-Encoding {encoding[:32]!r} is neither gzip nor none")
    ignored: list[str] = []
    arn = _ARN.fullmatch(headers.get("X-Amz-Firehose-Source-Arn", ""))
    if not arn:
        ignored.append("source arn")
    region, account, stream = arn.groups() if arn else ("", "", "unknown")
    found = _attributes(headers.get("X-Amz-Firehose-Common-Attributes"), ignored)
    origin = Origin(
        stream,
        found.get("format") or defaults.line_format,
        found.get("account") or defaults.account or account,
        found.get("region") or region or defaults.region,
    )
    return Head(request_id, origin, encoding == "gzip", tuple(ignored))


def _attributes(text: str | None, ignored: list[str]) -> dict[str, str]:
    """Return the valid attributes of vpcflow; other attributes belong to the owner of the stream."""
    if text is None:
        return {}
    try:
        given = orjson.loads(text.encode("utf-8", "replace"))["commonAttributes"]
        found = {name: given[name] for name in ("format", "account", "region") if name in given}
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        ignored.append("common attributes")
        return {}
    wrong = [name for name, value in found.items() if not _is_valid(name, value)]
    ignored += wrong
    return {name: value for name, value in found.items() if name not in wrong}


def _is_valid(name: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    if name != "format":
        return bool((_ACCOUNT if name == "account" else _REGION).fullmatch(value))
    try:
        parse_format(value)
    except BadFormat:
        return False
    return True


def retry_later(why: str, sentence: str) -> Refused:
    """Return the refusal of a request that Firehose must retry later."""
    return Refused(503, why, f"{sentence}. Retry later.")


def malformed(sentence: str) -> Refused:
    """Return the refusal of a request that Firehose does not send."""
    return Refused(400, "malformed", sentence)


def answer(request_id: str, now_ms: int, sentence: str = "") -> bytes:
    """Return the body of an answer; a refusal has a `sentence`."""
    value: dict[str, Any] = {"requestId": request_id, "timestamp": now_ms}
    if sentence:
        value["errorMessage"] = sentence[:MESSAGE_MAX_CHARACTERS]
    return orjson.dumps(value)
