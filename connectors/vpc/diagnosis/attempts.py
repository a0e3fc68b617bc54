"""The attempts of a diagnosis: the interfaces of both ends with their addresses. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd
from connectors.vpc.diagnosis.account.ends import Resolver
from connectors.vpc.diagnosis.trace.attempt import Attempt
from connectors.vpc.diagnosis.trace.public_hosts import internet_address, is_public
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni

HOSTS_MAX = 8
"""The interfaces of one end that are tried: hosts of a subnet, nodes of a load balancer."""


def attempts(
    resolver: Resolver, first: ConnectionEnd, second: ConnectionEnd, protocol: int, port: int
) -> Iterator[Attempt]:
    """Yield the attempts, those with a public address first, and IPv4 before IPv6."""
    for source in _sources(first):
        for to in _destinations(second, first):
            if source is None or to is None or source.interface_id != to.interface_id:
                for srcaddr, dstaddr in _addresses(resolver.estate, first, second, source, to):
                    yield Attempt(source, to, srcaddr, dstaddr, protocol, port)


def _sources(place: ConnectionEnd) -> list[Eni | None]:
    """Return the interfaces that open connections. An instance does so from its primary one."""
    return [place.enis[0]] if place.kind == "instance" else _in_order(place)


def _destinations(place: ConnectionEnd, source: ConnectionEnd) -> list[Eni | None]:
    """Return the interfaces to reach. An instance is its primary one, but the internet finds a public one."""
    if place.kind != "instance":
        return _in_order(place)
    first = place.enis[0]
    if not source.is_internet or first.public_ips or first.ipv6_addresses:
        return [first]
    return [next((eni for eni in place.enis if eni.public_ips), first)]


def _in_order(place: ConnectionEnd) -> list[Eni | None]:
    return [*sorted(place.enis, key=lambda eni: not eni.public_ips)[:HOSTS_MAX]] or [None]


def _addresses(
    estate: Estate, first: ConnectionEnd, second: ConnectionEnd, source: Eni | None, to: Eni | None
) -> Iterator[tuple[str, str]]:
    """Yield the source and the destination addresses of connections between two interfaces."""
    if source is None:
        for dstaddr in _public_of(to, second):
            yield first.address or internet_address(estate, ipv6=is_ipv6(dstaddr)), dstaddr
    elif to is None and second.address:
        yield _own(source, first, ipv6=is_ipv6(second.address)), second.address
    elif to is None:
        is_explicit = first.address in source.addresses
        families = [is_ipv6(first.address)] if is_explicit else [False, True]
        found = [(_own(source, first, ipv6=one), one) for one in families]
        known = [one for one in found if one[0]] or found[:1]
        yield from ((srcaddr, internet_address(estate, ipv6=one)) for srcaddr, one in known)
    else:
        yield _between(first, second, source, to)


def _between(first: ConnectionEnd, second: ConnectionEnd, source: Eni, to: Eni) -> tuple[str, str]:
    if second.address:
        address = second.address
        if address not in (*to.addresses, *(public for _, public in to.public_ips)):
            address = to.private_ips[0]  # an address that an emulator chose outside of the subnet
        return _own(source, first, ipv6=is_ipv6(address)), address
    is_public_balancer = second.load_balancer is not None and second.load_balancer.is_public and to.public_ips
    if is_public_balancer and source.private_ips:
        return _own(source, first, ipv6=False), to.public_ips[0][1]
    has_ipv4 = source.private_ips and to.private_ips and not is_ipv6(first.address)
    wants_ipv6 = not has_ipv4 and bool(source.ipv6_addresses and to.ipv6_addresses)
    dstaddr = next(iter(to.ipv6_addresses if wants_ipv6 else to.private_ips), "")
    return _own(source, first, ipv6=wants_ipv6), dstaddr


def _own(eni: Eni, place: ConnectionEnd, *, ipv6: bool) -> str:
    addresses = eni.ipv6_addresses if ipv6 else eni.private_ips
    return place.address if place.address in addresses else next(iter(addresses), "")


def _public_of(to: Eni | None, place: ConnectionEnd) -> list[str]:
    """Return the addresses at which the internet finds an interface, or its private one if it has none."""
    if to is None:
        return [place.address]
    publics = [public for _, public in to.public_ips]
    if place.address and (place.address in publics or is_public(number_of(place.address))):
        return [place.address]
    by_private = dict(to.public_ips).get(place.address)
    found = [by_private] if by_private else publics[:1]
    return found or [*to.ipv6_addresses[:1]] or [*to.private_ips[:1]] or [""]
