"""What EC2 describes of a network: one frozen record for each resource, in AWS's words.

Each record says only what its own `Describe…` call says; what follows from several of them together (which
table a subnet uses, which interface has an address) is `estate.Estate`'s to know. `described` reads these
records from the API's answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

from connectors.vpc.addresses import Cidr

VpcId = NewType("VpcId", str)
SubnetId = NewType("SubnetId", str)
EniId = NewType("EniId", str)
GroupId = NewType("GroupId", str)

ANY = -1
"""Every protocol, every ICMP type or code: as in the API."""
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
BlockMode = Literal["off", "block-bidirectional", "block-ingress"]


@dataclass(frozen=True, slots=True)
class Vpc:
    """`cidrs` has the primary IPv4 block first, then the others, then IPv6."""

    vpc_id: VpcId
    cidrs: tuple[Cidr, ...]
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet; its route table and network ACL name it, not the other way round."""

    subnet_id: SubnetId
    vpc_id: VpcId
    cidrs: tuple[Cidr, ...]
    zone: str = ""
    zone_id: str = ""
    maps_public_ip: bool = False
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Either `destination` or `prefix_list_id` is given. `target` is an id (`igw-…`, `eni-…`) or `local`."""

    target: str
    destination: Cidr | None = None
    prefix_list_id: str = ""
    is_blackhole: bool = False
    is_propagated: bool = False

    @property
    def text(self) -> str:
        """As a line of the console's table."""
        to = self.destination.text if self.destination else self.prefix_list_id
        return f"{to} → {self.target or 'nothing'}{' (blackhole)' if self.is_blackhole else ''}"


@dataclass(frozen=True, slots=True)
class RouteTable:
    """`gateways` are the internet or VPN gateways with an edge association."""

    route_table_id: str
    vpc_id: VpcId
    routes: tuple[Route, ...]
    subnets: tuple[SubnetId, ...] = ()
    gateways: tuple[str, ...] = ()
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """An internet (`igw-`), egress-only internet (`eigw-`) or virtual private (`vgw-`) gateway, attached."""

    gateway_id: str
    vpc_id: VpcId


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A zonal NAT gateway. A private one has no public address."""

    nat_gateway_id: str
    vpc_id: VpcId
    subnet_id: SubnetId
    interface_id: EniId
    private_ip: str = ""
    public_ip: str = ""
    is_public: bool = True
    is_available: bool = True


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A prefix list of AWS's or of a customer's."""

    prefix_list_id: str
    cidrs: tuple[Cidr, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Peering:
    """A VPC peering connection."""

    peering_id: str
    requester_vpc_id: VpcId
    accepter_vpc_id: VpcId
    is_active: bool = True
    is_inter_region: bool = False

    def other(self, vpc_id: VpcId) -> VpcId:
        """Return the VPC at the other end."""
        return self.accepter_vpc_id if vpc_id == self.requester_vpc_id else self.requester_vpc_id


@dataclass(frozen=True, slots=True)
class TransitGateway:
    """A transit gateway. Its default tables serve attachments that no table names."""

    transit_gateway_id: str
    references_groups: bool = False
    association_table_id: str = ""
    propagation_table_id: str = ""


@dataclass(frozen=True, slots=True)
class TransitGatewayAttachment:
    """`resource_type` is `vpc`, `vpn`, `direct-connect-gateway`, `peering`, …; `subnets` only of a VPC."""

    attachment_id: str
    transit_gateway_id: str
    resource_type: str
    resource_id: str
    subnets: tuple[SubnetId, ...] = ()
    references_groups: bool = True
    is_available: bool = True


@dataclass(frozen=True, slots=True)
class TransitGatewayRoute:
    """`attachment_id` is empty for a black hole."""

    destination: Cidr
    attachment_id: str = ""
    is_propagated: bool = False


@dataclass(frozen=True, slots=True)
class TransitGatewayRouteTable:
    """A VPC attachment in `propagations` adds its VPC's blocks to the routes."""

    route_table_id: str
    transit_gateway_id: str
    routes: tuple[TransitGatewayRoute, ...] = ()
    associations: tuple[str, ...] = ()
    propagations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityGroupRule:
    """One source or destination: a block, a prefix list or a group. For ICMP the ports are type and code."""

    protocol: int
    from_port: int = ANY
    to_port: int = ANY
    cidr: Cidr | None = None
    prefix_list_id: str = ""
    group_id: GroupId | Literal[""] = ""
    rule_id: str = ""

    @property
    def peer(self) -> str:
        """The source or destination, as text."""
        return self.cidr.text if self.cidr else self.prefix_list_id or self.group_id

    @property
    def text(self) -> str:
        """As a line of the console's table: `tcp 443 0.0.0.0/0`."""
        return f"{protocol_text(self.protocol, self.from_port, self.to_port)} {self.peer}"


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group; the order of its rules means nothing."""

    group_id: GroupId
    vpc_id: VpcId
    ingress: tuple[SecurityGroupRule, ...] = ()
    egress: tuple[SecurityGroupRule, ...] = ()
    name: str = ""
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class NetworkAclEntry:
    """`number` 32767 and above is the rule that AWS shows as `*`."""

    number: int
    is_egress: bool
    allows: bool
    protocol: int
    cidr: Cidr
    from_port: int = 0
    to_port: int = 65535
    icmp_type: int = ANY
    icmp_code: int = ANY

    @property
    def text(self) -> str:
        """As a line of the console's table: `100 allow tcp 80 0.0.0.0/0`."""
        is_icmp = self.protocol in (ICMP, ICMPV6)
        low, high = (self.icmp_type, self.icmp_code) if is_icmp else (self.from_port, self.to_port)
        shown = "*" if self.number >= LAST_ACL_RULE else str(self.number)
        what = protocol_text(self.protocol, low, high)
        return f"{shown} {'allow' if self.allows else 'deny'} {what} {self.cidr.text}"


LAST_ACL_RULE = 32767


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL; entries count by their number, not by their place."""

    network_acl_id: str
    vpc_id: VpcId
    entries: tuple[NetworkAclEntry, ...]
    subnets: tuple[SubnetId, ...] = ()
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """`endpoint_type` is `Gateway`, `Interface`, `GatewayLoadBalancer`, …"""

    endpoint_id: str
    vpc_id: VpcId
    endpoint_type: str
    service_name: str = ""
    interface_ids: tuple[EniId, ...] = ()
    groups: tuple[GroupId, ...] = ()


@dataclass(frozen=True, slots=True)
class Eni:
    """A network interface. `private_ips` has the primary one first; `public_ips` pairs private and public.

    EC2 does not tell here whether the instance is a Nitro one; nearly all are, and who knows better says so.
    """

    interface_id: EniId
    subnet_id: SubnetId
    vpc_id: VpcId
    private_ips: tuple[str, ...] = ()
    ipv6_addresses: tuple[str, ...] = ()
    public_ips: tuple[tuple[str, str], ...] = ()
    groups: tuple[GroupId, ...] = ()
    description: str = ""
    interface_type: str = "interface"
    requester_id: str = ""
    is_requester_managed: bool = False
    source_dest_check: bool = True
    instance_id: str = ""
    owner_id: str = ""
    is_nitro: bool = True
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of its own inside the VPC."""
        return self.private_ips + self.ipv6_addresses


@dataclass(frozen=True, slots=True)
class BlockPublicAccess:
    """VPC Block Public Access of the account, and what is excluded: VPC or subnet id → mode."""

    mode: BlockMode = "off"
    exclusions: tuple[tuple[str, Literal["allow-bidirectional", "allow-egress"]], ...] = ()


def protocol_text(protocol: int, low: int, high: int) -> str:
    """Return `tcp 80`, `udp 1024-65535`, `icmp 8/0`, `all`: ports, or type and code."""
    if protocol == ANY:
        return "all"
    name = {ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6"}.get(protocol, f"protocol {protocol}")
    if protocol in (ICMP, ICMPV6):
        return name if low == ANY else f"{name} {low}" if high == ANY else f"{name} {low}/{high}"
    if protocol not in (TCP, UDP) or low == ANY or (low, high) == (0, 65535):
        return name
    return f"{name} {low}" if low == high else f"{name} {low}-{high}"
