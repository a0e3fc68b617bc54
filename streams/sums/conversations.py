"""Conversation partials: the rows of one flush of `sum` about addresses and ports, and their encoding. Pure.

A row holds additive totals of one (window, entity, action, direction, source, destination, packet source,
packet destination, service port, port rule, protocol). A key may occur in more than one row and in any number
of partials, in any order. Lines without traffic (NODATA, SKIPDATA) have no row, and neither have lines of a
format that lacks `srcaddr` or `dstaddr`. The sums over all rows equal the totals of all other lines.

An address is a pair of 64-bit words in network order; IPv4 is written as IPv6 does it, `::ffff:a.b.c.d`. The
pair (0, 0) is an absent address: the line has `-`, or text that is not an address, or the format lacks it.
The packet addresses (`pkt-srcaddr`, `pkt-dstaddr`) are also absent if they equal `srcaddr` and `dstaddr`.
The address `::` is therefore absent too.
"""

from __future__ import annotations

import io
import ipaddress
from collections.abc import Iterable
from typing import Any

import polars as pl

Address = tuple[int, int]
"""The high and the low 64 bits of an address."""

ABSENT: Address = (0, 0)

DIRECTIONS = ("-", "ingress", "egress")
"""The names of `direction` by number; `-` is unknown. Only the field `flow-direction` determines it."""

PORT_RULES = ("none", "syn", "syn-ack", "registered", "ephemeral", "lower")
"""The names of `port_rule` by number; `service_port` describes the rules."""

SCHEMA: dict[str, Any] = {
    "window": pl.Int64,
    "entity": pl.String,
    "action": pl.UInt8,
    "direction": pl.UInt8,
    "source_hi": pl.UInt64,
    "source_lo": pl.UInt64,
    "destination_hi": pl.UInt64,
    "destination_lo": pl.UInt64,
    "pkt_source_hi": pl.UInt64,
    "pkt_source_lo": pl.UInt64,
    "pkt_destination_hi": pl.UInt64,
    "pkt_destination_lo": pl.UInt64,
    "port": pl.Int32,
    "port_rule": pl.UInt8,
    "protocol": pl.Int16,
    "flows": pl.Int64,
    "packets": pl.Int64,
    "bytes": pl.Int64,
    "first": pl.Int64,
    "last": pl.Int64,
    "tcp_flags": pl.UInt16,
}
"""The columns and their types. `entity` is an Enum in every frame of this module; see `entities`.

`action` is an index of `lines.ACTIONS`, `direction` of `DIRECTIONS`, and `port_rule` of `PORT_RULES`. `port`
is -1 for no port. `protocol` is `lines.PROTOCOL_ABSENT` if it is absent. `window`, `first` and `last` are
epoch seconds. `tcp_flags` is the bitwise OR of the flags of all flows, 0 without the field `tcp-flags`.
"""

Row = tuple[Any, ...]
"""One row, in the order of `SCHEMA`, with a string as `entity`."""

_MAPPED = 0xFFFF << 32
_CODES = (pl.UInt8, pl.UInt16, pl.UInt32)
_CODES_MAX = (0xFF, 0xFFFF, 1 << 32)


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Return rows as a frame. The entity is an Enum of the entities of these rows."""
    found = pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
    names = found["entity"].unique(maintain_order=True)
    return found.with_columns(pl.col("entity").cast(pl.Enum(names)))


def joined(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of frames, which have an Enum each, with one Enum."""
    found = pl.concat([one.with_columns(pl.col("entity").cast(pl.String)) for one in frames])
    return found.with_columns(pl.col("entity").cast(pl.Enum(found["entity"].unique(maintain_order=True))))


def to_entities(codes: Any, names: list[str]) -> pl.Series:
    """Return the column `entity`: the Enum of `names`, which are unique, with these codes (an array)."""
    kind = next(kind for kind, most in zip(_CODES, _CODES_MAX, strict=True) if len(names) <= most)
    return pl.Series("entity", codes).cast(kind).cat.to(pl.Enum(names))


def entities(found: pl.DataFrame) -> tuple[Any, list[str]]:
    """Return the code of each row's entity as an array, and the entities by code.

    Codes are valid in this frame only. Frames have different Enums, so `pl.concat` refuses them.
    """
    column = found["entity"]
    return column.to_physical().to_numpy(), column.dtype.categories.to_list()  # type: ignore[attr-defined]


def encode(found: pl.DataFrame) -> bytes:
    """Return the Arrow IPC stream of a frame; the entity is dictionary-encoded."""
    out = io.BytesIO()
    found.write_ipc_stream(out, compression="lz4")
    return out.getvalue()


def decode(value: bytes) -> pl.DataFrame:
    """Return the frame of an Arrow IPC stream. Raises Polars' errors."""
    return pl.read_ipc_stream(io.BytesIO(value))


def address_of(text: str) -> Address:
    """Return the pair of an address, `ABSENT` for "", `-` and text that is no address.

    AWS writes no zone, so an address with one (`fe80::1%eth0`) is no address.
    """
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return ABSENT
    if parsed.version == 4:
        return 0, _MAPPED | int(parsed)
    if parsed.scope_id is not None:
        return ABSENT
    return int(parsed) >> 64, int(parsed) & (1 << 64) - 1
