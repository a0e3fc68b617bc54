"""Wrap and unwrap what carries flow-log lines: plain text, a CloudWatch Logs subscription envelope, or KPL.

A record is understood whole or refused whole, with a reason; nothing of a refused record is counted as a
line. Of a KPL aggregate each user record is such a record, so one that is bad takes no other with it. Sizes
are capped after inflating, all user records together, so a bomb costs its cap and no more. Source: CloudWatch
Logs guide, "Log group-level subscription filters"; flow-logs.md 3.2; for aggregates see `aggregates.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from isal import igzip, isal_zlib

from connectors.aggregates import MAGIC, BadAggregate, split

INFLATED_MAX_BYTES = 32 << 20  # CloudWatch sends at most 1 MiB compressed; flow logs inflate 4 to 10 times
MEMBERS_MAX = 1000  # each member costs a copy of what follows it, so a flood of tiny ones would be quadratic
BOMB_REASON = "inflates beyond the cap"
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_ACCOUNT = re.compile("[0-9]{12}")
_LOG_GROUP_MOST = 512  # characters of a name (CreateLogGroup)
_STEP_BYTES = 1 << 20
_MARKS = frozenset({b"", b"{", _GZIP_MAGIC[:1], MAGIC[:1]})  # how all begins that may be no plain lines
_NESTED = "KPL aggregate within an aggregate"


class Unwrapped(NamedTuple):
    """One record's content: newline-joined `lines` (may be empty), or the reason it was `refused`.

    `control` counts CloudWatch's health-check messages, which are understood and dropped. `refused_parts` is
    what was refused of an aggregate that itself was not: (sub-sequence number, why, data) of user records.
    `log_groups` are the (account, name) of the log groups that envelopes in it are from.
    """

    lines: bytes = b""
    control: int = 0
    refused: str | None = None
    refused_parts: tuple[tuple[int, str, bytes], ...] = ()
    log_groups: tuple[tuple[str, str], ...] = ()


class _Refused(Exception):
    """Why a record cannot be understood; never leaves this module."""


def unwrap(data: bytes, *, after: int = -1, max_bytes: int = INFLATED_MAX_BYTES) -> Unwrapped:
    """Return what a Kinesis record carries. `data` is the record's bytes; never raises for bad input.

    Of an aggregate, the user records up to sub-sequence number `after` are done, and skipped.
    """
    if data[:1] not in _MARKS:
        return Unwrapped(data.removesuffix(b"\n"))
    room = _Room(max_bytes)
    if not data.startswith(MAGIC):
        return _record(data, room)
    try:
        return _user_records(split(data), after, room)
    except BadAggregate as why:
        return Unwrapped(refused=str(why))


@dataclass(slots=True)
class _Room:
    """How many bytes may still be inflated of a Kinesis record, for use or in vain."""

    left: int


def _user_records(user_records: list[bytes], after: int, room: _Room) -> Unwrapped:
    """Unwrap each as a record of its own, but in one room."""
    parts: list[Unwrapped] = []
    refused: list[tuple[int, str, bytes]] = []
    for number, data in enumerate(user_records):
        if number <= after:
            continue
        found = Unwrapped(refused=_NESTED) if data.startswith(MAGIC) else _record(data, room)
        if found.refused is None:
            parts.append(found)
        else:
            refused.append((number, found.refused, data))
    joined = _joined(parts)
    return joined._replace(refused_parts=tuple(refused))


def _record(data: bytes, room: _Room) -> Unwrapped:
    if not data:
        return Unwrapped(refused="empty record")
    try:
        if not data.startswith(_GZIP_MAGIC):
            return _payload(data)
        return _joined(_payload(member) for member in _members(data, room))
    except _Refused as why:
        return Unwrapped(refused=str(why))


def _joined(parts: Iterable[Unwrapped]) -> Unwrapped:
    texts, control, log_groups = [], 0, list[tuple[str, str]]()
    for part in parts:
        control += part.control
        log_groups += [group for group in part.log_groups if group not in log_groups]
        if part.lines:
            texts.append(part.lines)
    return Unwrapped(b"\n".join(texts), control, log_groups=tuple(log_groups))


def _members(data: bytes, room: _Room) -> list[bytes]:
    """Inflate every member of a gzip stream; `gzip` allows them to be concatenated (RFC 1952, 2.2)."""
    members: list[bytes] = []
    while data:
        if len(members) == MEMBERS_MAX:
            raise _Refused("too many gzip members")
        text, data = _member(data, room)
        if text.startswith(_GZIP_MAGIC):
            raise _Refused("gzip within gzip")
        if text.startswith(MAGIC):
            raise _Refused("KPL aggregate within gzip")
        members.append(text)
    return members


def _member(data: bytes, room: _Room) -> tuple[bytes, bytes]:
    """Inflate one member, in steps, so that a broken one takes little room; return it, and what follows."""
    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
    texts: list[bytes] = []
    while not inflater.eof:
        step = min(_STEP_BYTES, room.left + 1)
        try:
            text = inflater.decompress(data, step)
        except isal_zlib.error as error:  # type: ignore[misc]  # no child of zlib.error, whatever its name says
            room.left = max(room.left - step, 0)
            raise _Refused("broken gzip") from error
        if len(text) > room.left:
            room.left = 0
            raise _Refused(BOMB_REASON)
        room.left -= len(text)
        texts.append(text)
        if len(text) < step and not inflater.eof:
            raise _Refused("truncated gzip")
        data = inflater.unconsumed_tail
    return b"".join(texts), inflater.unused_data


def _payload(text: bytes) -> Unwrapped:
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
            text = "\n".join([event["message"] for event in value["logEvents"]])
            return Unwrapped(text.encode(), log_groups=_log_group(value))
        if kind is None and isinstance(value.get("message"), str):
            return Unwrapped(value["message"].encode())
    except (KeyError, TypeError, UnicodeEncodeError) as error:
        raise _Refused("an envelope without messages") from error
    raise _Refused("JSON, but no envelope")


def _log_group(value: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return whose log group it was, as far as it says so in AWS's way: an account becomes a Kafka header."""
    owner, name = value.get("owner"), value.get("logGroup")
    if not isinstance(name, str) or not 0 < len(name) <= _LOG_GROUP_MOST:
        return ()
    account = owner if isinstance(owner, str) and _ACCOUNT.fullmatch(owner) else ""
    return ((account, name),)


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
