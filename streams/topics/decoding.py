"""The rows of one message of a topic that `vpcflow read` prints. Pure.

A row is a dictionary with the fields of the message, as its JSON has them. A message of `conversations` has
many rows, all others have one. Messages of one key replace each other: a higher revision, or for alerts the
newer transition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl

from streams.conversations import published
from streams.records import decode_alert, has_fired

Row = dict[str, Any]
Key = tuple[str | int, ...]
WITH_ENI = frozenset({"aggregates", "conversations", "alerts"})
WITH_ACTION = frozenset({"aggregates", "conversations"})
NEWEST = 1 << 62
_AGGREGATE = {"eni": str, "action": str, "window_start": int, "window_s": int, "flows": int, "packets": int}
_AGGREGATE |= {"bytes": int, "revision": int, "final": bool}
_HEALTH = {"kind": str, "source": str, "at_ms": int, "text": str}


class ForeignMessage(ValueError):
    """The message is not one of vpcflow; the text says why."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as Kafka has it. `at_ms` is its timestamp, epoch milliseconds."""

    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """The rows of one key. A higher `revision` replaces them; no rows delete the key."""

    key: Key
    revision: int
    rows: list[Row]


def updates(topic: str, message: Raw) -> list[Update]:
    """Return the rows of a message by key. Raises `ForeignMessage`."""
    try:
        return _DECODERS[topic](message)
    except ForeignMessage:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, pl.exceptions.PolarsError, OSError) as error:
        raise ForeignMessage(f"not a message of {topic}: {error!r}"[:300]) from error


def _typed(value: bytes | None, types: Mapping[str, type]) -> Row:
    row = orjson.loads(value or b"")
    if not isinstance(row, dict):
        raise ForeignMessage("the value is no JSON object")
    for name, kind in types.items():
        if type(row.get(name)) is not kind:
            raise ForeignMessage(f"the field {name} is {row.get(name)!r}")
    return row


def _aggregate(message: Raw) -> list[Update]:
    row = _typed(message.value, _AGGREGATE)
    # The final row of a revision is newer than the provisional one.
    revision = 2 * row["revision"] + row["final"]
    return [Update((row["eni"], row["action"], row["window_start"]), revision, [row])]


def _conversations(message: Raw) -> list[Update]:
    found = published.decode(message.value or b"")
    if not len(found):  # Polars reads a stream that is cut after its schema as one without rows.
        raise ForeignMessage("not a message of conversations: it has no rows")
    parts = found.partition_by("eni", "window_start", as_dict=True, maintain_order=True)
    return [
        Update((str(eni), int(window)), int(part["revision"].max()), part.to_dicts())  # type: ignore[arg-type]
        for (eni, window), part in parts.items()
    ]


def _alert(message: Raw) -> list[Update]:
    fingerprint = (message.key or b"").decode()
    if message.value is None:
        return [Update((fingerprint,), message.at_ms, [])]
    alert = decode_alert(message.value)
    if type(alert.starts_at) is not int or not isinstance(alert.labels, dict):
        raise ForeignMessage("starts_at or labels has a foreign type")
    is_shown = alert.status != "resolved" or has_fired(alert)
    return [Update((alert.fingerprint,), message.at_ms, [alert.as_dict()] if is_shown else [])]


def _health(message: Raw) -> list[Update]:
    return [Update((message.partition, message.offset), NEWEST, [_typed(message.value, _HEALTH)])]


def _dead(message: Raw) -> list[Update]:
    headers, value = message.headers, message.value or b""
    row = {
        "at_ms": message.at_ms,
        "why": headers["why"].decode(),
        "count": int(headers.get("count", b"1")),
        "from": headers.get("from", b"").decode(errors="replace"),
        "size": int(headers.get("size", b"%d" % len(value))),
        "text": value.decode(errors="replace"),
    }
    return [Update((message.partition, message.offset), NEWEST, [row])]


_DECODERS: dict[str, Callable[[Raw], list[Update]]] = {
    "aggregates": _aggregate,
    "conversations": _conversations,
    "alerts": _alert,
    "health": _health,
    "dead": _dead,
}


def eni_of(topic: str, row: Row) -> str:
    """Return the interface of a row; empty if it has none."""
    eni = row["labels"].get("eni", "") if topic == "alerts" else row.get("eni", "")
    return str(eni)


def time_s(topic: str, row: Row) -> float:
    """Return the time of a row for sorting and for names: its window, or when it was found."""
    if topic in WITH_ACTION:
        return float(row["window_start"])
    return float(row["starts_at"]) if topic == "alerts" else row["at_ms"] / 1000
