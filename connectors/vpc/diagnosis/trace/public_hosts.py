"""Public addresses: the test for one, and the choice of those that stand for the internet. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from connectors.vpc.addresses import IPV6_BEGINS, cidr, number_of
from connectors.vpc.estate import Estate
from connectors.vpc.rules import internet

_UNUSABLE = tuple(map(cidr, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/3")))
_LOCAL_IPV6 = tuple(map(cidr, ("fc00::/7", "fe80::/10", "::/128", "::1/128", "ff00::/8")))
_FIRST = number_of("198.18.0.1")


def is_public(number: int) -> bool:
    """Return whether the internet routes an address."""
    if number >= IPV6_BEGINS:
        return not any(number in block for block in _LOCAL_IPV6)
    return not internet.is_private(number) and not any(number in block for block in _UNUSABLE)


def is_outside(estate: Estate, address: str) -> bool:
    """Return whether packets to an address take the internet: EC2 gave it an interface, or it is public.

    moto allocates Elastic IP addresses in 127.0.0.0/8. The IPv4 block of a VPC can be publicly routable; its
    addresses are private all the same: VPC guide, "VPC CIDR blocks".
    """
    number = number_of(address)
    if estate.public(number) is not None:
        return True
    blocks = (block for vpc in estate.vpcs.values() for block in vpc.cidrs)
    is_inside = number < IPV6_BEGINS and any(number in block for block in blocks)
    return is_public(number) and not is_inside


def internet_address(estate: Estate, nth: int = 0, *, ipv6: bool = False) -> str:
    """Return a public address that no rule or route of the estate names, except for the whole internet.

    If blocks of the estate cover all addresses, return one in the fewest and largest blocks.
    """
    low, high = (IPV6_BEGINS, IPV6_BEGINS + (1 << 128)) if ipv6 else (0, IPV6_BEGINS)
    blocks = {block for block in estate.referenced_cidrs() if block.length and low <= block.first < high}
    start = number_of("2600::1") if ipv6 else _FIRST
    edges = {start, *(edge for block in blocks for edge in (block.first, block.last + 1))}
    candidates = [edge + 10 + nth for edge in sorted(edges) if edge + 10 + nth < high]
    candidates = [one for one in candidates if is_public(one) and not estate.is_known(one)]

    def cost(number: int) -> tuple[int, bool, int]:
        lengths = [block.length for block in blocks if number in block]
        return max(lengths, default=0), number < start, number

    best = min(candidates, key=cost)
    return str(IPv6Address(best - IPV6_BEGINS)) if ipv6 else str(IPv4Address(best))
