"""What the headers of a Firehose request say, and what it is answered.

Firehose tries again whatever is not answered with 200, then writes it to the delivery stream's S3 backup; so
to refuse a request as a whole loses nothing. Only 413 does: it makes Firehose drop the data, and is never
answered. Source: Firehose guide, "Understand HTTP endpoint delivery request and response specifications".
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

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")  # AWS: a GUID; it becomes a key, so no more than this
_ARN = re.compile(r"arn:aws[a-z-]*:firehose:([a-z0-9-]{1,32}):(\d{12}):deliverystream/([\w.-]{1,64})", re.A)
_ACCOUNT = re.compile(r"\d{12}", re.A)
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request is not taken: the status, a phrase to count it by, and a sentence for its sender."""

    status: int
    why: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request's lines are from, and what is in them."""

    stream: str
    line_format: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's headers say. `ignored` names those that were not understood and not needed."""

    request_id: str
    origin: Origin
    is_gzip: bool
    ignored: tuple[str, ...]


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return a request's id; nothing if it has none, or one that Firehose would not make."""
    request_id = headers.get(REQUEST_ID_HEADER, "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else ""


def read_head(headers: Mapping[str, str], defaults: Origin) -> Head | Refused:
    """Understand a request's headers; `defaults` are the settings. Attributes come before settings."""
    request_id = request_id_of(headers)
    if not request_id:
        return malformed(f"{REQUEST_ID_HEADER} is missing, or no request id of Firehose")
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
    """Return the attributes that are ours and right; what else is set on a stream is its owner's."""
    if text is None:
        return {}
    try:
        given = orjson.loads(text.encode("utf-8", "replace"))["commonAttributes"]
        found = {name: given[name] for name in ("format", "account", "region") if name in given}
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        ignored.append("common attributes")
        return {}
    wrong = [name for name, value in found.items() if not _is_right(name, value)]
    ignored += wrong
    return {name: value for name, value in found.items() if name not in wrong}


def _is_right(name: str, value: object) -> bool:
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
    """Say that a request cannot be taken now."""
    return Refused(503, why, f"{sentence}. Try again.")


def malformed(sentence: str) -> Refused:
    """Say that a request is none that Firehose makes."""
    return Refused(400, "malformed", sentence)


def answer(request_id: str, now_ms: int, sentence: str = "") -> bytes:
    """Return an answer's body, as AWS wants it: with a sentence when it refuses."""
    value: dict[str, Any] = {"requestId": request_id, "timestamp": now_ms}
    if sentence:
        value["errorMessage"] = sentence[:MESSAGE_MAX_CHARACTERS]
    return orjson.dumps(value)
