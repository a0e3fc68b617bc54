"""The network of a topology as EC2 would describe it after a build, without any call. Pure.

The ids follow from the names, so the same topology has the same network everywhere. Parts that a topology
does not name are as AWS has them: main route tables, default network ACLs and groups, prefix lists.
`tests/emulator/world/topology/test_described.py` compares it with an estate that was built through the API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from connectors.vpc.addresses import Cidr, cidr
from connectors.vpc.estate import Resources
from connectors.vpc.network import (
    ANY,
    LAST_ACL_RULE,
    Eni,
    EniId,
    Gateway,
    GroupId,
    NatGateway,
    NetworkAcl,
    NetworkAclEntry,
    Peering,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetId,
    TransitGateway,
    TransitGatewayAttachment,
    TransitGatewayRouteTable,
    Vpc,
    VpcEndpoint,
    VpcId,
)
from emulator.world.topology.ids import id_of, ipv6_first
from emulator.world.topology.interfaces import Maker, PlannedEni, interfaces
from emulator.world.topology.lines import Entry, RouteTarget, Rule
from emulator.world.topology.model import Topology

ACCOUNT_ID, REGION = "123456789012", "us-east-1"
"""AWS's example account."""
_ANYWHERE, _ANYWHERE_IPV6 = cidr("0.0.0.0/0"), cidr("::/0")
_SERVICE_BLOCKS = {
    "s3": ("52.216.0.0/15", "54.231.0.0/16", "3.5.0.0/19"),
    "dynamodb": ("3.218.182.0/24", "52.94.0.0/22"),
}
"""Some blocks of the services that have gateway endpoints (ip-ranges.json, us-east-1)."""
_ATTACHED_TO: Final[dict[Maker, str]] = {
    "nat-gateway": "nat-gateway",
    "endpoint": "endpoint",
    "attachment": "attachment",
}


def resources(topology: Topology) -> Resources:
    """Return everything that EC2 would describe. Raises `SubnetFull`."""
    network = _Network(topology, interfaces(topology))
    return Resources(
        vpcs=tuple(network.vpcs()),
        subnets=tuple(network.subnets()),
        enis=tuple(map(network.eni, network.planned)),
        route_tables=tuple(network.route_tables()),
        network_acls=tuple(network.network_acls()),
        security_groups=tuple(network.security_groups()),
        gateways=tuple(network.gateways()),
        nat_gateways=tuple(network.nat_gateways()),
        peerings=tuple(network.peerings()),
        prefix_lists=tuple(network.prefix_lists()),
        endpoints=tuple(network.endpoints()),
        transit_gateways=tuple(network.transit_gateways()),
        attachments=tuple(network.attachments()),
        transit_gateway_route_tables=tuple(network.transit_gateway_route_tables()),
    )


@dataclass(frozen=True, slots=True)
class _Network:
    topology: Topology
    planned: tuple[PlannedEni, ...]

    def vpcs(self) -> Iterator[Vpc]:
        for name in self.topology.vpcs:
            yield Vpc(_vpc_id(name), self._blocks(name), ACCOUNT_ID)

    def _blocks(self, vpc: str) -> tuple[Cidr, ...]:
        plan = self.topology.vpcs[vpc]
        ipv6 = (cidr(f"{IPv6Address(ipv6_first(vpc))}/56"),) if plan.ipv6 else ()
        return (*map(cidr, plan.cidrs), *ipv6)

    def subnets(self) -> Iterator[Subnet]:
        for vpc, plan in self.topology.vpcs.items():
            for name, one in plan.subnets.items():
                blocks = [cidr(one.cidr)]
                if one.ipv6 is not None:
                    blocks.append(cidr(f"{IPv6Address(ipv6_first(vpc) + (one.ipv6 << 64))}/64"))
                yield Subnet(
                    _subnet_id(vpc, name),
                    _vpc_id(vpc),
                    tuple(blocks),
                    zone=f"{REGION}{one.zone}",
                    zone_id=f"use1-az{ord(one.zone) - ord('a') + 1}",
                    maps_public_ip=one.maps_public_ip,
                    owner_id=ACCOUNT_ID,
                )

    def eni(self, planned: PlannedEni) -> Eni:
        vpc, name = planned.vpc, planned.name
        owner = _ATTACHED_TO.get(planned.maker)
        number = self.topology.vpcs[vpc].subnets[planned.subnet].ipv6 or 0
        ipv6 = str(IPv6Address(ipv6_first(vpc) + (number << 64) + planned.host))
        groups = tuple(_group_id(vpc, one) for one in planned.groups) or (_group_id(vpc, ""),)
        return Eni(
            interface_id=EniId(id_of("network-interface", name, vpc)),
            subnet_id=_subnet_id(vpc, planned.subnet),
            vpc_id=_vpc_id(vpc),
            private_ips=(planned.address,),
            ipv6_addresses=(ipv6,) if planned.has_ipv6 else (),
            public_ips=((planned.address, planned.public_ip),) if planned.public_ip else (),
            groups=groups if planned.has_groups else (),
            description=planned.description.format(id=id_of(owner, planned.owner, vpc) if owner else ""),
            interface_type=planned.interface_type,
            requester_id=planned.requester_id,
            is_requester_managed=planned.is_requester_managed,
            source_dest_check=planned.source_dest_check,
            instance_id=id_of("instance", name, vpc) if planned.maker == "instance" else "",
            owner_id=ACCOUNT_ID,
        )

    def route_tables(self) -> Iterator[RouteTable]:
        for vpc, plan in self.topology.vpcs.items():
            local = tuple(Route("local", block) for block in self._blocks(vpc))
            yield RouteTable(id_of("route-table", "", vpc), _vpc_id(vpc), local, is_main=True)
            for name, routes in plan.route_tables.items():
                more = [Route(_target(vpc, target), cidr(block)) for block, target in routes.items()]
                for endpoint, one in plan.endpoints.items():
                    if name in one.route_tables:
                        listed = id_of("prefix-list", one.service)
                        more.append(Route(id_of("endpoint", endpoint, vpc), prefix_list_id=listed))
                users = [_subnet_id(vpc, key) for key, one in plan.subnets.items() if one.route_table == name]
                table_id = id_of("route-table", name, vpc)
                yield RouteTable(table_id, _vpc_id(vpc), (*local, *more), tuple(users))

    def network_acls(self) -> Iterator[NetworkAcl]:
        for vpc, plan in self.topology.vpcs.items():
            for name in (None, *plan.network_acls):
                entries = (
                    _default_entries(plan.ipv6) if name is None else map(_entry, plan.network_acls[name])
                )
                users = [_subnet_id(vpc, key) for key, one in plan.subnets.items() if one.network_acl == name]
                yield NetworkAcl(
                    id_of("network-acl", name or "", vpc),
                    _vpc_id(vpc),
                    (*entries, *_last_entries(is_ipv6=plan.ipv6)),
                    tuple(users),
                    is_default=name is None,
                )

    def security_groups(self) -> Iterator[SecurityGroup]:
        for vpc, plan in self.topology.vpcs.items():
            blocks = (_ANYWHERE, _ANYWHERE_IPV6) if plan.ipv6 else (_ANYWHERE,)
            everything = tuple(SecurityGroupRule(ANY, cidr=block) for block in blocks)
            own = _group_id(vpc, "")
            among = (SecurityGroupRule(ANY, group_id=own),)
            yield SecurityGroup(own, _vpc_id(vpc), among, everything, "default", ACCOUNT_ID)
            for name, one in plan.security_groups.items():
                egress = everything if one.egress is None else tuple(_rule(vpc, line) for line in one.egress)
                ingress = tuple(_rule(vpc, line) for line in one.ingress)
                yield SecurityGroup(_group_id(vpc, name), _vpc_id(vpc), ingress, egress, name, ACCOUNT_ID)

    def gateways(self) -> Iterator[Gateway]:
        for vpc, plan in self.topology.vpcs.items():
            kinds = {
                "internet-gateway": plan.internet_gateway,
                "egress-only-internet-gateway": plan.egress_only_internet_gateway,
            }
            for kind in (kind for kind, is_there in kinds.items() if is_there):
                yield Gateway(_target(vpc, RouteTarget(kind)), _vpc_id(vpc))

    def nat_gateways(self) -> Iterator[NatGateway]:
        for planned in self.planned:
            if planned.maker == "nat-gateway":
                yield NatGateway(
                    id_of("nat-gateway", planned.owner, planned.vpc),
                    _vpc_id(planned.vpc),
                    _subnet_id(planned.vpc, planned.subnet),
                    EniId(id_of("network-interface", planned.name, planned.vpc)),
                    planned.address,
                    planned.public_ip,
                    is_public=bool(planned.public_ip),
                )

    def peerings(self) -> Iterator[Peering]:
        for name, one in self.topology.peerings.items():
            yield Peering(id_of("peering", name), _vpc_id(one.requester), _vpc_id(one.accepter))

    def prefix_lists(self) -> Iterator[PrefixList]:
        for service, blocks in _SERVICE_BLOCKS.items():
            name = f"com.amazonaws.{REGION}.{service}"
            yield PrefixList(id_of("prefix-list", service), tuple(map(cidr, blocks)), name)

    def endpoints(self) -> Iterator[VpcEndpoint]:
        for vpc, plan in self.topology.vpcs.items():
            for name, one in plan.endpoints.items():
                enis = [f"endpoint/{name}.{subnet}" for subnet in one.subnets]
                yield VpcEndpoint(
                    id_of("endpoint", name, vpc),
                    _vpc_id(vpc),
                    one.type.capitalize(),
                    tuple(EniId(id_of("network-interface", eni, vpc)) for eni in enis),
                    tuple(_group_id(vpc, group) for group in one.groups),
                )

    def transit_gateways(self) -> Iterator[TransitGateway]:
        for name in self.topology.transit_gateways:
            table = id_of("transit-gateway-route-table", name)
            yield TransitGateway(id_of("transit-gateway", name), propagation_table_id=table)

    def attachments(self) -> Iterator[TransitGatewayAttachment]:
        for name, plan in self.topology.transit_gateways.items():
            for vpc, subnets in plan.attachments.items():
                yield TransitGatewayAttachment(
                    id_of("attachment", name, vpc),
                    id_of("transit-gateway", name),
                    "vpc",
                    _vpc_id(vpc),
                    tuple(_subnet_id(vpc, subnet) for subnet in subnets),
                )

    def transit_gateway_route_tables(self) -> Iterator[TransitGatewayRouteTable]:
        for name, plan in self.topology.transit_gateways.items():
            table = id_of("transit-gateway-route-table", name)
            every = tuple(id_of("attachment", name, vpc) for vpc in plan.attachments)
            yield TransitGatewayRouteTable(table, id_of("transit-gateway", name), (), every, every)


def _vpc_id(name: str) -> VpcId:
    return VpcId(id_of("vpc", name))


def _subnet_id(vpc: str, name: str) -> SubnetId:
    return SubnetId(id_of("subnet", name, vpc))


def _group_id(vpc: str, name: str) -> GroupId:
    """Return a group's id; the VPC's default group has no name here."""
    return GroupId(id_of("security-group", name, vpc))


def _target(vpc: str, target: RouteTarget) -> str:
    if target.kind in ("instance", "interface"):
        prefix = "interface/" if target.kind == "interface" else ""
        return id_of("network-interface", f"{prefix}{target.name}", vpc)
    is_shared = target.kind in ("peering", "transit-gateway")
    return id_of(target.kind, target.name, "" if is_shared else vpc)


def _rule(vpc: str, line: Rule) -> SecurityGroupRule:
    ports = (line.from_port, line.to_port)
    if line.is_block:
        return SecurityGroupRule(line.protocol, *ports, cidr=cidr(line.peer))
    of, _, group = line.peer.rpartition("/")
    return SecurityGroupRule(line.protocol, *ports, group_id=_group_id(of or vpc, group))


def _entry(line: Entry) -> NetworkAclEntry:
    block = cidr(line.rule.peer)
    if line.rule.protocol in (1, 58):
        codes = {"icmp_type": line.rule.from_port, "icmp_code": line.rule.to_port}
        return NetworkAclEntry(line.number, line.is_egress, line.allows, line.rule.protocol, block, **codes)
    has_ports = line.rule.protocol in (6, 17)
    ports = (line.rule.from_port, line.rule.to_port) if has_ports else (0, 65_535)
    return NetworkAclEntry(line.number, line.is_egress, line.allows, line.rule.protocol, block, *ports)


def _default_entries(is_ipv6: bool) -> Iterator[NetworkAclEntry]:
    for is_egress in (False, True):
        yield NetworkAclEntry(100, is_egress, True, ANY, _ANYWHERE)
        if is_ipv6:
            yield NetworkAclEntry(101, is_egress, True, ANY, _ANYWHERE_IPV6)


def _last_entries(*, is_ipv6: bool) -> Iterator[NetworkAclEntry]:
    """Yield the rules that AWS shows as `*`: what no other rule allows is denied."""
    for is_egress in (False, True):
        yield NetworkAclEntry(LAST_ACL_RULE, is_egress, False, ANY, _ANYWHERE)
        if is_ipv6:
            yield NetworkAclEntry(LAST_ACL_RULE + 1, is_egress, False, ANY, _ANYWHERE_IPV6)
