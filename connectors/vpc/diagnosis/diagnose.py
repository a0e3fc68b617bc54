"""The diagnosis of a connection between two ends: the best of the attempts between their interfaces. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.diagnosis.account.ends import ConnectionEnd, Resolver, UnknownEnd
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.load_balancing import Balanced, behind
from connectors.vpc.diagnosis.trace.conversation import Attempt, AttemptFindings, examine
from connectors.vpc.diagnosis.trace.findings import Cause
from connectors.vpc.diagnosis.trace.public_hosts import internet_address, is_public
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, TCP, UDP, Eni

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
_HOSTS_MAX = 8
"""The interfaces of one end that are tried: hosts of a subnet, nodes of a load balancer."""
_DEFAULT_PORT = 443


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer. `port` is None for ICMP. `estate` has the stand-ins of the ends."""

    estate: Estate
    source: ConnectionEnd
    destination: ConnectionEnd
    protocol: str
    port: int | None
    result: AttemptFindings

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Return every cause, forward first; none if the destination is reachable."""
        return self.result.causes

    @property
    def is_reachable(self) -> bool:
        """Return whether a connection works."""
        return not self.causes


def diagnose(
    inventory: Inventory, source: str, destination: str, protocol: str, port: int | None
) -> Diagnosis:
    """Return why the source can or cannot reach the destination.

    Raises `UnknownEnd` if an end cannot be resolved, and `Undetermined` if the path cannot be followed.
    """
    resolver = Resolver(inventory)
    first = resolver.place(source)
    second = resolver.place(destination, first)
    if first.is_internet and second.is_internet:
        raise UnknownEnd(f"{source} and {destination} are both outside the estate: name a resource of it.")
    shown = None if protocol == "icmp" else port or _port(second)
    gone = [Cause(code, at, "forward", say) for code, at, say in (*first.causes, *second.causes)]
    if gone:
        nothing = Attempt(None, None, first.address, second.address, PROTOCOLS[protocol], shown or 0)
        return Diagnosis(
            resolver.estate, first, second, protocol, shown, AttemptFindings(nothing, tuple(gone), (), ())
        )
    best: AttemptFindings | None = None
    for attempt in _attempts(resolver, first, second, PROTOCOLS[protocol], shown or 0):
        result = _examined(resolver, second, attempt)
        if best is None or len(result.causes) < len(best.causes):
            best = result
        if not best.causes:
            break
    if best is None:
        raise UnknownEnd(f"{source} and {destination} are the same network interface: name another one.")
    return Diagnosis(resolver.estate, first, second, protocol, shown, best)


def _port(place: ConnectionEnd) -> int:
    if place.database:
        return place.database.port
    listeners = place.load_balancer.listeners if place.load_balancer else ()
    return listeners[0].port if len(listeners) == 1 else _DEFAULT_PORT


def _examined(resolver: Resolver, second: ConnectionEnd, attempt: Attempt) -> AttemptFindings:
    missing = _without_address(attempt)
    if missing:
        return AttemptFindings(attempt, (missing,), (), ())
    result = examine(resolver.estate, attempt, resolver.aliases)
    if second.load_balancer and attempt.destination:
        node = result.arrived or attempt.destination
        balanced = Balanced(resolver.estate, second.load_balancer, resolver.aliases)
        return behind(balanced, result, node)
    return result


def _without_address(attempt: Attempt) -> Cause | None:
    """Return a cause if an end has no address of the family of the connection."""
    for eni, address in ((attempt.source, attempt.srcaddr), (attempt.destination, attempt.dstaddr)):
        if eni and not address:
            family = "IPv6" if is_ipv6(attempt.srcaddr or attempt.dstaddr) else "IPv4"
            say = f"{eni.interface_id} has no {family} address: assign one."
            return Cause("UNASSOCIATED_COMPONENT", eni.interface_id, "forward", say)
    return None


def _attempts(
    resolver: Resolver, first: ConnectionEnd, second: ConnectionEnd, protocol: int, port: int
) -> Iterator[Attempt]:
    """Yield the attempts, those with a public address first."""
    for source in _candidates(first):
        for to in _candidates(second):
            if source is None or to is None or source.interface_id != to.interface_id:
                addresses = _addresses(resolver, first, second, source, to)
                yield Attempt(source, to, *addresses, protocol, port)


def _candidates(place: ConnectionEnd) -> list[Eni | None]:
    in_order = sorted(place.enis, key=lambda eni: not eni.public_ips)[:_HOSTS_MAX]
    return list(in_order) or [None]


def _addresses(
    resolver: Resolver, first: ConnectionEnd, second: ConnectionEnd, source: Eni | None, to: Eni | None
) -> tuple[str, str]:
    """Return the source and the destination address of a connection between two interfaces."""
    estate = resolver.estate
    if source is None:
        dstaddr = _public_of(to, second)
        srcaddr = first.address or internet_address(estate, ipv6=is_ipv6(dstaddr))
        return srcaddr, dstaddr
    if to is None:
        wants_ipv6 = is_ipv6(second.address) if second.address else not source.private_ips
        dstaddr = second.address or internet_address(estate, ipv6=wants_ipv6)
        return _own(source, first, ipv6=wants_ipv6), dstaddr
    if second.address:
        address = second.address
        if address not in (*to.addresses, *(public for _, public in to.public_ips)):
            address = to.private_ips[0]  # an address that an emulator chose outside of the subnet
        return _own(source, first, ipv6=is_ipv6(address)), address
    is_public_balancer = second.load_balancer is not None and second.load_balancer.is_public and to.public_ips
    if is_public_balancer and source.private_ips:
        return _own(source, first, ipv6=False), to.public_ips[0][1]
    wants_ipv6 = not (source.private_ips and to.private_ips) and bool(
        source.ipv6_addresses and to.ipv6_addresses
    )
    dstaddr = next(iter(to.ipv6_addresses if wants_ipv6 else to.private_ips), "")
    return _own(source, first, ipv6=wants_ipv6), dstaddr


def _own(eni: Eni, place: ConnectionEnd, *, ipv6: bool) -> str:
    addresses = eni.ipv6_addresses if ipv6 else eni.private_ips
    return place.address if place.address in addresses else next(iter(addresses), "")


def _public_of(to: Eni | None, place: ConnectionEnd) -> str:
    """Return the address at which the internet finds an interface, or its private one if it has none."""
    if to is None:
        return place.address
    publics = [public for _, public in to.public_ips]
    if place.address and (place.address in publics or is_public(number_of(place.address))):
        return place.address
    by_private = dict(to.public_ips).get(place.address)
    if by_private or publics:
        return by_private or publics[0]
    return next(iter(to.ipv6_addresses or to.private_ips), "")
