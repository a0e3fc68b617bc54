"""Messages of the topics that `vpcflow read` prints, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from connectors.inventory.directory import Directory
from connectors.inventory.rows import InterfaceRow, encode
from streams.conversations import published
from streams.conversations.published import PUBLISHED
from streams.records import Aggregate, Alert
from streams.topics.decoding import Raw
from tests.build import ENI

T0 = 1_767_225_660
AGGREGATE = Aggregate(
    ENI, "REJECT", T0, 60, 301, 302, 18_060, T0, T0 + 59, {"6": [301, 302, 18_060]}, 297, 1, 2, False, 5
)
ALERT = Alert(
    "2ba617bc60886837", "port_scan", "warning", "firing", {"eni": ENI}, "about 297 ports", 297.0, 50.0,
    T0, T0 + 60, T0, 0, "/?v=1",
)  # fmt: skip
CONVERSATION: dict[str, Any] = {
    "window_start": T0, "window_s": 60, "eni": ENI, "account": "123456789012", "region": "us-east-1",
    "action": "ACCEPT", "direction": "ingress", "direction_rule": "inventory", "source": "10.0.0.9",
    "destination": "10.0.0.5", "pkt_source": "", "pkt_destination": "", "port": 443, "port_rule": "syn",
    "protocol": 6, "flows": 3, "packets": 30, "bytes": 4000, "first": T0, "last": T0 + 9, "tcp_flags": 2,
    "is_other": False, "bound_flows": 0, "bound_packets": 0, "bound_bytes": 0, "revision": 1, "final": False,
}  # fmt: skip


def conversations(*changes: dict[str, Any]) -> bytes:
    """Return a message with a row for each of some changes of `CONVERSATION`."""
    return published.encode(pl.DataFrame([{**CONVERSATION, **one} for one in changes], schema=PUBLISHED))


def raw(value: bytes | None, key: bytes | None = None, at_ms: int = 7, **headers: bytes) -> Raw:
    """Return a message."""
    return Raw(0, at_ms, at_ms, key, value, headers)


def aggregate(**changes: Any) -> Raw:
    """Return the message of an aggregate."""
    one = replace(AGGREGATE, **changes)
    return raw(one.encode(), one.key)


def directory() -> Directory:
    """Return an inventory with a web server, the interface of the tests, and a database that it talks to."""
    found = Directory()
    web = InterfaceRow(ENI, T0 - 5, vpc="vpc-1", id="i-1", name="web", kind="instance", private=("10.0.0.5",))
    database = InterfaceRow("eni-2", T0 - 5, vpc="vpc-1", id="db-1", kind="database", private=("10.0.0.9",))
    for row in (web, database):
        found.apply(row.key, encode(row))
    return found
