"""HyperLogLog sketches of distinct peers and service ports. Pure.

A sketch is `datasketches.hll_sketch` of 4,096 registers: up to 200 values are counted exactly, and the
standard error above is 1.6 %. Sketches of equal kind merge with `hll_union`, over windows and interfaces.
One update costs 60 ns, so sketches are filled from conversations, never from lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasketches import HLL_4, hll_sketch, hll_union

from streams.conversations.kernels import DESTINATION, DIRECTION_MASK, KEY, PORT_AT, PORT_MASK, SOURCE

LG_REGISTERS = 12
INGRESS, EGRESS = 1, 2
_MAPPED = 0xFFFF
_ODD = np.uint64(0x9E3779B97F4A7C15)


def _new() -> hll_sketch:
    return hll_sketch(LG_REGISTERS, HLL_4)


@dataclass(slots=True)
class Sketches:
    """The peers and the ports of one interface, window and action.

    The value of an IPv4 peer is its 32-bit number, that of a port its number.
    """

    peers: hll_sketch = field(default_factory=_new)
    ports: hll_sketch = field(default_factory=_new)

    @classmethod
    def load(cls, peers: bytes, ports: bytes) -> Sketches:
        """Return the sketches of their serialized form."""
        return cls(hll_sketch.deserialize(peers), hll_sketch.deserialize(ports))

    def copy(self) -> Sketches:
        """Return equal sketches that can be updated independently."""
        return Sketches(_union(self.peers), _union(self.ports))

    def merge(self, other: Sketches) -> None:
        """Add the values of other sketches."""
        self.peers, self.ports = _union(self.peers, other.peers), _union(self.ports, other.ports)

    def add(self, peers: list[int], ports: list[int]) -> None:
        """Add values."""
        for update, values in ((self.peers.update, peers), (self.ports.update, ports)):
            for value in values:
                update(value)

    def serialized(self) -> tuple[bytes, bytes]:
        """Return both sketches as compact images of datasketches."""
        return self.peers.serialize_compact(), self.ports.serialize_compact()

    def estimates(self) -> tuple[int, int]:
        """Return the estimated distinct peers and ports."""
        return round(self.peers.get_estimate()), round(self.ports.get_estimate())


def _union(*sketches: hll_sketch) -> hll_sketch:
    union = hll_union(LG_REGISTERS)
    for sketch in sketches:
        union.update(sketch)
    return union.get_result(HLL_4)


def values_of(rows: Any, directions: Any) -> tuple[Any, Any, Any]:
    """Return the rows of peer values, the peer values and the port of each row (-1: none).

    `directions` are `INGRESS`, `EGRESS` or 0 by row. The peer is the other end: the source of ingress, the
    destination of egress. If the direction is unknown, both ends count.
    """
    is_source = directions != EGRESS
    is_destination = directions != INGRESS
    number = np.arange(len(rows))
    at = np.concatenate([number[is_source], number[is_destination]])
    values = np.concatenate(
        [address_values(rows[is_source], SOURCE), address_values(rows[is_destination], DESTINATION)]
    )
    is_present = values != 0
    return at[is_present], values[is_present], (rows[:, KEY] >> PORT_AT & PORT_MASK) - 1


def address_values(rows: Any, at: int) -> Any:
    """Return one 64-bit number for each address at word `at`; 0 if it is absent."""
    hi, lo = rows[:, at].view(np.uint64), rows[:, at + 1].view(np.uint64)
    is_ipv4 = (hi == 0) & (lo >> np.uint64(32) == _MAPPED)
    mixed = (hi * _ODD) ^ lo
    return np.where(is_ipv4, lo & np.uint64(0xFFFFFFFF), mixed).view(np.int64)


def own_directions(rows: Any) -> Any:
    """Return the direction of each row by the field `flow-direction`; 0 if the format has none."""
    return rows[:, KEY] & DIRECTION_MASK
