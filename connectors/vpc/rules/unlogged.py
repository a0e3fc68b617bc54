"""The traffic that flow logs omit (VPC guide, “Flow log limitations”), recognised by addresses and ports.

Neither groups nor ACLs filter most of it, so it has no record instead of an ACCEPT.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.vpc.addresses import IPV6_BEGINS, cidr, number_of
from connectors.vpc.network import UDP, Subnet, Vpc
from connectors.vpc.packets import Packet

_RESOLVER = "the Amazon DNS server is not logged"
_SERVICES = {
    "169.254.169.254": "the instance metadata service is not logged",
    "fd00:ec2::254": "the instance metadata service is not logged",
    "169.254.169.123": "the Amazon Time Sync Service is not logged",
    "fd00:ec2::123": "the Amazon Time Sync Service is not logged",
    "169.254.169.253": _RESOLVER,
    "fd00:ec2::253": _RESOLVER,
    "169.254.169.250": "Amazon Windows licence activation is not logged",
    "169.254.169.251": "Amazon Windows licence activation is not logged",
}
_BY_NUMBER = {number_of(address): why for address, why in _SERVICES.items()}
_LINK_LOCAL = (cidr("169.254.0.0/16"), cidr("fe80::/10"))
_DHCP_PORTS = {67, 68, 546, 547}  # DHCP and DHCPv6


def reserved_addresses(vpcs: Iterable[Vpc], subnets: Iterable[Subnet]) -> Iterator[tuple[str, int, str]]:
    """Yield (VPC id, number, reason) of each VPC's DNS server and each subnet's router.

    VPC guide, “Subnet CIDR blocks”: .1 is the router, .2 is reserved for DNS in every subnet, and the
    server itself is at .2 of the VPC's primary block. In IPv6 the router is the block's ::1.
    """
    for vpc in vpcs:
        for block in vpc.cidrs[:1]:
            yield vpc.vpc_id, block.first + 2, _RESOLVER
    for subnet in subnets:
        for block in subnet.cidrs:
            yield subnet.vpc_id, block.first + 1, "the reserved address of the VPC router is not logged"
            if block.first < IPV6_BEGINS:
                yield subnet.vpc_id, block.first + 2, _RESOLVER


def boundaries() -> Iterator[int]:
    """Yield the numbers at which a result of `reason` can change in any estate."""
    for number in _BY_NUMBER:
        yield from (number, number + 1)
    for block in _LINK_LOCAL:
        yield from (block.first, block.last + 1)


def reason(packet: Packet, reserved: dict[int, str]) -> str:
    """Return why flow logs omit a packet, or an empty text. `reserved` are those addresses of its VPC."""
    if packet.protocol == UDP and packet.dstport in _DHCP_PORTS and packet.srcport in _DHCP_PORTS:
        return "DHCP is not logged"
    for number in (number_of(packet.dstaddr), number_of(packet.srcaddr)):
        why = _BY_NUMBER.get(number) or reserved.get(number)
        if why:
            return why
        if _is_link_local(number):
            return "link-local traffic does not leave the host"
    return ""


def _is_link_local(number: int) -> bool:
    return any(number in block for block in _LINK_LOCAL)


def dhcp_ports() -> Iterator[int]:
    """Yield the ports at which a result of `reason` can change."""
    for port in _DHCP_PORTS:
        yield from (port, port + 1)
