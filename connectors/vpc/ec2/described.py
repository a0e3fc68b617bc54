"""The conversion of elements of EC2's `Describe…` responses, in boto3's shapes, to the network model. Pure.

One function converts one resource type; `described_estate` converts all of them. A field that an emulator
omits gets AWS's default. A response without an id raises KeyError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.vpc.addresses import cidr
from connectors.vpc.network import (
    ANY,
    BlockPublicAccess,
    EniId,
    Gateway,
    GroupId,
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
    Vpc,
    VpcEndpoint,
    VpcId,
)
from connectors.vpc.network import NetworkAclEntry as AclEntry

Description = Mapping[str, Any]
"""One element of a response's list, in boto3's shape."""

_PROTOCOLS = {"all": ANY, "icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
_PENDING = {"initiating-request", "pending-acceptance", "provisioning"}
_ATTACHED = {"attached", "available", "attaching"}
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId",
    "VpcEndpointId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "InstanceId",
)


def vpc(described: Description) -> Vpc:
    """Read an element of `DescribeVpcs`."""
    blocks = [described.get("CidrBlock"), *_associated(described, "CidrBlock")]
    texts = dict.fromkeys(text for text in (*blocks, *_associated(described, "Ipv6CidrBlock")) if text)
    return Vpc(VpcId(described["VpcId"]), tuple(map(cidr, texts)), described.get("OwnerId", ""))


def subnet(described: Description) -> Subnet:
    """Read an element of `DescribeSubnets`."""
    texts = [described.get("CidrBlock"), *_associated(described, "Ipv6CidrBlock")]
    return Subnet(
        subnet_id=SubnetId(described["SubnetId"]),
        vpc_id=VpcId(described["VpcId"]),
        cidrs=tuple(cidr(text) for text in texts if text),
        zone=described.get("AvailabilityZone", ""),
        zone_id=described.get("AvailabilityZoneId", ""),
        maps_public_ip=described.get("MapPublicIpOnLaunch", False),
        owner_id=described.get("OwnerId", ""),
    )


def _associated(described: Description, field: str) -> Iterator[str]:
    for association in described.get(f"{field}AssociationSet") or ():
        state = str((association.get(f"{field}State") or {}).get("State", "associated"))
        # moto has "{'State': 'associated'}" for a subnet's IPv6 block.
        if state.rpartition(": ")[2].strip("'}") == "associated":
            yield association.get(field, "")


def route_table(described: Description) -> RouteTable:
    """Read an element of `DescribeRouteTables`."""
    associations = [
        one
        for one in described.get("Associations") or ()
        if (one.get("AssociationState") or {}).get("State", "associated") == "associated"
    ]
    return RouteTable(
        route_table_id=described["RouteTableId"],
        vpc_id=VpcId(described["VpcId"]),
        routes=tuple(map(_route, described.get("Routes") or ())),
        subnets=tuple(SubnetId(one["SubnetId"]) for one in associations if one.get("SubnetId")),
        gateways=tuple(one["GatewayId"] for one in associations if one.get("GatewayId")),
        is_main=any(one.get("Main") for one in associations),
    )


def _route(described: Description) -> Route:
    block = described.get("DestinationCidrBlock") or described.get("DestinationIpv6CidrBlock")
    return Route(
        target=next((described[field] for field in _TARGETS if described.get(field)), ""),
        destination=cidr(block) if block else None,
        prefix_list_id=described.get("DestinationPrefixListId") or "",
        is_blackhole=described.get("State") == "blackhole",
        is_propagated=described.get("Origin") == "EnableVgwRoutePropagation",
    )


def network_acl(described: Description) -> NetworkAcl:
    """Read an element of `DescribeNetworkAcls`."""
    return NetworkAcl(
        network_acl_id=described["NetworkAclId"],
        vpc_id=VpcId(described["VpcId"]),
        entries=tuple(map(_acl_entry, described.get("Entries") or ())),
        subnets=tuple(SubnetId(one["SubnetId"]) for one in described.get("Associations") or ()),
        is_default=described.get("IsDefault", False),
    )


def _acl_entry(described: Description) -> AclEntry:
    ports = described.get("PortRange") or {}
    icmp = described.get("IcmpTypeCode") or {}
    return AclEntry(
        number=int(described["RuleNumber"]),
        is_egress=bool(described["Egress"]),
        allows=described["RuleAction"] == "allow",
        protocol=_protocol(described["Protocol"]),
        cidr=cidr(described.get("CidrBlock") or described["Ipv6CidrBlock"]),
        from_port=int(ports.get("From", 0)),
        to_port=int(ports.get("To", 65535)),
        icmp_type=int(icmp.get("Type", ANY)),
        icmp_code=int(icmp.get("Code", ANY)),
    )


def _protocol(text: object) -> int:
    name = str(text).lower()
    return _PROTOCOLS[name] if name in _PROTOCOLS else int(name)


def security_group(described: Description) -> SecurityGroup:
    """Read an element of `DescribeSecurityGroups`."""
    return SecurityGroup(
        group_id=GroupId(described["GroupId"]),
        vpc_id=VpcId(described.get("VpcId", "")),
        ingress=tuple(_rules(described.get("IpPermissions") or ())),
        egress=tuple(_rules(described.get("IpPermissionsEgress") or ())),
        name=described.get("GroupName", ""),
        owner_id=described.get("OwnerId", ""),
    )


def _rules(permissions: Iterable[Description]) -> Iterator[SecurityGroupRule]:
    for one in permissions:
        low, high = one.get("FromPort"), one.get("ToPort")
        ends = (ANY if low is None else int(low), ANY if high is None else int(high))
        protocol = _protocol(one["IpProtocol"])
        for block in one.get("IpRanges") or ():
            yield SecurityGroupRule(protocol, *ends, cidr=cidr(block["CidrIp"]))
        for block in one.get("Ipv6Ranges") or ():
            yield SecurityGroupRule(protocol, *ends, cidr=cidr(block["CidrIpv6"]))
        for listed in one.get("PrefixListIds") or ():
            yield SecurityGroupRule(protocol, *ends, prefix_list_id=listed["PrefixListId"])
        for pair in one.get("UserIdGroupPairs") or ():
            yield SecurityGroupRule(protocol, *ends, group_id=GroupId(pair.get("GroupId", "")))


def gateways(described: Description) -> tuple[Gateway, ...]:
    """Read an element of `DescribeInternetGateways`, `…EgressOnlyInternetGateways` or `…VpnGateways`."""
    fields = ("InternetGatewayId", "EgressOnlyInternetGatewayId", "VpnGatewayId")
    gateway_id = next(described[field] for field in fields if described.get(field))
    attachments = described.get("Attachments") or described.get("VpcAttachments") or ()
    return tuple(
        Gateway(gateway_id, VpcId(one["VpcId"]))
        for one in attachments
        if one.get("VpcId") and one.get("State", "attached") in _ATTACHED
    )


def nat_gateway(described: Description) -> NatGateway:
    """Read an element of `DescribeNatGateways`: a zonal one, with its primary address."""
    addresses = described.get("NatGatewayAddresses") or [{}]
    first = next((one for one in addresses if one.get("IsPrimary")), addresses[0])
    return NatGateway(
        nat_gateway_id=described["NatGatewayId"],
        vpc_id=VpcId(described["VpcId"]),
        subnet_id=SubnetId(described.get("SubnetId", "")),
        interface_id=EniId(first.get("NetworkInterfaceId", "")),
        private_ip=first.get("PrivateIp", ""),
        public_ip=first.get("PublicIp", ""),
        is_public=described.get("ConnectivityType", "public") == "public",
        is_available=described.get("State", "available") == "available",
    )


def peering(described: Description) -> Peering:
    """Read an element of `DescribeVpcPeeringConnections`."""
    status = (described.get("Status") or {}).get("Code", "active")
    requester, accepter = described.get("RequesterVpcInfo") or {}, described.get("AccepterVpcInfo") or {}
    return Peering(
        peering_id=described["VpcPeeringConnectionId"],
        requester_vpc_id=VpcId(requester.get("VpcId", "")),
        accepter_vpc_id=VpcId(accepter.get("VpcId", "")),
        is_active=status == "active",
        is_pending=status in _PENDING,
        is_inter_region=requester.get("Region", "") != accepter.get("Region", requester.get("Region", "")),
    )


def prefix_list(described: Description, entries: Iterable[Description] = ()) -> PrefixList:
    """Read an element of `DescribeManagedPrefixLists` with its entries, or one of `DescribePrefixLists`."""
    texts = [*(described.get("Cidrs") or ()), *(entry["Cidr"] for entry in entries)]
    blocks = tuple(map(cidr, dict.fromkeys(texts)))
    return PrefixList(described["PrefixListId"], blocks, described.get("PrefixListName", ""))


def vpc_endpoint(described: Description) -> VpcEndpoint:
    """Read an element of `DescribeVpcEndpoints`."""
    return VpcEndpoint(
        endpoint_id=described["VpcEndpointId"],
        vpc_id=VpcId(described["VpcId"]),
        endpoint_type=described.get("VpcEndpointType", "Gateway"),
        interface_ids=tuple(map(EniId, described.get("NetworkInterfaceIds") or ())),
        groups=tuple(GroupId(one["GroupId"]) for one in described.get("Groups") or ()),
    )


def block_public_access(options: Description, exclusions: Iterable[Description] = ()) -> BlockPublicAccess:
    """Read `DescribeVpcBlockPublicAccessOptions` and the elements of `…Exclusions`."""
    modes = {
        one["ResourceArn"].rpartition("/")[2]: one["InternetGatewayExclusionMode"]
        for one in exclusions
        if one.get("State", "create-complete") in ("create-complete", "update-complete")
    }
    mode = options.get("InternetGatewayBlockMode", "off")
    return BlockPublicAccess(mode, tuple(sorted(modes.items())))
