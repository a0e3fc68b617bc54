"""One request of Firehose, from its headers and its body to lines, or the sentence that refuses it.

Firehose tries again whatever is not answered with 200, then writes it to the delivery stream's S3 backup; so
to refuse a request as a whole loses nothing. Only 413 does: it makes Firehose drop the data, and is never
answered. A record that cannot be understood, in a request that can, goes to `dead`.

Source: Firehose guide, "Understand HTTP endpoint delivery request and response specifications".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import orjson
import pybase64
from isal import isal_zlib

from connectors import blocks
from connectors.dead import VALUE_MAX_BYTES
from connectors.envelope import INFLATED_MAX_BYTES, unwrap
from connectors.flowlog import BadFormat, parse_format
from connectors.formats import UNCLEAR_REASON, Formats

BODY_MAX_BYTES = 64 << 20  # AWS: 64 MiB before compression, its largest buffer; ours, before and after
RECORDS_MAX = 10_000  # AWS: 1 to 10,000 records
VALUES_MAX = 20 * RECORDS_MAX  # JSON values in a body: a `{},` of three bytes would be a hundred in memory
TEXT_MAX_BYTES = 128 << 20
"""Lines of one request, which are one transaction: 12 MiB of CloudWatch's gzip, or a whole plain buffer."""

MESSAGE_MAX_CHARACTERS = 8192  # AWS, of `errorMessage`
REQUEST_ID_HEADER = "X-Amz-Firehose-Request-Id"
KEY_HEADER = "X-Amz-Firehose-Access-Key"

NONE: Mapping[str, str | None] = MappingProxyType({})

_GZIP_WBITS = 31
_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_RATIO_MAX = 1032  # zlib, "Maximum Compression Factor"
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


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of some records of a request, no longer than a block; `first` and `last` are their places.

    Its origin is the request's, but for the format and account that an envelope's log group has.
    """

    text: bytes
    first: str
    last: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a request held that goes to `dead`, for one reason: `count` records or lines."""

    why: str
    data: bytes
    count: int
    origin: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A request that was understood, or the remains of one that was not, whose `request_id` is empty."""

    request_id: str
    origin: Origin
    arrival_ms: int
    chunks: tuple[Chunk, ...]
    refusals: tuple[Refusal, ...]
    records: int
    control: int
    size: int
    log_groups: frozenset[str] = frozenset()


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return a request's id; nothing if it has none, or one that Firehose would not make."""
    request_id = headers.get(REQUEST_ID_HEADER, "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else ""


def read_head(headers: Mapping[str, str], defaults: Origin) -> Head | Refused:
    """Understand a request's headers; `defaults` are the settings. Attributes come before settings."""
    request_id = request_id_of(headers)
    if not request_id:
        return _malformed(f"{REQUEST_ID_HEADER} is missing, or no request id of Firehose")
    version = headers.get("X-Amz-Firehose-Protocol-Version", "")
    if version != "1.0":
        return _malformed(f"X-Amz-Firehose-Protocol-Version is {version[:16]!r}, and only '1.0' is known")
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        return _malformed(f"Content-Encoding {encoding[:32]!r} is neither gzip nor none")
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


def read_body(
    raw: bytes, head: Head, now_ms: int, by_group: Mapping[str, str | None] = NONE
) -> Posted | Refused:
    """Understand a whole request; `now_ms` stands in for a time of arrival that it does not name.

    `by_group` are the formats of log groups (`Formats.by_group`).
    """
    text = inflate(raw) if head.is_gzip else raw
    if isinstance(text, Refused):
        return text
    body = _load(text)
    if isinstance(body, Refused):
        return body
    if body.get("requestId") != head.request_id:
        return _malformed(f"the body's requestId is not that of {REQUEST_ID_HEADER}")
    records = body.get("records")
    if not isinstance(records, list) or len(records) > RECORDS_MAX:
        return _malformed(f"`records` is no list of at most {RECORDS_MAX} records")
    try:
        data = [pybase64.b64decode(record["data"], validate=True) for record in records]
    except (TypeError, KeyError, ValueError):
        return _malformed("a record is not an object whose `data` is base64")
    at_ms = body.get("timestamp")
    if type(at_ms) is not int or not 0 < at_ms < 1 << 53:
        at_ms = now_ms
    return _understand(data, head, at_ms, Formats(head.origin.line_format, by_group))


def inflate(raw: bytes, max_bytes: int = BODY_MAX_BYTES) -> bytes | Refused:
    """Return what a gzip body holds; a bomb costs its cap, and no more."""
    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
    try:
        text: bytes = inflater.decompress(raw, max_bytes + 1)
    except isal_zlib.error:  # type: ignore[misc]  # no child of zlib.error, whatever its name says
        return _malformed("the body is not the gzip that Content-Encoding says it is")
    if len(text) > max_bytes:
        return too_large(max_bytes)
    if not inflater.eof or inflater.unused_data:
        return _malformed("the body is not one whole gzip stream")
    return text


def too_large(max_bytes: int) -> Refused:
    """Say that a body is too large, with 400: at 413 Firehose would drop the data."""
    sentence = f"the body is larger than {max_bytes} bytes: give the delivery stream a smaller buffer"
    return Refused(400, "too large", sentence)


def come_again(why: str, sentence: str) -> Refused:
    """Say that a request cannot be taken now."""
    return Refused(503, why, f"{sentence}. Try again.")


def _malformed(sentence: str) -> Refused:
    return Refused(400, "malformed", sentence)


def _load(text: bytes) -> dict[str, Any] | Refused:
    if text.count(b",") + text.count(b"{") + text.count(b"[") > VALUES_MAX:
        return _malformed(f"the body holds more values than {RECORDS_MAX} records do")
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _malformed("the body is not JSON")
    return body if isinstance(body, dict) else _malformed("the body is not a JSON object")


def _understand(records: list[bytes], head: Head, arrival_ms: int, formats: Formats) -> Posted | Refused:
    texts: dict[Origin, list[tuple[bytes, int]]] = {}
    refused: list[tuple[str, bytes, int]] = []
    log_groups: set[tuple[str, str]] = set()
    control, left = 0, TEXT_MAX_BYTES
    for index, data in enumerate(records):
        content = unwrap(data, max_bytes=min(left, INFLATED_MAX_BYTES))
        control += content.control
        left -= _cost(data, content.lines, content.refused is not None)
        left -= sum(_cost(part, b"", is_refused=True) for _, _, part in content.refused_parts)
        if left < 0:
            return too_large(TEXT_MAX_BYTES)
        log_groups.update(content.log_groups)
        line_format = formats.of((group for _, group in content.log_groups), content.lines)
        if content.refused is not None or line_format is None:
            refused.append((content.refused or UNCLEAR_REASON, data, index))
            continue
        account = head.origin.account or (content.log_groups[0][0] if content.log_groups else "")
        origin = replace(head.origin, line_format=line_format, account=account)
        refused += [(why, part, index) for _, why, part in content.refused_parts]
        for text, fits in blocks.split(content.lines):
            if fits:
                texts.setdefault(origin, []).append((text, index))
            else:
                refused.append(("line too long", text, index))
    chunks = tuple(chunk for one, found in texts.items() for chunk in _chunks(found, one, head.request_id))
    return Posted(
        head.request_id,
        head.origin,
        arrival_ms,
        chunks,
        tuple(_refusals(refused, head)),
        len(records),
        control,
        sum(len(chunk.text) for chunk in chunks),
        frozenset(group for _, group in log_groups),
    )


def _chunks(texts: list[tuple[bytes, int]], origin: Origin, request_id: str) -> Iterable[Chunk]:
    for group in blocks.join([text for text, _ in texts]):
        text = b"\n".join([texts[i][0] for i in group])
        first, last = texts[group[0]][1], texts[group[-1]][1]
        yield Chunk(text, f"{request_id}/{first}", f"{request_id}/{last}", origin)


def _cost(data: bytes, lines: bytes, is_refused: bool) -> int:
    """Return what a record counts of a request's text; what was inflated in vain counts, as far as it can."""
    if is_refused and data.startswith(_GZIP_MAGIC):
        return min(INFLATED_MAX_BYTES, len(data) * _DEFLATE_RATIO_MAX)
    return len(lines)


def _refusals(refused: Iterable[tuple[str, bytes, int]], head: Head) -> Iterable[Refusal]:
    """Put together what was refused for the same reason, as much as one message of `dead` keeps."""
    by_reason: dict[str, list[tuple[bytes, int]]] = {}
    for why, data, index in refused:
        by_reason.setdefault(why, []).append((data, index))
    for why, kept in by_reason.items():
        for group in blocks.join([data for data, _ in kept], VALUE_MAX_BYTES):
            data = b"\n".join([kept[i][0] for i in group])
            yield Refusal(why, data, len(group), _name(head, f"/{kept[group[0]][1]}"))


def _name(head: Head, place: str = "") -> str:
    """Return where something refused is from."""
    return f"firehose:{head.origin.stream}@{head.request_id}{place}"


def remains(raw: bytes, head: Head, refused: Refused, now_ms: int) -> Posted:
    """Return what `dead` keeps of a request that was refused as a whole: its first bytes."""
    refusal = Refusal(refused.why, raw, 1, _name(head))
    return Posted("", head.origin, now_ms, (), (refusal,), 0, 0, min(len(raw), VALUE_MAX_BYTES))


def answer(request_id: str, now_ms: int, sentence: str = "") -> bytes:
    """Return an answer's body, as AWS wants it: with a sentence when it refuses."""
    value: dict[str, Any] = {"requestId": request_id, "timestamp": now_ms}
    if sentence:
        value["errorMessage"] = sentence[:MESSAGE_MAX_CHARACTERS]
    return orjson.dumps(value)
