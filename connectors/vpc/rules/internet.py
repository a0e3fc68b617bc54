"""The addresses that internet gateways do not carry.

Reachability Analyzer guide, "Explanation codes": IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS,
IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS, and the same for sources on ingress.
"""

from __future__ import annotations

from connectors.vpc.addresses import cidr

RFC1918 = (cidr("10.0.0.0/8"), cidr("172.16.0.0/12"), cidr("192.168.0.0/16"))
RFC6598 = (cidr("100.64.0.0/10"),)
PRIVATE = RFC1918 + RFC6598


def is_private(number: int) -> bool:
    """Return whether an address is private, so that an internet gateway drops its packets."""
    return any(number in block for block in PRIVATE)
