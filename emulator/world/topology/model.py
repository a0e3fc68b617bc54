"""The contents of a topology file as frozen records with AWS's names.

Resources have names; `building` gets their ids from the API. A name is unique in its kind and VPC; a security
group of another VPC is written `vpc/group`. Pydantic checks each record; `checks` checks records against each
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

from emulator.world.topology.lines import Entry, RouteTarget, Rule, entry, rule, target

_CLOSED = ConfigDict(extra="forbid")


def _block(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text} is not a CIDR block: {error}.") from None
    return str(network)


def _ipv4_block(text: str) -> str:
    network = ip_network(_block(text))
    # VPC guide, “VPC CIDR blocks” and “Subnet CIDR blocks”: both are between /16 and /28.
    if not isinstance(network, IPv4Network) or not 16 <= network.prefixlen <= 28:
        raise ValueError(f"{text} must be an IPv4 block between /16 and /28.")
    return str(network)


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"{text} is not an address.") from None


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$")]
Block = Annotated[str, AfterValidator(_block)]
Ipv4Block = Annotated[str, AfterValidator(_ipv4_block)]
Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, StringConstraints(pattern=r"^[a-f]$")]
RuleLine = Annotated[Rule, BeforeValidator(rule)]
EntryLine = Annotated[Entry, BeforeValidator(entry)]
TargetText = Annotated[RouteTarget, BeforeValidator(target)]
Names = tuple[Name, ...]
SomeNames = Annotated[tuple[Name, ...], Field(min_length=1)]
GroupNames = tuple[GroupName, ...]


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Subnet:
    """A subnet. `ipv6` is the number of its /64 in the VPC's /56. Its default route table is the main one."""

    cidr: Ipv4Block
    zone: Zone = "a"
    ipv6: Annotated[int, Field(ge=0, le=255)] | None = None
    route_table: Name | None = None
    network_acl: Name | None = None
    maps_public_ip: bool = False


@dataclass(frozen=True, slots=True, config=_CLOSED)
class SecurityGroup:
    """A group with lines as `tcp 443 0.0.0.0/0` or `tcp 5432 app`. The default `egress` allows everything."""

    ingress: tuple[RuleLine, ...] = ()
    egress: tuple[RuleLine, ...] | None = None
    description: str = "made by vpcflow"


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Instances:
    """`count` instances over the subnets in turn; one has the name itself, several have `name-1` …."""

    subnets: SomeNames
    groups: GroupNames = ()
    count: Annotated[int, Field(ge=1, le=500)] = 1
    type: str = "t3.small"
    address: Address | None = None
    public_ip: bool = False
    source_dest_check: bool = True


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Interface:
    """An interface without an instance, with its own description, for any other service."""

    subnet: Name
    groups: GroupNames = ()
    description: str = ""
    address: Address | None = None
    public_ip: bool = False


@dataclass(frozen=True, slots=True, config=_CLOSED)
class LoadBalancer:
    """A load balancer with an interface in each subnet."""

    subnets: SomeNames
    groups: GroupNames = ()
    type: Literal["application", "network", "gateway"] = "application"
    internet_facing: bool = False


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Database:
    """RDS, or Aurora: `instances` over the subnets in turn. `multi_az`: each has a standby in the next."""

    subnets: SomeNames
    groups: GroupNames = ()
    engine: str = "postgres"
    instances: Annotated[int, Field(ge=1, le=16)] = 1
    multi_az: bool = False


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Cache:
    """ElastiCache: `nodes`, named `name-001` and so on, over the subnets in turn."""

    subnets: SomeNames
    groups: GroupNames = ()
    nodes: Annotated[int, Field(ge=1, le=90)] = 1


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Function:
    """A Lambda function in a VPC: a Hyperplane interface in each subnet."""

    subnets: SomeNames
    groups: GroupNames = ()


@dataclass(frozen=True, slots=True, config=_CLOSED)
class DeclaredVpcEndpoint:
    """`service` without its `com.amazonaws.<region>.`. An interface one has subnets, a gateway one tables."""

    service: str
    type: Literal["interface", "gateway"] = "interface"
    subnets: Names = ()
    groups: GroupNames = ()
    route_tables: Names = ()


@dataclass(frozen=True, slots=True, config=_CLOSED)
class NatGateway:
    """A zonal NAT gateway; a private one has no public address."""

    subnet: Name
    public: bool = True
    address: Address | None = None


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Vpc:
    """A VPC with its resources."""

    cidrs: Annotated[tuple[Ipv4Block, ...], Field(min_length=1, max_length=5)]
    ipv6: bool = False
    internet_gateway: bool = False
    egress_only_internet_gateway: bool = False
    subnets: Mapping[Name, Subnet] = field(default_factory=dict)
    route_tables: Mapping[Name, Mapping[Block, TargetText]] = field(default_factory=dict)
    network_acls: Mapping[Name, tuple[EntryLine, ...]] = field(default_factory=dict)
    security_groups: Mapping[Name, SecurityGroup] = field(default_factory=dict)
    nat_gateways: Mapping[Name, NatGateway] = field(default_factory=dict)
    instances: Mapping[Name, Instances] = field(default_factory=dict)
    interfaces: Mapping[Name, Interface] = field(default_factory=dict)
    load_balancers: Mapping[Name, LoadBalancer] = field(default_factory=dict)
    databases: Mapping[Name, Database] = field(default_factory=dict)
    caches: Mapping[Name, Cache] = field(default_factory=dict)
    functions: Mapping[Name, Function] = field(default_factory=dict)
    endpoints: Mapping[Name, DeclaredVpcEndpoint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Peering:
    """A peering of two VPCs. Their route tables choose the traffic for it."""

    requester: Name
    accepter: Name


@dataclass(frozen=True, slots=True, config=_CLOSED)
class TransitGateway:
    """Attached VPCs, each with the subnets of its attachment. All are associated and propagate."""

    attachments: Mapping[Name, SomeNames]


@dataclass(frozen=True, slots=True, config=_CLOSED)
class Topology:
    """The whole estate. All resources built from it have its name in the tag `vpcflow:topology`."""

    name: Name
    vpcs: Annotated[Mapping[Name, Vpc], Field(min_length=1)]
    peerings: Mapping[Name, Peering] = field(default_factory=dict)
    transit_gateways: Mapping[Name, TransitGateway] = field(default_factory=dict)
