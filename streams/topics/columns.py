"""The columns of each topic in the CSV and the table of `vpcflow read`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields

import orjson

from connectors.kafka.health_messages import HealthRecord
from streams.conversations.published import PUBLISHED
from streams.records import Aggregate, Alert
from streams.topics.decoding import Row, eni_of, time_s
from streams.topics.moments import clock
from streams.topics.naming import NAMES

CSV: Mapping[str, tuple[str, ...]] = {
    "aggregates": tuple(one.name for one in fields(Aggregate)),
    "conversations": tuple(PUBLISHED),
    "alerts": tuple(one.name for one in fields(Alert)),
    "health": tuple(one.name for one in fields(HealthRecord)),
    "dead": ("at_ms", "why", "count", "from", "size", "text"),
}
"""The fields of a row in CSV; the names of the inventory follow them (`naming.NAMES`)."""

NUMERIC = frozenset(
    {"flows", "packets", "bytes", "ports", "sources", "rev", "port", "value", "threshold", "count"}
)
"""The columns of the table that are aligned to the right."""

PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
TEXT_SHOWN = 120  # characters of a refused text in the table


def csv_header(topic: str) -> list[str]:
    """Return the names of the columns of the CSV of a topic."""
    return [*CSV[topic], *NAMES.get(topic, ())]


def csv_cells(topic: str, row: Row) -> list[str]:
    """Return the cells of a row; nested values are JSON."""
    return [_text(row.get(name)) for name in csv_header(topic)]


def table_cells(topic: str, row: Row) -> dict[str, str]:
    """Return the cells of the table by column; control characters are escaped."""
    cells = {"time": clock(time_s(topic, row)), **_CELLS[topic](row)}
    return {name: printable(cell) for name, cell in cells.items()}


def printable(text: str) -> str:
    """Return a text with its control characters escaped: a foreign message must not steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return "" if value is None else str(value)


def _named(name: str, id_: str) -> str:
    return name or id_


def _aggregate(row: Row) -> dict[str, str]:
    return {
        "interface": _named(row.get("eni_name", ""), row["eni"]),
        "action": row["action"],
        **_totals(row),
        "ports": _count(row.get("distinct_ports")) if row["action"] == "REJECT" else "",
        "sources": _count(row.get("distinct_sources")) if row["action"] == "REJECT" else "",
        "rev": str(row["revision"]),
        "state": "final" if row["final"] else "open",
    }


def _conversation(row: Row) -> dict[str, str]:
    ends = {
        end: "other" if row["is_other"] else _named(row.get(f"{end}_name", ""), row[f"pkt_{end}"] or row[end])
        for end in ("source", "destination")
    }
    return {
        "interface": _named(row.get("eni_name", ""), row["eni"]),
        "action": row["action"],
        "direction": row["direction"],
        **ends,
        "port": str(row["port"]) if row["port"] >= 0 else "",
        "proto": "" if row["is_other"] else PROTOCOLS.get(row["protocol"], str(row["protocol"])),
        **_totals(row),
        "state": "final" if row["final"] else "open",
    }


def _totals(row: Row) -> dict[str, str]:
    return {name: _count(row[name]) for name in ("flows", "packets", "bytes")}


def _alert(row: Row) -> dict[str, str]:
    return {
        "status": str(row["status"]),
        "rule": str(row["rule"]),
        "interface": _named(row.get("eni_name", ""), eni_of("alerts", row)),
        "value": f"{row['value']:g}" if isinstance(row["value"], int | float) else "",
        "threshold": f"{row['threshold']:g}" if isinstance(row["threshold"], int | float) else "",
        "summary": str(row["summary"]),
    }


def _health(row: Row) -> dict[str, str]:
    return {"kind": row["kind"], "source": row["source"], "text": row["text"]}


def _dead(row: Row) -> dict[str, str]:
    text = row["text"]
    shown = text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"
    return {"why": row["why"], "count": _count(row["count"]), "from": row["from"], "text": shown}


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


_CELLS: Mapping[str, Callable[[Row], dict[str, str]]] = {
    "aggregates": _aggregate,
    "conversations": _conversation,
    "alerts": _alert,
    "health": _health,
    "dead": _dead,
}
