"""The flow-log records that belong to a diagnosed connection. Pure."""

from __future__ import annotations

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd
from connectors.vpc.diagnosis.diagnose import PROTOCOLS, Diagnosis
from connectors.vpc.diagnosis.observed import ConnectionFilter, Match
from connectors.vpc.diagnosis.trace.public_hosts import is_public
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, ICMPV6, Eni

_CARRIERS = {"transit_gateway", "nat_gateway", "network_load_balancer"}


def wanted(diagnosis: Diagnosis) -> ConnectionFilter:
    """Return the addresses, protocol and port of the records to look for."""
    source, destination = diagnosis.source, diagnosis.destination
    protocol = PROTOCOLS[diagnosis.protocol]
    return ConnectionFilter(
        protocols=frozenset({ICMP, ICMPV6} if protocol == ICMP else {protocol}),
        port=diagnosis.port,
        is_source=_match(diagnosis.estate, source),
        is_destination=_match(diagnosis.estate, destination),
        ends=frozenset(eni.interface_id for place in (source, destination) for eni in place.enis),
        carriers=frozenset(
            eni.interface_id for eni in diagnosis.estate.enis.values() if eni.interface_type in _CARRIERS
        ),
    )


def _match(estate: Estate, place: ConnectionEnd) -> Match:
    """Return the test of an address for an end. Any public address is the internet.

    The address of a stand-in is unknown: each address in its subnet that no interface has can be its own.
    """
    if place.kind == "internet":
        return _is_public
    texts = [address for eni in place.enis for address in _addresses(eni)]
    addresses = {_number(one) for one in (*texts, *([place.address] if place.address else []))}
    blocks = place.blocks
    unknown = {eni.subnet_id: eni for eni in place.enis if not eni.interface_id.startswith("eni-")}
    subnets = [subnet for subnet in map(estate.subnets.get, unknown) if subnet]

    def is_one(address: str) -> bool:
        number = _number(address)
        if number is None:
            return False
        if number in addresses or any(number in block for block in blocks):
            return True
        return any(
            number in block and estate.eni_at(subnet.vpc_id, number) is None
            for subnet in subnets
            for block in subnet.cidrs
        )

    return is_one


def _addresses(eni: Eni) -> tuple[str, ...]:
    return (*eni.addresses, *(public for _, public in eni.public_ips))


def _is_public(address: str) -> bool:
    number = _number(address)
    return number is not None and is_public(number)


def _number(address: str) -> int | None:
    try:
        return number_of(address)
    except ValueError:
        return None
