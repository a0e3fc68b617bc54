"""Addresses as numbers. IPv4 and IPv6 share one number line, so no comparison mixes the families.

The number of an IPv4 address is its value; IPv6 addresses follow after the last IPv4 address. A block is an
interval of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network

IPV6_BEGINS = 1 << 32


@dataclass(frozen=True, slots=True, order=True)
class Cidr:
    """A block of addresses. `text` is the form that AWS writes, with host bits cleared."""

    first: int
    last: int
    length: int
    text: str

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def covers(self, other: Cidr) -> bool:
        """Return whether every address of the other block is in this one."""
        return self.first <= other.first and other.last <= self.last


@lru_cache(maxsize=1 << 16)
def number_of(address: str) -> int:
    """Return the number of an address. Raises ValueError for text that is no address."""
    if ":" in address:
        return IPV6_BEGINS + int(IPv6Address(address))
    return int(IPv4Address(address))


@lru_cache(maxsize=1 << 12)
def cidr(text: str) -> Cidr:
    """Return the block. Raises ValueError for text that is no block."""
    network = ip_network(text, strict=False)
    offset = IPV6_BEGINS if network.version == 6 else 0
    first = offset + int(network.network_address)
    return Cidr(first, first + network.num_addresses - 1, network.prefixlen, str(network))


def is_ipv6(address: str) -> bool:
    """Return whether a valid address is an IPv6 address."""
    return ":" in address
