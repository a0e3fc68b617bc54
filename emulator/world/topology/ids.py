"""The ids and IPv6 blocks of a topology's resources, derived from their names. Pure."""

from __future__ import annotations

import hashlib
from ipaddress import IPv6Address
from typing import Final

_PREFIXES: Final = {
    "vpc": "vpc",
    "subnet": "subnet",
    "network-interface": "eni",
    "instance": "i",
    "route-table": "rtb",
    "network-acl": "acl",
    "security-group": "sg",
    "internet-gateway": "igw",
    "egress-only-internet-gateway": "eigw",
    "nat-gateway": "nat",
    "peering": "pcx",
    "transit-gateway": "tgw",
    "transit-gateway-route-table": "tgw-rtb",
    "attachment": "tgw-attach",
    "endpoint": "vpce",
    "prefix-list": "pl",
}


def id_of(kind: str, name: str, vpc: str = "") -> str:
    """Return the id of a named part of a topology, as `eni-0` and 16 more digits."""
    digits = hashlib.sha256(f"{kind} {vpc}/{name}".encode()).hexdigest()
    return f"{_PREFIXES[kind]}-0{digits[:16]}"


def ipv6_first(vpc: str) -> int:
    """Return the first address of a VPC's /56, in a block of us-east-1."""
    number = int(hashlib.sha256(vpc.encode()).hexdigest()[:6], 16)
    return int(IPv6Address("2600:1f18::")) + (number << 72)
