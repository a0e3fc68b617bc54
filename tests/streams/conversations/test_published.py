"""The encoding of published conversations keeps every value, whatever the physical type of the texts."""

from __future__ import annotations

import io
from typing import Any

import polars as pl

from streams.conversations import published
from streams.conversations.published import PUBLISHED

ROW: dict[str, Any] = {
    "window_start": 1_767_225_660,
    "window_s": 60,
    "eni": "eni-0a1b2c3d4e5f60718",
    "account": "123456789012",
    "region": "us-east-1",
    "action": "ACCEPT",
    "direction": "ingress",
    "direction_rule": "common-address",
    "source": "10.0.0.9",
    "destination": "2001:db8::1",
    "pkt_source": "",
    "pkt_destination": "",
    "port": 443,
    "port_rule": "syn",
    "protocol": 6,
    "flows": 3,
    "packets": 1 << 45,
    "bytes": 1 << 50,
    "first": 1_767_225_661,
    "last": 1_767_225_719,
    "tcp_flags": 19,
    "is_other": False,
    "bound_flows": 0,
    "bound_packets": 0,
    "bound_bytes": 17,
    "revision": 2,
    "final": True,
}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=PUBLISHED)


def test_a_message_has_the_rows_that_were_encoded() -> None:
    rows = frame(ROW, ROW | {"port": -1, "is_other": True, "eni": "eni-1"})
    assert published.decode(published.encode(rows)).equals(rows)


def test_dictionaries_are_decoded_as_text() -> None:
    rows = frame(ROW, ROW | {"eni": "eni-1"})
    packed = rows.with_columns(
        pl.col("eni").cast(pl.Enum(["eni-1", ROW["eni"]])), pl.col("action").cast(pl.Categorical)
    )
    decoded = published.decode(published.encode(packed))
    assert decoded.schema == pl.Schema(PUBLISHED)
    assert decoded.equals(rows)


def test_columns_that_a_later_version_adds_are_ignored() -> None:
    out = io.BytesIO()
    frame(ROW).with_columns(more=pl.lit(1)).write_ipc_stream(out)
    assert published.decode(out.getvalue()).equals(frame(ROW))
