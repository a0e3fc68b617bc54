"""The resources of a network as EC2 describes them: one frozen record for each resource type.

Each record holds what its own `Describe…` call returns. `estate.Estate` derives relations between resources,
such as the route table of a subnet. `ec2.described` converts API responses to these records.
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
"""The API's value for all protocols, and for all ICMP types or codes."""
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
BlockMode = Literal["off", "block-bidirectional", "block-ingress"]


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC. `cidrs` has the primary IPv4 block first, then the other IPv4 blocks, then IPv6."""

    vpc_id: VpcId
    cidrs: tuple[Cidr, ...]
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet. Its route table and its network ACL refer to it."""

    subnet_id: SubnetId
    vpc_id: VpcId
    cidrs: tuple[Cidr, ...]
    zone: str = ""
    zone_id: str = ""
    maps_public_ip: bool = False
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A route with a `destination` or a `prefix_list_id`. `target` is an id (`igw-…`, `eni-…`) or `local`."""

    target: str
    destination: Cidr | None = None
    prefix_list_id: str = ""
    is_blackhole: bool = False
    is_propagated: bool = False

    @property
    def text(self) -> str:
        """The route as a line of the console's table."""
        to = self.destination.text if self.destination else self.prefix_list_id
        return f"{to} → {self.target or 'nothing'}{' (blackhole)' if self.is_blackhole else ''}"


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table. `gateways` are the internet or VPN gateways with an edge association."""

    route_table_id: str
    vpc_id: VpcId
    routes: tuple[Route, ...]
    subnets: tuple[SubnetId, ...] = ()
    gateways: tuple[str, ...] = ()
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """The attachment of an internet (`igw-`), egress-only (`eigw-`) or virtual private (`vgw-`) gateway."""

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
    """A managed prefix list, of AWS or of a customer."""

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
    is_pending: bool = False

    def other(self, vpc_id: VpcId) -> VpcId:
        """Return the VPC at the other end."""
        return self.accepter_vpc_id if vpc_id == self.requester_vpc_id else self.requester_vpc_id


@dataclass(frozen=True, slots=True)
class TransitGateway:
    """A transit gateway. All attachments propagate to its default table if that table lists none."""

    transit_gateway_id: str
    references_groups: bool = False
    propagation_table_id: str = ""


@dataclass(frozen=True, slots=True)
class TransitGatewayAttachment:
    """An attachment. `resource_type` is `vpc`, `vpn`, `peering`, …; only a VPC attachment has `subnets`."""

    attachment_id: str
    transit_gateway_id: str
    resource_type: str
    resource_id: str
    subnets: tuple[SubnetId, ...] = ()
    references_groups: bool = True
    is_available: bool = True


@dataclass(frozen=True, slots=True)
class TransitGatewayRoute:
    """A route. The endpoint does not describe where an active route without an `attachment_id` leads."""

    destination: Cidr
    attachment_id: str = ""
    is_blackhole: bool = False
    is_propagated: bool = False


@dataclass(frozen=True, slots=True)
class TransitGatewayRouteTable:
    """A route table. Each VPC attachment in `propagations` adds the blocks of its VPC to the routes."""

    route_table_id: str
    transit_gateway_id: str
    routes: tuple[TransitGatewayRoute, ...] = ()
    associations: tuple[str, ...] = ()
    propagations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityGroupRule:
    """A rule with one peer: a block, a prefix list or a group. For ICMP the ports are type and code."""

    protocol: int
    from_port: int = ANY
    to_port: int = ANY
    cidr: Cidr | None = None
    prefix_list_id: str = ""
    group_id: GroupId | Literal[""] = ""
    rule_id: str = ""

    @property
    def peer(self) -> str:
        """The source or destination of the rule as text."""
        return self.cidr.text if self.cidr else self.prefix_list_id or self.group_id

    @property
    def text(self) -> str:
        """The rule as a line of the console's table: `tcp 443 0.0.0.0/0`."""
        return f"{protocol_text(self.protocol, self.from_port, self.to_port)} {self.peer}"


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group. The order of its rules has no meaning."""

    group_id: GroupId
    vpc_id: VpcId
    ingress: tuple[SecurityGroupRule, ...] = ()
    egress: tuple[SecurityGroupRule, ...] = ()
    name: str = ""
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class NetworkAclEntry:
    """An entry of a network ACL. AWS shows the numbers from 32767 on as `*`."""

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
        """The entry as a line of the console's table: `100 allow tcp 80 0.0.0.0/0`."""
        is_icmp = self.protocol in (ICMP, ICMPV6)
        low, high = (self.icmp_type, self.icmp_code) if is_icmp else (self.from_port, self.to_port)
        shown = "*" if self.number >= LAST_ACL_RULE else str(self.number)
        what = protocol_text(self.protocol, low, high)
        return f"{shown} {'allow' if self.allows else 'deny'} {what} {self.cidr.text}"


LAST_ACL_RULE = 32767


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL. The number of an entry, not its place, decides the order."""

    network_acl_id: str
    vpc_id: VpcId
    entries: tuple[NetworkAclEntry, ...]
    subnets: tuple[SubnetId, ...] = ()
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """A VPC endpoint. `endpoint_type` is `Gateway`, `Interface`, `GatewayLoadBalancer`, …"""

    endpoint_id: str
    vpc_id: VpcId
    endpoint_type: str
    interface_ids: tuple[EniId, ...] = ()
    groups: tuple[GroupId, ...] = ()


@dataclass(frozen=True, slots=True)
class Eni:
    """A network interface. `private_ips` has the primary one first; `public_ips` pairs private and public.

    `is_running` is False if the attached instance is not running. `is_nitro` is a default: this call does not
    describe the instance's type.
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
    device_index: int = 0
    is_running: bool = True
    owner_id: str = ""
    is_nitro: bool = True
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses inside the VPC."""
        return self.private_ips + self.ipv6_addresses


@dataclass(frozen=True, slots=True)
class BlockPublicAccess:
    """VPC Block Public Access of the account. `exclusions` pairs VPC or subnet ids with their modes."""

    mode: BlockMode = "off"
    exclusions: tuple[tuple[str, Literal["allow-bidirectional", "allow-egress"]], ...] = ()


def protocol_text(protocol: int, low: int, high: int) -> str:
    """Return a protocol with ports, or ICMP type and code: `tcp 80`, `udp 1024-65535`, `icmp 8/0`, `all`."""
    if protocol == ANY:
        return "all"
    name = {ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6"}.get(protocol, f"protocol {protocol}")
    if protocol in (ICMP, ICMPV6):
        return name if low == ANY else f"{name} {low}" if high == ANY else f"{name} {low}/{high}"
    if protocol not in (TCP, UDP) or low == ANY or (low, high) == (0, 65535):
        return name
    return f"{name} {low}" if low == high else f"{name} {low}-{high}"
