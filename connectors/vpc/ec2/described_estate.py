"""The conversion of all responses of EC2's `Describe…` calls to the network model. Pure.

`described` converts single resources. moto describes the interfaces of NAT gateways and endpoints as ordinary
ones with the default group, so this module sets their types from the gateways and endpoints that name them.
It also converts transit gateways, which several calls describe together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.vpc.addresses import cidr
from connectors.vpc.ec2 import described, described_eni
from connectors.vpc.ec2.described import Description
from connectors.vpc.estate import Resources
from connectors.vpc.network import (
    Eni,
    EniId,
    NatGateway,
    SubnetId,
    TransitGateway,
    TransitGatewayAttachment,
    TransitGatewayRoute,
    TransitGatewayRouteTable,
    VpcEndpoint,
)

Descriptions = Sequence[Description]
ByTable = Mapping[str, Descriptions]

_GONE = {"deleted", "failed", "rejected", "expired"}
_INTERFACE_TYPES = {
    "Interface": "vpc_endpoint",
    "GatewayLoadBalancer": "gateway_load_balancer_endpoint",
    "Resource": "vpc_endpoint",
    "ServiceNetwork": "vpc_endpoint",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The lists of the responses, named after the calls: `describe_vpcs` → `vpcs`. The pages are joined.

    `instances` are those of all reservations.

    `managed_prefix_list_entries` is by prefix list id. `transit_gateway_routes` and the associations and
    propagations are by transit gateway route table id.
    """

    vpcs: Descriptions = ()
    subnets: Descriptions = ()
    route_tables: Descriptions = ()
    network_acls: Descriptions = ()
    security_groups: Descriptions = ()
    network_interfaces: Descriptions = ()
    instances: Descriptions = ()
    internet_gateways: Descriptions = ()
    egress_only_internet_gateways: Descriptions = ()
    vpn_gateways: Descriptions = ()
    nat_gateways: Descriptions = ()
    vpc_peering_connections: Descriptions = ()
    vpc_endpoints: Descriptions = ()
    managed_prefix_lists: Descriptions = ()
    managed_prefix_list_entries: ByTable = field(default_factory=dict)
    transit_gateways: Descriptions = ()
    transit_gateway_attachments: Descriptions = ()
    transit_gateway_vpc_attachments: Descriptions = ()
    transit_gateway_route_tables: Descriptions = ()
    transit_gateway_routes: ByTable = field(default_factory=dict)
    transit_gateway_route_table_associations: ByTable = field(default_factory=dict)
    transit_gateway_route_table_propagations: ByTable = field(default_factory=dict)
    vpc_block_public_access_options: Description = field(default_factory=dict)
    vpc_block_public_access_exclusions: Descriptions = ()


def resources(answers: Answers) -> Resources:
    """Convert all responses."""
    nat_gateways = tuple(map(described.nat_gateway, answers.nat_gateways))
    # AWS removes a deleted endpoint from the list in time; moto keeps it.
    there = (one for one in answers.vpc_endpoints if str(one.get("State", "")).lower() not in _GONE)
    endpoints = tuple(map(described.vpc_endpoint, there))
    gateways = (*answers.internet_gateways, *answers.egress_only_internet_gateways, *answers.vpn_gateways)
    entries = answers.managed_prefix_list_entries
    return Resources(
        vpcs=tuple(map(described.vpc, answers.vpcs)),
        subnets=tuple(map(described.subnet, answers.subnets)),
        enis=_told_apart(_enis(answers), nat_gateways, endpoints),
        route_tables=tuple(map(described.route_table, answers.route_tables)),
        network_acls=tuple(map(described.network_acl, answers.network_acls)),
        security_groups=tuple(map(described.security_group, answers.security_groups)),
        gateways=tuple(one for gateway in gateways for one in described.gateways(gateway)),
        nat_gateways=nat_gateways,
        peerings=tuple(map(described.peering, answers.vpc_peering_connections)),
        prefix_lists=tuple(
            described.prefix_list(one, entries.get(one["PrefixListId"], ()))
            for one in answers.managed_prefix_lists
        ),
        endpoints=endpoints,
        transit_gateways=tuple(map(transit_gateway, answers.transit_gateways)),
        attachments=_attachments(answers),
        transit_gateway_route_tables=_transit_tables(answers),
        block_public_access=described.block_public_access(
            answers.vpc_block_public_access_options, answers.vpc_block_public_access_exclusions
        ),
    )


def _enis(answers: Answers) -> tuple[Eni, ...]:
    halted = {one["InstanceId"] for one in answers.instances if not described_eni.is_running(one)}
    enis = (described_eni.eni(one) for one in answers.network_interfaces if one.get("SubnetId"))
    return tuple(replace(eni, is_running=False) if eni.instance_id in halted else eni for eni in enis)


def transit_gateway(one: Description) -> TransitGateway:
    """Convert an element of `DescribeTransitGateways`. Security group referencing is off by default."""
    options = one.get("Options") or {}
    propagates = options.get("DefaultRouteTablePropagation", "enable") == "enable"
    return TransitGateway(
        transit_gateway_id=one["TransitGatewayId"],
        references_groups=options.get("SecurityGroupReferencingSupport") == "enable",
        propagation_table_id=options.get("PropagationDefaultRouteTableId", "") if propagates else "",
    )


def transit_gateway_attachment(one: Description, vpc: Description) -> TransitGatewayAttachment:
    """Convert an attachment's elements of both `Describe…Attachments` calls, of which one may be empty."""
    options = vpc.get("Options") or {}
    either = {**vpc, **one}
    return TransitGatewayAttachment(
        attachment_id=either["TransitGatewayAttachmentId"],
        transit_gateway_id=either["TransitGatewayId"],
        resource_type=either.get("ResourceType", "vpc"),
        resource_id=either.get("ResourceId") or either.get("VpcId", ""),
        subnets=tuple(map(SubnetId, vpc.get("SubnetIds") or ())),
        references_groups=options.get("SecurityGroupReferencingSupport", "enable") == "enable",
        is_available=either.get("State", "available") == "available",
    )


def _attachments(answers: Answers) -> tuple[TransitGatewayAttachment, ...]:
    general = {one["TransitGatewayAttachmentId"]: one for one in answers.transit_gateway_attachments}
    of_vpcs = {one["TransitGatewayAttachmentId"]: one for one in answers.transit_gateway_vpc_attachments}
    return tuple(
        transit_gateway_attachment(general.get(one, {}), of_vpcs.get(one, {}))
        for one in dict.fromkeys((*general, *of_vpcs))
    )


def _transit_tables(answers: Answers) -> tuple[TransitGatewayRouteTable, ...]:
    # The default table first: moto goes on listing an attachment there after its association with another.
    tables = sorted(
        answers.transit_gateway_route_tables, key=lambda one: not one.get("DefaultAssociationRouteTable")
    )
    propagated = answers.transit_gateway_route_table_propagations
    return tuple(
        TransitGatewayRouteTable(
            route_table_id=(table_id := one["TransitGatewayRouteTableId"]),
            transit_gateway_id=one["TransitGatewayId"],
            routes=tuple(map(_transit_route, answers.transit_gateway_routes.get(table_id, ()))),
            associations=_associations(answers, one),
            propagations=_attachment_ids(propagated.get(table_id, ())),
        )
        for one in tables
    )


def _associations(answers: Answers, table: Description) -> tuple[str, ...]:
    """Return the attachments that are associated with a transit gateway route table.

    moto associates attachments with the default table even if that option is disabled; AWS does not. moto
    lists attachments of VPCs only, so those of VPNs and others name their table themselves.
    """
    table_id = table["TransitGatewayRouteTableId"]
    disabled = {
        one["TransitGatewayId"]
        for one in answers.transit_gateways
        if (one.get("Options") or {}).get("DefaultRouteTableAssociation") == "disable"
    }
    if table.get("DefaultAssociationRouteTable") and table["TransitGatewayId"] in disabled:
        return ()
    others = (
        one["TransitGatewayAttachmentId"]
        for one in answers.transit_gateway_attachments
        if one.get("ResourceType", "vpc") != "vpc"
        and (one.get("Association") or {}).get("TransitGatewayRouteTableId") == table_id
    )
    return (*_attachment_ids(answers.transit_gateway_route_table_associations.get(table_id, ())), *others)


def _attachment_ids(listed: Descriptions) -> tuple[str, ...]:
    return tuple(one["TransitGatewayAttachmentId"] for one in listed)


def _transit_route(one: Description) -> TransitGatewayRoute:
    attachments = one.get("TransitGatewayAttachments") or [{}]
    return TransitGatewayRoute(
        destination=cidr(one["DestinationCidrBlock"]),
        attachment_id=attachments[0].get("TransitGatewayAttachmentId", ""),
        is_blackhole=one.get("State", "active") != "active",
        is_propagated=one.get("Type") == "propagated",
    )


def _told_apart(
    enis: Sequence[Eni], nat_gateways: Sequence[NatGateway], endpoints: Sequence[VpcEndpoint]
) -> tuple[Eni, ...]:
    """Set the type, check and groups of the interfaces of gateways and endpoints as AWS does."""
    by_id: dict[EniId, Eni] = {eni.interface_id: eni for eni in enis}
    for nat in nat_gateways:
        if nat.interface_id in by_id:
            eni = by_id[nat.interface_id]
            public = ((nat.private_ip, nat.public_ip),) if nat.public_ip else ()
            by_id[nat.interface_id] = replace(
                eni,
                interface_type="nat_gateway",
                groups=(),
                source_dest_check=False,
                private_ips=eni.private_ips or (nat.private_ip,),
                public_ips=eni.public_ips or public,
            )
    for endpoint in endpoints:
        kind = _INTERFACE_TYPES.get(endpoint.endpoint_type)
        for interface_id in endpoint.interface_ids:
            if kind and interface_id in by_id:
                eni = by_id[interface_id]
                groups = endpoint.groups or eni.groups
                by_id[interface_id] = replace(eni, interface_type=kind, groups=groups)
    return tuple(by_id.values())
