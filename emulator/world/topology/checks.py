"""The errors of a topology across its records, each with its place. Pure.

An error is a setting that AWS would refuse, or accept without it ever working. An unusual network is valid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network
from itertools import combinations
from typing import Protocol

from emulator.world.topology.interfaces import RESERVED_FIRST, RESERVED_LAST, SubnetFull, interfaces
from emulator.world.topology.lines import RouteTarget, Rule
from emulator.world.topology.model import Subnet, Topology, Vpc

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: a sentence, and the keys that lead to its place."""

    path: Path
    sentence: str


def faults(topology: Topology) -> list[Fault]:
    """Return all faults in the file's order."""
    found = [fault for name, vpc in topology.vpcs.items() for fault in _of_vpc(topology, name, vpc)]
    found += _of_peerings(topology)
    found += _of_transit_gateways(topology)
    return found or list(_of_interfaces(topology))


def _of_interfaces(topology: Topology) -> Iterator[Fault]:
    try:
        names = Counter((eni.vpc, eni.name) for eni in interfaces(topology))
    except SubnetFull as full:
        yield Fault(full.path, str(full))
        return
    for (vpc, name), count in names.items():
        if count > 1:
            yield Fault(("vpcs", vpc), f"{vpc} would have {count} interfaces named `{name}`.")


def _of_vpc(topology: Topology, name: str, vpc: Vpc) -> Iterator[Fault]:
    path = ("vpcs", name)
    yield from _overlaps(((*path, "cidrs", str(place)), block) for place, block in enumerate(vpc.cidrs))
    yield from _of_subnets(path, vpc)
    yield from _of_routes(topology, path, vpc)
    yield from _of_groups(topology, path, vpc)
    for acl, entries in vpc.network_acls.items():
        twice = [one for one, count in Counter((e.number, e.is_egress) for e in entries).items() if count > 1]
        for number, is_egress in twice:
            way = "out" if is_egress else "in"
            yield Fault(
                (*path, "network_acls", acl), f"Network ACL {acl} has rule {number} {way} more than once."
            )
    yield from _of_members(path, vpc)
    yield from _of_addresses(path, vpc)
    for kind, one, public in _public_things(vpc):
        if public and not vpc.internet_gateway:
            yield Fault(
                (*path, kind, one), f"{one} has a public address, but {name} has no internet gateway."
            )


def _overlaps(blocks: Iterable[tuple[Path, str]]) -> Iterator[Fault]:
    for (_, one), (path, other) in combinations(blocks, 2):
        if ip_network(one).overlaps(ip_network(other)):
            yield Fault(path, f"{other} overlaps {one}.")


def _of_subnets(path: Path, vpc: Vpc) -> Iterator[Fault]:
    yield from _overlaps(((*path, "subnets", name, "cidr"), one.cidr) for name, one in vpc.subnets.items())
    numbers: dict[int, str] = {}
    for name, subnet in vpc.subnets.items():
        place = (*path, "subnets", name)
        block = IPv4Network(subnet.cidr)
        if not any(block.subnet_of(IPv4Network(one)) for one in vpc.cidrs):
            yield Fault((*place, "cidr"), f"{subnet.cidr} is outside its VPC, {', '.join(vpc.cidrs)}.")
        yield from _missing(
            (*place, "route_table"), "route table", _some(subnet.route_table), vpc.route_tables
        )
        yield from _missing(
            (*place, "network_acl"), "network ACL", _some(subnet.network_acl), vpc.network_acls
        )
        if subnet.ipv6 is None:
            continue
        if not vpc.ipv6:
            yield Fault(
                (*place, "ipv6"), f"Subnet {name} has IPv6, but its VPC has not: set `ipv6: true` there."
            )
        if subnet.ipv6 in numbers:
            yield Fault((*place, "ipv6"), f"The IPv6 block of {name} is that of {numbers[subnet.ipv6]}.")
        numbers[subnet.ipv6] = name


def _some(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()


def _missing(path: Path, kind: str, names: Iterable[str], there: Iterable[str]) -> Iterator[Fault]:
    for name in names:
        if name not in there:
            yield Fault(path, f"There is no {kind} `{name}`.")


def _of_routes(topology: Topology, path: Path, vpc: Vpc) -> Iterator[Fault]:
    for table, routes in vpc.route_tables.items():
        for destination, target in routes.items():
            place = (*path, "route_tables", table, destination)
            sentence = _wrong_target(topology, path[1], vpc, target)
            if sentence:
                yield Fault(place, sentence)
            elif any(ip_network(destination) == ip_network(block) for block in vpc.cidrs):
                yield Fault(place, f"{destination} is the VPC's own block; its route is always local.")
            elif target.kind == "egress-only-internet-gateway" and ":" not in destination:
                yield Fault(place, "An egress-only internet gateway is for IPv6 only.")


def _wrong_target(topology: Topology, name: str, vpc: Vpc, target: RouteTarget) -> str:
    present: Mapping[str, Iterable[str]] = {
        "internet-gateway": [""] if vpc.internet_gateway else [],
        "egress-only-internet-gateway": [""] if vpc.egress_only_internet_gateway else [],
        "nat-gateway": vpc.nat_gateways,
        "interface": vpc.interfaces,
        "instance": [one for one, plan in vpc.instances.items() if plan.count == 1],
        "peering": [one for one, p in topology.peerings.items() if name in (p.requester, p.accepter)],
        "transit-gateway": [one for one, g in topology.transit_gateways.items() if name in g.attachments],
    }
    if target.name in present[target.kind]:
        return ""
    shown = f"{target.kind} `{target.name}`" if target.name else target.kind
    return f"The route leads to the {shown}, which VPC {name} does not have."


def _of_groups(topology: Topology, path: Path, vpc: Vpc) -> Iterator[Fault]:
    for name, group in vpc.security_groups.items():
        place = (*path, "security_groups", name)
        if name == "default" or name.startswith("sg-"):
            yield Fault(place, f"AWS does not let a security group be named `{name}`.")
        for way, rules in (("ingress", group.ingress), ("egress", group.egress or ())):
            for number, rule in enumerate(rules):
                sentence = _wrong_peer(topology, path[1], rule)
                if sentence:
                    yield Fault((*place, way, str(number)), sentence)
            for rule, count in Counter(rules).items():
                if count > 1:
                    yield Fault((*place, way), f"The rule about {rule.peer} is there twice.")


def _wrong_peer(topology: Topology, name: str, rule: Rule) -> str:
    if rule.is_block:
        return ""
    of, _, group = rule.peer.rpartition("/")
    of = of or name
    other = topology.vpcs.get(of)
    if other is None or group not in other.security_groups:
        return f"There is no security group `{group}` in VPC `{of}`."
    if of != name and not _are_peered(topology, of, name):
        return f"`{rule.peer}` can be named in a rule of {name} only if the two VPCs are peered."
    return ""


def _are_peered(topology: Topology, one: str, other: str) -> bool:
    return any({p.requester, p.accepter} == {one, other} for p in topology.peerings.values())


def _of_members(path: Path, vpc: Vpc) -> Iterator[Fault]:
    for kind, name, subnets, groups in _placed(vpc):
        place = (*path, kind, name)
        yield from _missing(place, "subnet", subnets, vpc.subnets)
        yield from _missing(place, "security group", groups, vpc.security_groups)
        if kind in _ONE_PER_ZONE and _share_a_zone(vpc, subnets):
            yield Fault(place, f"{_ONE_PER_ZONE[kind]} has one subnet in each of its zones.")
    for name, balancer in vpc.load_balancers.items():
        # ELB guide: an Application Load Balancer needs subnets of at least two zones.
        if balancer.type == "application" and len(balancer.subnets) < 2:
            yield Fault(
                (*path, "load_balancers", name), "An Application Load Balancer is in two subnets at least."
            )
    for name, endpoint in vpc.endpoints.items():
        place = (*path, "endpoints", name)
        yield from _missing(place, "route table", endpoint.route_tables, vpc.route_tables)
        if endpoint.type == "interface" and (not endpoint.subnets or endpoint.route_tables):
            yield Fault(place, "An interface endpoint has subnets, and no route tables.")
        if endpoint.type == "gateway" and (endpoint.subnets or endpoint.groups):
            yield Fault(place, "A gateway endpoint has route tables, and neither subnets nor groups.")


_ONE_PER_ZONE = {"load_balancers": "A load balancer", "endpoints": "An interface endpoint"}


def _share_a_zone(vpc: Vpc, subnets: Iterable[str]) -> bool:
    zones = [vpc.subnets[subnet].zone for subnet in subnets if subnet in vpc.subnets]
    return len(set(zones)) < len(zones)


class _Placed(Protocol):
    @property
    def subnets(self) -> tuple[str, ...]: ...
    @property
    def groups(self) -> tuple[str, ...]: ...


def _placed(vpc: Vpc) -> Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """Yield (kind, name, subnets, groups) of each resource with an interface."""
    for name, nat in vpc.nat_gateways.items():
        yield "nat_gateways", name, (nat.subnet,), ()
    for name, interface in vpc.interfaces.items():
        yield "interfaces", name, (interface.subnet,), interface.groups
    several: dict[str, Mapping[str, _Placed]] = {
        "instances": vpc.instances,
        "load_balancers": vpc.load_balancers,
        "databases": vpc.databases,
        "caches": vpc.caches,
        "functions": vpc.functions,
        "endpoints": vpc.endpoints,
    }
    for kind, things in several.items():
        for name, thing in things.items():
            yield kind, name, thing.subnets, thing.groups


def _public_things(vpc: Vpc) -> Iterator[tuple[str, str, bool]]:
    yield from (("nat_gateways", name, one.public) for name, one in vpc.nat_gateways.items())
    yield from (("instances", name, one.public_ip) for name, one in vpc.instances.items())
    yield from (("interfaces", name, one.public_ip) for name, one in vpc.interfaces.items())
    yield from (("load_balancers", name, one.internet_facing) for name, one in vpc.load_balancers.items())


def _of_addresses(path: Path, vpc: Vpc) -> Iterator[Fault]:
    asked = [("interfaces", name, one.subnet, one.address) for name, one in vpc.interfaces.items()]
    asked += [("nat_gateways", name, one.subnet, one.address) for name, one in vpc.nat_gateways.items()]
    asked += [("instances", name, one.subnets[0], one.address) for name, one in vpc.instances.items()]
    owners: dict[str, str] = {}
    for kind, name, subnet, address in asked:
        if address is None:
            continue
        place = (*path, kind, name, "address")
        if subnet in vpc.subnets and not _is_usable(vpc.subnets[subnet], address):
            yield Fault(place, f"{address} is not an address that {name} can have in subnet {subnet}.")
        if address in owners:
            yield Fault(place, f"{address} is that of {owners[address]}.")
        owners[address] = name
        if kind == "instances" and vpc.instances[name].count > 1:
            yield Fault(place, f"{name} is several instances; they cannot have one address.")


def _is_usable(subnet: Subnet, address: str) -> bool:
    block = IPv4Network(subnet.cidr)
    if ":" in address or IPv4Address(address) not in block:
        return False
    host = int(IPv4Address(address)) - int(block.network_address)
    return RESERVED_FIRST <= host < block.num_addresses - RESERVED_LAST


def _of_peerings(topology: Topology) -> Iterator[Fault]:
    for name, peering in topology.peerings.items():
        path = ("peerings", name)
        ends = (peering.requester, peering.accepter)
        yield from _missing(path, "VPC", ends, topology.vpcs)
        if ends[0] == ends[1]:
            yield Fault(path, "A VPC cannot be peered with itself.")
        elif all(end in topology.vpcs for end in ends):
            yield from _between(topology, path, *ends)


def _between(topology: Topology, path: Path, one: str, other: str) -> Iterator[Fault]:
    for mine in topology.vpcs[one].cidrs:
        for theirs in topology.vpcs[other].cidrs:
            if ip_network(mine).overlaps(ip_network(theirs)):
                yield Fault(path, f"{mine} of {one} overlaps {theirs} of {other}; AWS does not peer them.")


def _of_transit_gateways(topology: Topology) -> Iterator[Fault]:
    for name, gateway in topology.transit_gateways.items():
        for vpc, subnets in gateway.attachments.items():
            path = ("transit_gateways", name, "attachments", vpc)
            yield from _missing(path, "VPC", (vpc,), topology.vpcs)
            if vpc not in topology.vpcs:
                continue
            yield from _missing(path, "subnet", subnets, topology.vpcs[vpc].subnets)
            if _share_a_zone(topology.vpcs[vpc], subnets):
                yield Fault(path, "An attachment has one subnet in each of its zones.")
