"""Messages of `finals` as `merge` writes them, made by a test."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from connectors.kafka.messages import Message
from streams.archive.tables import CONVERSATIONS, TOTALS
from streams.numbering import Input, Output
from streams.windows.aggregate_encoding import FINALS

MINUTE_0 = 1_767_225_600  # 2026-01-01T00:00:00Z
Row = Mapping[str, Any]

TOTALS_SCHEMA: dict[str, Any] = {
    **FINALS,
    "account": pl.String,
    "region": pl.String,
    "peers": pl.Binary,
    "ports": pl.Binary,
}
_SECONDS = dict.fromkeys(("window_start", "first", "last"), pl.Int64)
CONVERSATIONS_SCHEMA: dict[str, Any] = {
    **{name: kind for name, kind in CONVERSATIONS.schema.items() if name != "message"},
    **_SECONDS,
    "account": pl.String,
    "region": pl.String,
    "final": pl.Boolean,
}


def totals(window: int, eni: str, **values: Any) -> dict[str, Any]:
    """Return a row of totals; `window` is in minutes after `MINUTE_0`."""
    return {
        **dict.fromkeys(("flows", "packets", "bytes"), 1),
        **dict.fromkeys(("distinct_ports", "distinct_sources"), 0),
        **{"eni": eni, "action": "ACCEPT", "window_start": MINUTE_0 + 60 * window, "window_s": 60},
        **{"revision": 1, "final": True, "account": "111122223333", "region": "us-east-1"},
        **values,
    }


def conversation(window: int, eni: str, source: str, destination: str, **values: Any) -> dict[str, Any]:
    """Return a row of conversations; `window` is in minutes after `MINUTE_0`."""
    start = MINUTE_0 + 60 * window
    return {
        **dict.fromkeys(("flows", "packets", "bytes"), 1),
        **dict.fromkeys(("bound_flows", "bound_packets", "bound_bytes", "tcp_flags"), 0),
        **{"eni": eni, "action": "ACCEPT", "window_start": start, "window_s": 60, "first": start},
        **{"direction": "egress", "direction_rule": "flow-direction", "last": start + 59},
        **{"source": source, "destination": destination, "pkt_source": "", "pkt_destination": ""},
        **{"port": 443, "port_rule": "syn", "protocol": 6, "is_other": False, "revision": 1},
        **{"final": True, "account": "111122223333", "region": "us-east-1"},
        **values,
    }


def stream(rows: Sequence[Row], schema: Mapping[str, Any]) -> bytes:
    """Return rows as an Arrow stream."""
    out = io.BytesIO()
    pl.DataFrame(list(rows), schema=dict(schema)).write_ipc_stream(out, compression="lz4")
    return out.getvalue()


def message(
    output: Output,
    topic: str,
    q: int,
    watermark: int,
    totals: Sequence[Row],
    conversations: Sequence[Row] = (),
) -> Message:
    """Return the next message of a partition, format 3. `watermark` is in minutes after `MINUTE_0`."""
    first = stream(totals, TOTALS_SCHEMA)
    second = stream(conversations, CONVERSATIONS_SCHEMA) if conversations else b""
    headers = {"watermark": b"%d" % (MINUTE_0 + 60 * watermark)}
    if second:
        headers["conversations_at"] = b"%d" % len(first)
    return output.message(topic, q, first + second, len(totals), **headers)


def read(found: Message, offset: int) -> Input:
    """Return a message as it is read from a topic."""
    return Input(offset, dict(found.headers), found.value or b"")


def expected(messages: Sequence[Sequence[Row]], key: tuple[str, ...]) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows of the newest version of each key, from the rows of messages in order."""
    newest: dict[tuple[Any, ...], tuple[tuple[int, int], list[Row]]] = {}
    for number, rows in enumerate(messages):
        for row in rows:
            name, version = tuple(row[part] for part in key), (row["revision"], number)
            known = newest.get(name, ((-1, -1), []))
            if version > known[0]:
                newest[name] = version, [row]
            elif version == known[0]:
                known[1].append(row)
    return {name: rows for name, (_, rows) in newest.items()}


KEYS = {TOTALS.name: TOTALS.key, CONVERSATIONS.name: CONVERSATIONS.key}
