"""Wrap and unwrap what carries flow-log lines: plain text, or a CloudWatch Logs subscription envelope.

A record is understood whole or refused whole, with a reason; nothing of a refused record is counted as a
line. Sizes are capped after inflating, so a bomb costs its cap and no more. Source: CloudWatch Logs guide,
"Log group-level subscription filters"; flow-logs.md 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from isal import igzip, isal_zlib

INFLATED_MAX_BYTES = 32 << 20  # CloudWatch sends at most 1 MiB compressed; flow logs inflate 4 to 10 times
MEMBERS_MAX = 1000  # each member costs a copy of what follows it, so a flood of tiny ones would be quadratic
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_KPL_MAGIC = b"\xf3\x89\x9a\xc2"  # aws/kinesis-aggregation; its records are not unpacked yet


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """One record's content: newline-joined `lines` (may be empty), or the reason it was `refused`.

    `control` counts CloudWatch's health-check messages, which are understood and dropped.
    """

    lines: bytes = b""
    control: int = 0
    refused: str | None = None


class _Refused(Exception):
    """Why a record cannot be understood; never leaves this module."""


def unwrap(data: bytes, *, max_bytes: int = INFLATED_MAX_BYTES) -> Unwrapped:
    """Return what a Kinesis record carries. `data` is the record's bytes; never raises for bad input."""
    if not data:
        return Unwrapped(refused="empty record")
    try:
        if not data.startswith(_GZIP_MAGIC):
            return _payload(data)
        return _joined(_payload(member) for member in _members(data, max_bytes))
    except _Refused as why:
        return Unwrapped(refused=str(why))


def _joined(parts: Iterable[Unwrapped]) -> Unwrapped:
    texts, control = [], 0
    for part in parts:
        control += part.control
        if part.lines:
            texts.append(part.lines)
    return Unwrapped(b"\n".join(texts), control)


def _members(data: bytes, max_bytes: int) -> list[bytes]:
    """Inflate every member of a gzip stream; `gzip` allows them to be concatenated (RFC 1952, 2.2)."""
    members: list[bytes] = []
    left = max_bytes
    while data:
        if len(members) == MEMBERS_MAX:
            raise _Refused("too many gzip members")
        inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
        try:
            text = inflater.decompress(data, left + 1)
        except isal_zlib.error as error:  # type: ignore[misc]  # no child of zlib.error, whatever its name says
            raise _Refused("broken gzip") from error
        if len(text) > left:
            raise _Refused("inflates beyond the cap")
        if not inflater.eof:
            raise _Refused("truncated gzip")
        if text.startswith(_GZIP_MAGIC):
            raise _Refused("gzip within gzip")
        left -= len(text)
        members.append(text)
        data = inflater.unused_data
    return members


def _payload(text: bytes) -> Unwrapped:
    if text.startswith(_KPL_MAGIC):
        raise _Refused("KPL aggregate")
    if text[:1] != b"{":
        return Unwrapped(text.removesuffix(b"\n"))
    try:
        return _envelope(orjson.loads(text))
    except orjson.JSONDecodeError:
        return _joined(_envelope(_json(line)) for line in text.splitlines() if line.strip())


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _Refused("broken JSON") from error


def _envelope(value: Any) -> Unwrapped:
    """Read one JSON object: a subscription message, or Firehose's `{"message": line}`."""
    if not isinstance(value, dict):
        raise _Refused("JSON, but no envelope")
    kind = value.get("messageType")
    if kind == "CONTROL_MESSAGE":
        return Unwrapped(control=1)
    try:
        if kind == "DATA_MESSAGE":
            return Unwrapped("\n".join([event["message"] for event in value["logEvents"]]).encode())
        if kind is None and isinstance(value.get("message"), str):
            return Unwrapped(value["message"].encode())
    except (KeyError, TypeError, UnicodeEncodeError) as error:
        raise _Refused("an envelope without messages") from error
    raise _Refused("JSON, but no envelope")


def wrap_subscription(
    log_stream: str,
    events: Sequence[tuple[str, int, str]],
    *,
    owner: str = "123456789012",
    log_group: str = "vpc-flow-logs",
    filters: Sequence[str] = ("vpcflow",),
) -> bytes:
    """Return the gzip bytes that a subscription filter delivers. `events` are (id, epoch ms, message)."""
    return _wrap(
        {
            "messageType": "DATA_MESSAGE",
            "owner": owner,
            "logGroup": log_group,
            "logStream": log_stream,
            "subscriptionFilters": list(filters),
            "logEvents": [{"id": i, "timestamp": at, "message": text} for i, at, text in events],
        }
    )


def control_message(destination: str = "Kinesis stream") -> bytes:
    """Return the health check that CloudWatch Logs sends when a filter is made, and now and then after."""
    text = f"CWL CONTROL MESSAGE: Checking health of destination {destination}."
    return _wrap(
        {
            "messageType": "CONTROL_MESSAGE",
            "owner": "CloudwatchLogs",
            "logGroup": "",
            "logStream": "",
            "subscriptionFilters": [],
            "logEvents": [{"id": "", "timestamp": 0, "message": text}],
        }
    )


def _wrap(envelope: dict[str, Any]) -> bytes:
    compressed: bytes = igzip.compress(orjson.dumps(envelope), compresslevel=1, mtime=0)
    return compressed
