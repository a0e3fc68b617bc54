"""Published conversations: the schema, and the encoding in the topics `conversations` and `finals`. Pure.

A message holds all rows of each interface and window in it. Among messages of one interface and window, the
one with the highest `revision` is valid, and replaces the others as a whole: a conversation can be absent
from it. For each interface, window and action, the sums over all rows, with the rows `is_other`, equal the
aggregate, if every line has both addresses.

A value of a row is at most `bound_…` too low: the interface had more conversations than `merge` keeps, and
this one was dropped to the rest and came back. With a bound of 0, the value is exact. The rest contains the
difference, so the sums do not change.
"""

from __future__ import annotations

import io
from typing import Any

import polars as pl

BOUNDED = ("flows", "packets", "bytes")
"""The totals that have a bound."""

PUBLISHED: dict[str, Any] = {
    "window_start": pl.Int64,
    "window_s": pl.Int32,
    "eni": pl.String,
    "account": pl.String,
    "region": pl.String,
    "action": pl.String,
    "direction": pl.String,
    "direction_rule": pl.String,
    "source": pl.String,
    "destination": pl.String,
    "pkt_source": pl.String,
    "pkt_destination": pl.String,
    "port": pl.Int32,
    "port_rule": pl.String,
    "protocol": pl.Int16,
    "flows": pl.Int64,
    "packets": pl.Int64,
    "bytes": pl.Int64,
    "first": pl.Int64,
    "last": pl.Int64,
    "tcp_flags": pl.UInt16,
    "is_other": pl.Boolean,
    "bound_flows": pl.Int64,
    "bound_packets": pl.Int64,
    "bound_bytes": pl.Int64,
    "revision": pl.Int64,
    "final": pl.Boolean,
}
"""The columns and their types.

`window_start`, `first` and `last` are epoch seconds; `window_s` is seconds. `action` is `ACCEPT`, `REJECT` or
`-`. `direction` is `ingress`, `egress` or `-`; `direction_rule` is one of `DIRECTION_RULES`. Addresses are
text: dotted IPv4, or lower-case compressed IPv6; "" is an absent address. `pkt_source` and `pkt_destination`
are also "" if they equal `source` and `destination`. `port` is the service port, -1 for none, and `port_rule`
one of `conversations.PORT_RULES`. `protocol` is the IANA number, `lines.PROTOCOL_ABSENT` if absent. A row
`is_other` is the rest of one action: no addresses, `port` -1, `protocol` `PROTOCOL_ABSENT`.
"""

DIRECTION_RULES = ("-", "flow-direction", "inventory", "common-address")
"""The rules that determine a direction, by number; `-`: none of them does."""


def encode(rows: pl.DataFrame) -> bytes:
    """Return the Arrow IPC stream (zstd) of a frame of `PUBLISHED`; its texts may be Enums.

    An Enum is a dictionary of strings on the wire. The compatibility level without string views is the one
    that every Arrow library reads; it was also 20 % smaller (2026-11-30).
    """
    out = io.BytesIO()
    rows.write_ipc_stream(out, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def decode(value: bytes) -> pl.DataFrame:
    """Return the frame of a message of `conversations`, in the schema `PUBLISHED`. Raises Polars' errors."""
    return pl.read_ipc_stream(io.BytesIO(value)).select(*PUBLISHED).cast(pl.Schema(PUBLISHED))
