"""The described network at one moment, indexed by id and by address.

An `Estate` is immutable: a changed rule makes another estate (`with_changes`), which tells a cache to drop
its entries. The constructor adds what AWS implies and an API response omits: local routes, the main route
table, the default network ACL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from connectors.vpc.addresses import Cidr, number_of
from connectors.vpc.network import (
    ICMP,
    ICMPV6,
    BlockMode,
    BlockPublicAccess,
    Eni,
    Gateway,
    NatGateway,
    NetworkAcl,
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
from connectors.vpc.rules import internet, unlogged
from connectors.vpc.rules.network_acls import OrderedAcl, ordered
from connectors.vpc.rules.routes import RoutingTable, compiled
from connectors.vpc.rules.security_groups import SortedGroup, sorted_group

_NOTHING_BLOCKED = BlockPublicAccess()


@dataclass(frozen=True, slots=True)
class Resources:
    """All described resources, in any order.

    `gateways` are the internet, egress-only internet and virtual private gateways, one for each attachment.
    `unread` are the operations that the reader may not call: what they describe is unknown, not absent.
    """

    vpcs: tuple[Vpc, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    enis: tuple[Eni, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    network_acls: tuple[NetworkAcl, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    peerings: tuple[Peering, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    endpoints: tuple[VpcEndpoint, ...] = ()
    transit_gateways: tuple[TransitGateway, ...] = ()
    attachments: tuple[TransitGatewayAttachment, ...] = ()
    transit_gateway_route_tables: tuple[TransitGatewayRouteTable, ...] = ()
    block_public_access: BlockPublicAccess = _NOTHING_BLOCKED
    unread: frozenset[str] = frozenset()


class Estate:
    """The resources of one moment by id and by address.

    Lookups return None for unknown ids, since a description can be partial.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.vpcs = {vpc.vpc_id: vpc for vpc in resources.vpcs}
        self.subnets = {subnet.subnet_id: subnet for subnet in resources.subnets}
        self.enis = {eni.interface_id: eni for eni in resources.enis}
        self.prefix_lists = {one.prefix_list_id: one for one in resources.prefix_lists}
        self.gateways = {one.gateway_id: one for one in resources.gateways}
        self.nat_gateways = {one.nat_gateway_id: one for one in resources.nat_gateways}
        self.nat_of_eni = {one.interface_id: one for one in resources.nat_gateways}
        self.peerings = {one.peering_id: one for one in resources.peerings}
        self.endpoints = {one.endpoint_id: one for one in resources.endpoints}
        self.transit_gateways = {one.transit_gateway_id: one for one in resources.transit_gateways}
        self.attachments = {one.attachment_id: one for one in resources.attachments}
        self._index_addresses()
        self._index_tables()
        self._index_filters()
        self._index_attachments()

    def with_changes(self, **changes: Any) -> Estate:
        """Return the estate with some of its `Resources` replaced."""
        return Estate(replace(self.resources, **changes))

    def eni_at(self, vpc_id: str, number: int) -> Eni | None:
        """Return the interface with a private or IPv6 address in a VPC."""
        return self._at.get((vpc_id, number))

    def public(self, number: int) -> tuple[Eni, str] | None:
        """Return the interface with a public address, and its address inside the VPC."""
        return self._public.get(number)

    def is_known(self, number: int) -> bool:
        """Return whether an interface has the address or AWS reserves it."""
        return number in self._known

    def routing(self, subnet_id: str) -> RoutingTable | None:
        """Return the subnet's route table."""
        return self._routing.get(subnet_id)

    def edge_routing(self, gateway_id: str) -> RoutingTable | None:
        """Return the route table with an edge association to the gateway."""
        return self._edges.get(gateway_id)

    def acl(self, subnet_id: str) -> OrderedAcl | None:
        """Return the subnet's network ACL, or None if none is described. Then nothing is denied."""
        return self._acls.get(subnet_id)

    def group(self, group_id: str) -> SortedGroup | None:
        """Return a security group with its rules in evaluation order."""
        return self._groups.get(group_id)

    def attachment(self, transit_gateway_id: str, vpc_id: str) -> TransitGatewayAttachment | None:
        """Return the VPC's attachment to a transit gateway."""
        return self._attachment_of.get((transit_gateway_id, vpc_id))

    def attachment_eni(self, attachment: TransitGatewayAttachment, subnet_id: SubnetId) -> Eni | None:
        """Return the attachment's interface in a subnet."""
        return self._attachment_enis.get((attachment.attachment_id, subnet_id))

    def attachment_routing(self, attachment: TransitGatewayAttachment) -> RoutingTable | None:
        """Return the route table with which the attachment is associated."""
        return self._attachment_tables.get(attachment.attachment_id)

    def internet_gateway(self, vpc_id: str) -> str:
        """Return the VPC's internet gateway, or an empty text."""
        return self._internet_gateways.get(vpc_id, "")

    def is_attached(self, gateway_id: str, vpc_id: str) -> bool:
        """Return whether an internet, egress-only or virtual private gateway is attached to the VPC."""
        return (gateway_id, vpc_id) in self._attached

    def block_public_access(self, eni: Eni) -> BlockMode | Literal["allow-egress"]:
        """Return the mode of Block Public Access at an interface; a subnet's exclusion precedes its VPC's."""
        blocking = self.resources.block_public_access
        if blocking.mode == "off" or not blocking.exclusions:
            return blocking.mode
        exclusions = dict(blocking.exclusions)
        exclusion = exclusions.get(eni.subnet_id) or exclusions.get(eni.vpc_id)
        if exclusion == "allow-bidirectional":
            return "off"
        # An egress-only exclusion “only applies when BPA is set to Bidirectional”.
        return exclusion if exclusion and blocking.mode == "block-bidirectional" else blocking.mode

    def referenced_cidrs(self) -> Iterator[Cidr]:
        """Yield each block that a rule, route or resource names, and those closed to internet gateways."""
        resources = self.resources
        for vpc in resources.vpcs:
            yield from vpc.cidrs
        for subnet in resources.subnets:
            yield from subnet.cidrs
        for prefix_list in resources.prefix_lists:
            yield from prefix_list.cidrs
        for rule in self._rules():
            if rule.cidr:
                yield rule.cidr
        for acl in resources.network_acls:
            yield from (entry.cidr for entry in acl.entries)
        for table in resources.route_tables:
            yield from (route.destination for route in table.routes if route.destination)
        for transit in resources.transit_gateway_route_tables:
            yield from (route.destination for route in transit.routes)
        yield from internet.PRIVATE

    def referenced_ports(self) -> Iterator[int]:
        """Yield each port (or ICMP type and code) at which a rule begins, or the next one after its end."""
        yield from unlogged.dhcp_ports()
        ranges: list[tuple[int, int]] = [(rule.from_port, rule.to_port) for rule in self._rules()]
        ranges += [
            (entry.from_port, entry.to_port)
            for acl in self.resources.network_acls
            for entry in acl.entries
            if entry.protocol not in (ICMP, ICMPV6)
        ]
        for low, high in ranges:
            yield from (low, high + 1)

    def _rules(self) -> Iterator[SecurityGroupRule]:
        for group in self.resources.security_groups:
            yield from group.ingress
            yield from group.egress

    def _index_addresses(self) -> None:
        self._at: dict[tuple[str, int], Eni] = {}
        self._public: dict[int, tuple[Eni, str]] = {}
        for eni in self.resources.enis:
            for address in eni.addresses:
                self._at[eni.vpc_id, number_of(address)] = eni
            for address in eni.ipv6_addresses:
                self._public[number_of(address)] = (eni, address)
            for private, public in eni.public_ips:
                self._public[number_of(public)] = (eni, private)
        self.reserved: dict[str, dict[int, str]] = {vpc_id: {} for vpc_id in self.vpcs}
        for vpc_id, number, why in unlogged.reserved_addresses(self.resources.vpcs, self.resources.subnets):
            self.reserved.setdefault(vpc_id, {})[number] = why
        self._known = {number for _, number in self._at} | set(self._public)
        self._known |= {number for found in self.reserved.values() for number in found}
        self._attached = {(one.gateway_id, one.vpc_id) for one in self.resources.gateways}
        self._internet_gateways: dict[str, str] = {
            one.vpc_id: one.gateway_id for one in self.resources.gateways if one.gateway_id.startswith("igw-")
        }

    def _index_tables(self) -> None:
        self._routing: dict[str, RoutingTable] = {}
        self._edges: dict[str, RoutingTable] = {}
        main: dict[VpcId, RoutingTable] = {}
        for table in self.resources.route_tables:
            vpc = self.vpcs.get(table.vpc_id)
            routing = compiled(_with_local(table, vpc.cidrs if vpc else ()), self.prefix_lists)
            self._routing |= dict.fromkeys(table.subnets, routing)
            self._edges |= dict.fromkeys(table.gateways, routing)
            if table.is_main:
                main[table.vpc_id] = routing
        for subnet in self.resources.subnets:
            if subnet.subnet_id not in self._routing and subnet.vpc_id in main:
                self._routing[subnet.subnet_id] = main[subnet.vpc_id]

    def _index_filters(self) -> None:
        self._groups: dict[str, SortedGroup] = {
            group.group_id: sorted_group(group, self.prefix_lists) for group in self.resources.security_groups
        }
        self._acls: dict[str, OrderedAcl] = {}
        default: dict[VpcId, OrderedAcl] = {}
        for acl in self.resources.network_acls:
            in_order = ordered(acl)
            self._acls |= dict.fromkeys(acl.subnets, in_order)
            if acl.is_default:
                default[acl.vpc_id] = in_order
        for subnet in self.resources.subnets:
            if subnet.subnet_id not in self._acls and subnet.vpc_id in default:
                self._acls[subnet.subnet_id] = default[subnet.vpc_id]

    def _index_attachments(self) -> None:
        self._attachment_of: dict[tuple[str, str], TransitGatewayAttachment] = {}
        self._attachment_enis: dict[tuple[str, SubnetId], Eni] = {}
        self._attachment_tables: dict[str, RoutingTable] = {}
        tables = {
            table.route_table_id: compiled(self._transit_table(table), self.prefix_lists)
            for table in self.resources.transit_gateway_route_tables
        }
        for attachment in self.resources.attachments:
            self._attachment_of[attachment.transit_gateway_id, attachment.resource_id] = attachment
        for table in self.resources.transit_gateway_route_tables:
            self._attachment_tables |= dict.fromkeys(table.associations, tables[table.route_table_id])
        for eni in self.resources.enis:
            attachment_id = eni.description.rpartition(" ")[2]
            if attachment_id.startswith("tgw-attach-"):  # as AWS describes an attachment's ENI
                self._attachment_enis[attachment_id, eni.subnet_id] = eni

    def _transit_table(self, table: TransitGatewayRouteTable) -> RouteTable:
        routes = [
            Route(
                route.attachment_id,
                route.destination,
                is_blackhole=route.is_blackhole,
                is_propagated=route.is_propagated,
            )
            for route in table.routes
        ]
        gateway = self.transit_gateways.get(table.transit_gateway_id)
        # AWS lists what propagates to the default table; moto lists only what was enabled by a call.
        is_default = gateway is not None and gateway.propagation_table_id == table.route_table_id
        is_default = is_default and not table.propagations
        for attachment in self.resources.attachments:
            by_default = is_default and attachment.transit_gateway_id == table.transit_gateway_id
            vpc = self.vpcs.get(VpcId(attachment.resource_id))
            if (
                vpc
                and attachment.is_available
                and (by_default or attachment.attachment_id in table.propagations)
            ):
                routes += [Route(attachment.attachment_id, block, is_propagated=True) for block in vpc.cidrs]
        return RouteTable(table.route_table_id, VpcId(""), tuple(routes))


def _with_local(table: RouteTable, cidrs: Iterable[Cidr]) -> RouteTable:
    """Add each block's local route. VPC guide, "Routes": a table has it unless its target was replaced."""
    present = {route.destination for route in table.routes}
    missing = tuple(Route("local", block) for block in cidrs if block not in present)
    return replace(table, routes=missing + table.routes)
