"""The client-server pairs of an estate, derived from its security group rules.

The inbound rules of a server's groups define its clients: a rule for a group allows the members of that
group, a rule for a CIDR block the workloads in it, and a rule for 0.0.0.0/0 or ::/0 the internet. Every
workload also connects to the internet, to AWS, to time servers and to the resolver. The edges are computed
once from the intended estate: if a rule is removed later, clients still try to connect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address

import numpy as np

from connectors.vpc.addresses import IPV6_BEGINS, Cidr, cidr, number_of
from connectors.vpc.estate import Estate
from connectors.vpc.network import ANY, ICMP, ICMPV6, TCP, UDP, Eni, SecurityGroupRule
from emulator.world.traffic import profiles
from emulator.world.traffic.chance import mixed_number, mixed_numbers, of_text
from emulator.world.traffic.profiles import Profile

CLIENTS_MAX = 6
"""Interfaces of this estate that use one port of one server, at most: real graphs are sparse."""
CROWD, SCANNERS, SERVICES, SITES, CLOCKS = 4096, 384, 192, 1024, 24
"""How many addresses there are outside of each kind."""

_EVERYBODY = ("0.0.0.0/0", "::/0")
_NOT_WORKLOADS = {"nat_gateway", "transit_gateway", "gateway_load_balancer", "gateway_load_balancer_endpoint"}
_WIDE = 64  # a rule for more ports than this does not say which one is used
_ECHO = {ICMP: 8, ICMPV6: 128}  # the types that are asked
_ANYWHERE = number_of("198.18.0.1")


@dataclass(frozen=True, slots=True)
class Edge:
    """A client and a server, each by one or more equivalent addresses, and a profile. Port 0 is a scan."""

    profile: Profile
    origin: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    port: int

    @property
    def key(self) -> int:
        """Return the seed of the edge's random draws; it does not depend on the rest of the estate."""
        ends = of_text(self.sources[0]), of_text(self.destinations[0]), len(self.sources)
        of_profile = of_text(self.profile.name), self.profile.protocol
        return mixed_number(*of_profile, of_text(self.origin), *ends, self.port)


def edges(estate: Estate) -> list[Edge]:
    """Return the edges of an estate, in an order that depends only on the estate."""
    world = _World(estate)
    found = [edge for eni in world.enis for edge in (*world.served(eni), *world.opened(eni))]
    return list(dict.fromkeys(found))


class _World:
    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.enis = [estate.enis[one] for one in sorted(estate.enis) if estate.enis[one].addresses]
        self.workloads = [eni for eni in self.enis if eni.interface_type not in _NOT_WORKLOADS]
        self.members: dict[str, list[Eni]] = defaultdict(list)
        for eni in self.workloads:
            for group in eni.groups:
                self.members[group].append(eni)
        self.by_vpc: dict[str, list[Eni]] = defaultdict(list)
        for eni in self.workloads:
            self.by_vpc[eni.vpc_id].append(eni)
        self.rules = {group.group_id: group.ingress for group in estate.resources.security_groups}
        self._hashes = {eni.interface_id: of_text(eni.interface_id) for eni in self.workloads}
        self._inside: dict[tuple[str, str], list[Eni]] = {}
        self.crowd = _pool("crowd", CROWD, ("81.2.0.0/16", "92.40.0.0/14", "24.0.0.0/12", "189.4.0.0/15"))
        self.crowd_v6 = _pool("crowd", CROWD // 8, ("2a02:c7c::/40", "2601::/40"))
        self.scanners = _pool("scan", SCANNERS, ("45.128.0.0/16", "80.82.64.0/20", "167.94.128.0/18"))
        self.services = _pool(
            "aws", SERVICES, ("52.216.0.0/15", "3.5.0.0/19", "52.94.0.0/22", "52.46.128.0/19")
        )
        self.sites = _pool(
            "site", SITES, ("104.16.0.0/14", "13.224.0.0/14", "140.82.112.0/20", "34.64.0.0/11")
        )
        self.sites_v6 = _pool("site", SITES // 8, ("2606:4700::/40", "2600:9000::/40"))
        self.clocks = _pool("clock", CLOCKS, ("162.159.200.0/24", "203.0.113.0/24"))

    def served(self, eni: Eni) -> Iterator[Edge]:
        """Yield the edges whose server is this interface."""
        if eni.interface_type in _NOT_WORKLOADS:
            return
        for group in dict.fromkeys(eni.groups):
            for rule in sorted(
                self.rules.get(group, ()),
                key=lambda one: (one.protocol, one.from_port, one.to_port, one.peer),
            ):
                yield from self._by_rule(eni, rule)
        if eni.public_ips:
            publics = tuple(public for _, public in eni.public_ips)
            for profile in (profiles.NOISE, profiles.NOISE_UDP, profiles.NOISE_ICMP):
                yield Edge(profile, "", self.scanners, publics, 0)

    def _by_rule(self, eni: Eni, rule: SecurityGroupRule) -> Iterator[Edge]:
        protocol, port = _service(rule)
        if not protocol:
            return
        if rule.peer in _EVERYBODY and (eni.public_ips or (eni.ipv6_addresses and rule.peer == "::/0")):
            profile = profiles.of_port(protocol, port, True)
            is_v6 = rule.peer == "::/0"
            there = eni.ipv6_addresses if is_v6 else tuple(public for _, public in eni.public_ips)
            if there:
                yield Edge(profile, "", self.crowd_v6 if is_v6 else self.crowd, there, port)
            return
        for client in self._clients(eni, rule):
            profile = profiles.of_port(protocol, port, False)
            found = [profile]
            if _is_load_balancer(client) and protocol == TCP:
                found.append(profiles.HEALTH)
            if profile is profiles.DATABASE:
                found.append(profiles.BATCH)
            for one in found:
                yield from _between(client, eni, one, port, rule)

    def _clients(self, eni: Eni, rule: SecurityGroupRule) -> Sequence[Eni]:
        if rule.group_id:
            found = self.members.get(rule.group_id, [])
        elif rule.cidr:
            found = self._within(eni.vpc_id, rule.cidr)
        else:
            found = []
        opening = [one for one in found if one.interface_id != eni.interface_id and _opens(one)]
        return self._some(opening, eni, rule.text)

    def _some(self, enis: list[Eni], server: Eni, why: str) -> list[Eni]:
        """Return at most `CLIENTS_MAX` clients, ranked by hash: an added interface replaces at most one."""
        if len(enis) <= CLIENTS_MAX:
            return enis
        hashes = np.array([self._hashes[one.interface_id] for one in enis], np.uint64)
        ranks = mixed_numbers(of_text(server.interface_id + why), hashes)
        return [enis[place] for place in np.argsort(ranks, kind="stable")[:CLIENTS_MAX].tolist()]

    def _within(self, vpc_id: str, block: Cidr) -> list[Eni]:
        """Return a VPC's workloads in a block. If there are none, return those of the other VPCs."""
        found = self._inside.get((vpc_id, block.text))
        if found is None:
            for enis in (self.by_vpc[vpc_id], self.workloads):
                found = [eni for eni in enis if any(number_of(one) in block for one in eni.addresses)]
                if found:
                    break
            self._inside[vpc_id, block.text] = found = found or []
        return found

    def opened(self, eni: Eni) -> Iterator[Edge]:
        """Yield the edges from a customer's workload to the internet and to AWS."""
        if eni.is_requester_managed or eni.interface_type not in (
            "interface",
            "lambda",
            "branch",
            "trunk",
            "efa",
        ):
            return
        vpc = self.estate.vpcs.get(eni.vpc_id)
        if eni.private_ips:
            own = eni.private_ips[:1]
            if self._leads_out(eni, _ANYWHERE):
                yield Edge(profiles.EGRESS, eni.interface_id, own, self.sites, 443)
                yield Edge(profiles.EGRESS, eni.interface_id, own, self.services, 443)
                yield Edge(profiles.NTP, eni.interface_id, own, self.clocks, 123)
            if vpc and vpc.cidrs and vpc.cidrs[0].first < IPV6_BEGINS:
                yield Edge(profiles.DNS, eni.interface_id, own, (_ipv4(vpc.cidrs[0].first + 2),), 53)
        if eni.ipv6_addresses and self._leads_out(eni, IPV6_BEGINS + (0x2606 << 112)):
            yield Edge(profiles.EGRESS, eni.interface_id, eni.ipv6_addresses[:1], self.sites_v6, 443)

    def _leads_out(self, eni: Eni, number: int) -> bool:
        table = self.estate.routing(eni.subnet_id)
        return table is not None and table.lookup(number) is not None


def _opens(eni: Eni) -> bool:
    """Return whether an interface opens connections. Databases and endpoints of AWS only answer."""
    is_of_aws = eni.is_requester_managed or eni.interface_type == "vpc_endpoint"
    return not is_of_aws or eni.interface_type == "lambda" or _is_load_balancer(eni)


def _between(
    client: Eni, server: Eni, profile: Profile, port: int, rule: SecurityGroupRule
) -> Iterator[Edge]:
    """Yield the edges between two interfaces, in the address families of the rule."""
    is_v4 = rule.protocol != ICMPV6 and not (rule.cidr and rule.cidr.first >= IPV6_BEGINS)
    is_v6 = rule.protocol != ICMP and not (rule.cidr and rule.cidr.first < IPV6_BEGINS)
    if is_v4 and client.private_ips and server.private_ips:
        yield Edge(profile, client.interface_id, client.private_ips[:1], server.private_ips[:1], port)
    if is_v6 and client.ipv6_addresses and server.ipv6_addresses:
        yield Edge(profile, client.interface_id, client.ipv6_addresses[:1], server.ipv6_addresses[:1], port)


def _service(rule: SecurityGroupRule) -> tuple[int, int]:
    """Return the protocol and port that a rule is for, or (0, 0) if the rule implies no regular traffic."""
    if rule.protocol in (ICMP, ICMPV6):
        return (ICMP, 0) if rule.from_port in (ANY, _ECHO[rule.protocol]) else (0, 0)
    if rule.protocol not in (ANY, TCP, UDP):
        return 0, 0
    if rule.protocol == ANY or rule.to_port - rule.from_port > _WIDE or rule.from_port == ANY:
        return (UDP, 7946) if rule.protocol == UDP else (TCP, 8080)
    return rule.protocol, rule.from_port


def _is_load_balancer(eni: Eni) -> bool:
    return eni.description.startswith("ELB ") or eni.interface_type == "network_load_balancer"


@cache
def _pool(name: str, size: int, blocks: tuple[str, ...]) -> tuple[str, ...]:
    """Return `size` addresses in some blocks, the same in every world."""
    ranges = [cidr(block) for block in blocks]
    texts = []
    for i in range(size):
        block = ranges[i % len(ranges)]
        number = block.first + mixed_number(of_text(name), i) % (block.last - block.first - 1) + 1
        texts.append(_ipv4(number) if number < IPV6_BEGINS else _ipv6(number - IPV6_BEGINS))
    return tuple(dict.fromkeys(texts))


def _ipv4(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _ipv6(number: int) -> str:
    return str(IPv6Address(number))
