"""The parser of the body of a Firehose request: to lines, or to the refusal of the request.

In a valid request, a record that cannot be parsed goes to `dead`. `headers` parses the headers, and has the
answer to a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import orjson
import pybase64
from isal import isal_zlib

from connectors.commit.content import Refusal
from connectors.firehose.headers import REQUEST_ID_HEADER, Head, Origin, Refused, malformed
from connectors.formats.by_log_group import Formats, GroupFormat, Unusable
from connectors.formats.envelope import INFLATED_MAX_BYTES, unwrap
from connectors.formats.texts import Unwrapped
from connectors.kafka import blocks
from connectors.kafka.dead import VALUE_MAX_BYTES

BODY_MAX_BYTES = 64 << 20  # AWS: 64 MiB before compression, its largest buffer; ours, before and after
RECORDS_MAX = 10_000  # AWS: 1 to 10,000 records
VALUES_MAX = 20 * RECORDS_MAX  # JSON values in a body: a `{},` of 3 bytes uses 100 in memory
TEXT_MAX_BYTES = 128 << 20
"""Lines of one request, which are one transaction: 12 MiB of CloudWatch's gzip, or a whole plain buffer."""

NONE: Mapping[str, GroupFormat] = MappingProxyType({})

_GZIP_WBITS = 31
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_IN_BASE64 = b"H4sI"
_DEFLATE_RATIO_MAX = 1032  # zlib, "Maximum Compression Factor"


@dataclass(frozen=True, slots=True)
class RequestChunk:
    """Lines of some records of a request, at most a block; `first` and `last` are their positions.

    Its origin is that of the request, with the format and the account of the envelope's log group.
    """

    text: bytes
    first: str
    last: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Posted:
    """A parsed request; or the `dead` messages of a refused one, with an empty `request_id`."""

    request_id: str
    origin: Origin
    arrival_ms: int
    chunks: tuple[RequestChunk, ...]
    refusals: tuple[Refusal, ...]
    records: int
    control: int
    size: int
    log_groups: frozenset[str] = frozenset()


def read_body(
    raw: bytes, head: Head, now_ms: int, by_group: Mapping[str, GroupFormat] = NONE
) -> Posted | Refused:
    """Parse a request. `now_ms` is the arrival if the request has no valid `timestamp`.

    `by_group` has the formats of log groups (`Formats.by_group`).
    """
    text = inflate(raw) if head.is_gzip else raw
    if isinstance(text, Refused):
        return text
    body = _load(text)
    if isinstance(body, Refused):
        return body
    if body.get("requestId") != head.request_id:
        return malformed(f"the body's requestId is not that of {REQUEST_ID_HEADER}")
    records = body.get("records")
    if not isinstance(records, list) or len(records) > RECORDS_MAX:
        return malformed(f"`records` is no list of at most {RECORDS_MAX} records")
    try:
        data = [pybase64.b64decode(record["data"], validate=True) for record in records]
    except (TypeError, KeyError, ValueError):
        return malformed("a record is not an object whose `data` is base64")
    at_ms = body.get("timestamp")
    if type(at_ms) is not int or not 0 < at_ms < 1 << 53:
        at_ms = now_ms
    return _parse(data, head, at_ms, Formats(head.origin.line_format, by_group))


def inflate(raw: bytes, max_bytes: int = BODY_MAX_BYTES) -> bytes | Refused:
    """Return the content of a gzip body, at most `max_bytes`."""
    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
    try:
        text: bytes = inflater.decompress(raw, max_bytes + 1)
    except isal_zlib.error:  # type: ignore[misc]  # no child of zlib.error, whatever its name says
        return malformed("the body is not the gzip that Content-Encoding says it is")
    if len(text) > max_bytes:
        return too_large(max_bytes)
    if not inflater.eof or inflater.unused_data:
        return malformed("the body is not one whole gzip stream")
    return text


def too_large(max_bytes: int) -> Refused:
    """Return the refusal of a large body, with 400: after a 413 Firehose would drop the data."""
    sentence = f"the body is larger than {max_bytes} bytes: give the delivery stream a smaller buffer"
    return Refused(400, "too large", sentence)


def _load(text: bytes) -> dict[str, Any] | Refused:
    if text.count(b",") + text.count(b"{") + text.count(b"[") > VALUES_MAX:
        return malformed(f"the body holds more values than {RECORDS_MAX} records do")
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return malformed("the body is not JSON")
    return body if isinstance(body, dict) else malformed("the body is not a JSON object")


@dataclass(slots=True)
class _Found:
    """The content of a request's records, with their numbers: lines by format and account, and refusals."""

    texts: dict[tuple[str, str], list[tuple[bytes, int]]] = field(default_factory=dict)
    refused: list[tuple[str, bytes, int, int]] = field(default_factory=list)
    log_groups: set[str] = field(default_factory=set)
    control: int = 0


def _parse(records: list[bytes], head: Head, arrival_ms: int, formats: Formats) -> Posted | Refused:
    found, left = _Found(), TEXT_MAX_BYTES
    for index, data in enumerate(records):
        content = unwrap(data, max_bytes=min(left, INFLATED_MAX_BYTES))
        left -= _cost(data, content)
        if left < 0:
            return too_large(TEXT_MAX_BYTES)
        found.control += content.control
        found.log_groups |= content.log_groups
        if content.refused is None:
            _take(content, index, head.origin.account, formats, found)
        else:
            found.refused.append((content.refused, data, index, 1))
    chunks = tuple(chunk for about, texts in found.texts.items() for chunk in _chunks(texts, about, head))
    return Posted(
        head.request_id,
        head.origin,
        arrival_ms,
        chunks,
        tuple(_refusals(found.refused, head)),
        len(records),
        found.control,
        sum(len(chunk.text) for chunk in chunks),
        frozenset(found.log_groups),
    )


def _take(content: Unwrapped, index: int, account: str, formats: Formats, found: _Found) -> None:
    """Add the content of record `index`."""
    found.refused += [(why, part, index, 1) for _, why, part in content.refused_parts]
    for text in content.texts:
        line_format = formats.of(text)
        if isinstance(line_format, Unusable):
            found.refused.append((line_format.why, text.lines, index, text.lines.count(b"\n") + 1))
            continue
        about = line_format, account or text.account
        for part, fits in blocks.split(text.lines):
            if fits:
                found.texts.setdefault(about, []).append((part, index))
            else:
                found.refused.append(("line too long", part, index, 1))


def _chunks(texts: list[tuple[bytes, int]], about: tuple[str, str], head: Head) -> Iterable[RequestChunk]:
    origin = replace(head.origin, line_format=about[0], account=about[1])
    for group in blocks.join([text for text, _ in texts]):
        text = b"\n".join([texts[i][0] for i in group])
        first, last = texts[group[0]][1], texts[group[-1]][1]
        yield RequestChunk(text, f"{head.request_id}/{first}", f"{head.request_id}/{last}", origin)


def _cost(data: bytes, content: Unwrapped) -> int:
    """Return the bytes that a record counts towards the limit, with an estimate of refused gzip."""
    cost = content.size
    refused = [part for _, _, part in content.refused_parts] if content.refused is None else [data]
    for one in refused:
        if one.startswith((_GZIP_MAGIC, _GZIP_IN_BASE64)):
            cost += min(INFLATED_MAX_BYTES, len(one) * _DEFLATE_RATIO_MAX)
    return cost


def _refusals(refused: Iterable[tuple[str, bytes, int, int]], head: Head) -> Iterable[Refusal]:
    """Join refused data with the same reason, up to the size of a `dead` message."""
    by_reason: dict[str, list[tuple[bytes, int, int]]] = {}
    for why, data, index, count in refused:
        by_reason.setdefault(why, []).append((data, index, count))
    for why, kept in by_reason.items():
        for group in blocks.join([data for data, _, _ in kept], VALUE_MAX_BYTES):
            data = b"\n".join([kept[i][0] for i in group])
            count = sum(kept[i][2] for i in group)
            yield Refusal(why, data, _name(head, f"/{kept[group[0]][1]}"), count)


def _name(head: Head, place: str = "") -> str:
    """Return the origin of a refusal."""
    return f"firehose:{head.origin.stream}@{head.request_id}{place}"


def remains(raw: bytes, head: Head, refused: Refused, now_ms: int) -> Posted:
    """Return the `dead` message of a refused request, with its first bytes."""
    refusal = Refusal(refused.why, raw, _name(head))
    return Posted("", head.origin, now_ms, (), (refusal,), 0, 0, min(len(raw), VALUE_MAX_BYTES))
