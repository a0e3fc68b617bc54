"""The envelopes of flow-log lines: text, JSON, gzip, base64 of these, and KPL aggregates. Pure.

A record is parsed whole or refused whole, with a reason; no part of a refused record is counted as a line.
Each user record of a KPL aggregate and each event of an envelope counts as a record, so a bad one does not
affect the others. Inflated bytes are limited, for all user records of an aggregate together, so a gzip bomb
costs no more than the limit. Source: CloudWatch Logs guide, "Log group-level subscription filters"; for
aggregates see `kpl.py`, for JSON `json_records.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from isal import igzip, isal_zlib

from connectors.formats.encodings import BETWEEN_MEMBERS, GZIP_MAGIC, binary_name, from_base64, from_utf16
from connectors.formats.flowlog import BOM
from connectors.formats.json_records import is_json, read_json, usual_envelope
from connectors.formats.kpl import MAGIC, BadAggregate, split
from connectors.formats.texts import Refused, Text, Unwrapped, is_plain, joined, plain

INFLATED_MAX_BYTES = 32 << 20  # CloudWatch sends at most 1 MiB compressed; flow logs inflate 4 to 10 times
MEMBERS_MAX = 1000  # each member costs a copy of what follows it, so a flood of tiny ones would be quadratic
BOMB_REASON = "inflates beyond the cap"
_GZIP_WBITS = 31
_STEP_BYTES = 1 << 20
_NESTED = "KPL aggregate within an aggregate"


def unwrap(data: bytes, *, after: int = -1, max_bytes: int = INFLATED_MAX_BYTES) -> Unwrapped:
    """Return the content of a record; never raise for bad input.

    In an aggregate, skip the user records up to sub-sequence number `after`.
    """
    if is_plain(data):
        return Unwrapped((Text(data.removesuffix(b"\n")),))
    try:
        budget = _InflateBudget(max_bytes)
        return _aggregate(data, after, budget) if data.startswith(MAGIC) else _record(data, budget)
    except (BadAggregate, Refused) as why:
        return Unwrapped(refused=str(why))


@dataclass(slots=True)
class _InflateBudget:
    """The number of bytes that may still be inflated from a record, refused parts included."""

    left: int


def _aggregate(data: bytes, after: int, budget: _InflateBudget) -> Unwrapped:
    """Unwrap each user record like a record; all of them share one limit of inflated bytes."""
    parts: list[Unwrapped] = []
    lines: list[bytes] = []
    refused: list[tuple[int, str, bytes]] = []
    for number, user_record in enumerate(split(data)):
        if number <= after:
            continue
        if is_plain(user_record):
            lines.append(user_record.removesuffix(b"\n"))
            continue
        if lines:
            parts.append(Unwrapped((Text(b"\n".join(lines)),)))
            lines = []
        try:
            found = _user_record(user_record, budget)
        except Refused as why:
            refused.append((number, str(why), user_record))
            continue
        parts.append(found)
        refused += [(number, why, part) for _, why, part in found.refused_parts]
    if lines:
        parts.append(Unwrapped((Text(b"\n".join(lines)),)))
    return joined(parts)._replace(refused_parts=tuple(refused))


def _user_record(data: bytes, budget: _InflateBudget) -> Unwrapped:
    if data.startswith(MAGIC):
        raise Refused(_NESTED)
    return _record(data, budget)


def _record(data: bytes, budget: _InflateBudget) -> Unwrapped:
    """Unwrap a record that is not an aggregate. Raises `Refused`."""
    if not data:
        raise Refused("empty record")
    outer = "gzip"
    if not data.startswith(GZIP_MAGIC):
        text = from_utf16(data)
        inner = from_base64(text)
        if inner is None:
            return _texts([text])
        data, outer = inner, "base64"
    if data.startswith(MAGIC):
        raise Refused(f"KPL aggregate within {outer}")
    if data.startswith(GZIP_MAGIC):
        members = _members(data, budget)
        if len(members) == 1 and (found := usual_envelope(members[0])) is not None:
            return found
        texts = list(map(from_utf16, members))
    else:
        texts = [data]
    if any(from_base64(text) is not None for text in texts):
        raise Refused(f"base64 within {outer}")
    return _texts(texts)


def _texts(texts: list[bytes]) -> Unwrapped:
    """Unwrap texts that follow each other. A header in a text of lines applies in the next ones, too."""
    for text in texts:
        if name := binary_name(text):
            raise Refused(name)
    if len(texts) == 1:
        text = texts[0].removeprefix(BOM)
        return read_json(text) if is_json(text) else Unwrapped(plain(text))
    texts = [text.removeprefix(BOM) for text in texts]
    lines = [text.removesuffix(b"\n") for text in texts if text and not is_json(text)]
    # All lines together, because a header also applies to those after JSON.
    parts = [Unwrapped(plain(b"\n".join(lines)))] if lines else []
    return joined([*parts, *(read_json(text) for text in texts if is_json(text))])


def _members(data: bytes, budget: _InflateBudget) -> list[bytes]:
    """Inflate every member of a gzip stream; `gzip` allows them to be concatenated (RFC 1952, 2.2)."""
    members: list[bytes] = []
    while data:
        if len(members) == MEMBERS_MAX:
            raise Refused("too many gzip members")
        text, data = _member(data, budget)
        data = data.lstrip(BETWEEN_MEMBERS)
        if text.startswith(GZIP_MAGIC):
            raise Refused("gzip within gzip")
        if text.startswith(MAGIC):
            raise Refused("KPL aggregate within gzip")
        members.append(text)
    return members


def _member(data: bytes, budget: _InflateBudget) -> tuple[bytes, bytes]:
    """Inflate one member in steps, so that a broken one uses little memory. Return its text and the rest."""
    inflater = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
    texts: list[bytes] = []
    while not inflater.eof:  # Usually once.
        step = min(_STEP_BYTES, budget.left + 1)
        try:
            text = inflater.decompress(data, step)
        except isal_zlib.error as error:  # type: ignore[misc]  # no child of zlib.error, whatever its name says
            budget.left = max(budget.left - step, 0)
            raise Refused("broken gzip") from error
        if len(text) > budget.left:
            budget.left = 0
            raise Refused(BOMB_REASON)
        budget.left -= len(text)
        texts.append(text)
        if len(text) < step and not inflater.eof:
            raise Refused("truncated gzip")
        data = inflater.unconsumed_tail
    return (texts[0] if len(texts) == 1 else b"".join(texts)), inflater.unused_data


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
    """Return the health check that CloudWatch Logs sends to a new filter, and at times after that."""
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
