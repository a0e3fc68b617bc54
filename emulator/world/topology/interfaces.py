"""The network interfaces of a topology, with their addresses and AWS's descriptions. Pure.

The service of a load balancer, database or function creates its interfaces. No emulator does, so this module
creates them with the service's description. Sources: Cloud Custodian, `get_eni_resource_type`, and public
answers of `DescribeNetworkInterfaces` for requesters and `RequesterManaged`. Addresses depend only on the
topology file, so that two builds of one file have the same addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from emulator.world.topology.model import Database, Subnet, Topology, Vpc

Maker = Literal["instance", "nobody", "nat-gateway", "endpoint", "attachment"]
"""Who makes the interface: an instance takes it, a gateway or endpoint brings its own, else we put it."""

RESERVED_FIRST, RESERVED_LAST = 4, 1
"""VPC guide, “Subnet CIDR blocks”: the first four addresses and the last one cannot be used."""
_PUBLIC_FIRST = int(
    IPv4Address("54.214.0.4")
)  # a range of EC2's: what moto itself takes for public addresses
# Accounts of AWS seen as requesters of these; a Lambda interface is not managed by its requester.
_NAT_REQUESTER, _ENDPOINT_REQUESTER, _TRANSIT_REQUESTER = "036872051663", "727180483921", "210622027394"


@dataclass(frozen=True, slots=True)
class PlannedEni:
    """A planned interface. `{id}` in the description is the id of `owner`: gateway, endpoint or attachment.

    The interface of an instance has the instance's name. Other names begin with their kind, because names are
    unique only in a kind.
    """

    name: str
    vpc: str
    subnet: str
    owner: str
    description: str
    maker: Maker = "nobody"
    address: str = ""
    host: int = 0
    public_ip: str = ""
    groups: tuple[str, ...] = ()
    has_groups: bool = True
    has_ipv6: bool = False
    instance_type: str = ""
    interface_type: str = "interface"
    requester_id: str = ""
    is_requester_managed: bool = False
    source_dest_check: bool = True


class SubnetFull(ValueError):
    """The error for a subnet with fewer addresses than interfaces."""

    def __init__(self, vpc: str, subnet: str) -> None:
        super().__init__(f"Subnet {subnet} has no address left for its interfaces.")
        self.path = ("vpcs", vpc, "subnets", subnet)


def interfaces(topology: Topology) -> tuple[PlannedEni, ...]:
    """Return all interfaces with their addresses. Raises `SubnetFull`."""
    planned = []
    for name, vpc in topology.vpcs.items():
        found = [*_of_vpc(name, vpc), *_of_attachments(topology, name)]
        planned += list(_addressed(found, vpc.subnets))
    public = _PUBLIC_FIRST
    for place, eni in enumerate(planned):
        if eni.public_ip:
            planned[place] = replace(eni, public_ip=str(IPv4Address(public)))
            public += 1
    return tuple(planned)


def uuid_of(name: str) -> str:
    """Return an identifier in the form of a UUID that depends only on a name."""
    digits = _digits(name)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _of_vpc(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    yield from _of_nat_gateways(name, vpc)
    yield from _of_instances(name, vpc)
    for eni, one in vpc.interfaces.items():
        yield PlannedEni(
            f"interface/{eni}",
            name,
            one.subnet,
            eni,
            one.description,
            address=one.address or "",
            public_ip="wanted" if one.public_ip else "",
            groups=one.groups,
            has_ipv6=vpc.subnets[one.subnet].ipv6 is not None,
        )
    yield from _of_load_balancers(name, vpc)
    yield from _of_services(name, vpc)
    yield from _of_functions(name, vpc)
    yield from _of_endpoints(name, vpc)


def _of_nat_gateways(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    for gateway, nat in vpc.nat_gateways.items():
        yield PlannedEni(
            f"nat-gateway/{gateway}",
            name,
            nat.subnet,
            gateway,
            "Interface for NAT Gateway {id}",
            "nat-gateway",
            address=nat.address or "",
            public_ip="wanted" if nat.public else "",
            has_groups=False,
            interface_type="nat_gateway",
            requester_id=_NAT_REQUESTER,
            is_requester_managed=True,
            source_dest_check=False,
        )


def _of_endpoints(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    for endpoint, points in vpc.endpoints.items():
        for subnet in points.subnets:
            yield PlannedEni(
                f"endpoint/{endpoint}.{subnet}",
                name,
                subnet,
                endpoint,
                "VPC Endpoint Interface {id}",
                "endpoint",
                groups=points.groups,
                interface_type="vpc_endpoint",
                requester_id=_ENDPOINT_REQUESTER,
                is_requester_managed=True,
            )


def _of_instances(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    for instance, plan in vpc.instances.items():
        for number in range(plan.count):
            own = instance if plan.count == 1 else f"{instance}-{number + 1}"
            subnet = plan.subnets[number % len(plan.subnets)]
            yield PlannedEni(
                own,
                name,
                subnet,
                own,
                "Primary network interface",
                "instance",
                address=plan.address or "",
                public_ip="wanted" if plan.public_ip else "",
                groups=plan.groups,
                has_ipv6=vpc.subnets[subnet].ipv6 is not None,
                instance_type=plan.type,
                source_dest_check=plan.source_dest_check,
            )


_BALANCERS = {
    "application": ("app", "interface"),
    "network": ("net", "network_load_balancer"),
    "gateway": ("gwy", "gateway_load_balancer"),
}


def _of_load_balancers(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    for balancer, plan in vpc.load_balancers.items():
        short, kind = _BALANCERS[plan.type]
        number = _digits(f"{name}/{balancer}")[:16]
        for subnet in plan.subnets:
            yield PlannedEni(
                f"load-balancer/{balancer}.{subnet}",
                name,
                subnet,
                balancer,
                f"ELB {short}/{balancer}/{number}",
                public_ip="wanted" if plan.internet_facing else "",
                groups=plan.groups,
                has_groups=bool(plan.groups) or plan.type == "application",
                has_ipv6=plan.internet_facing and vpc.subnets[subnet].ipv6 is not None,
                interface_type=kind,
                requester_id="amazon-elb",
                is_requester_managed=True,
            )


def _of_services(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    for database, rds in vpc.databases.items():
        eni = PlannedEni(
            database,
            name,
            "",
            database,
            "RDSNetworkInterface",
            groups=rds.groups,
            requester_id="amazon-rds",
            is_requester_managed=True,
        )
        yield from (
            replace(eni, name=f"database/{own}", subnet=subnet)
            for own, subnet in _database_places(database, rds)
        )
    for cache, redis in vpc.caches.items():
        for number in range(redis.nodes):
            node = f"{cache}-{number + 1:03}"
            yield PlannedEni(
                f"cache/{node}",
                name,
                redis.subnets[number % len(redis.subnets)],
                cache,
                f"ElastiCache {node}",
                groups=redis.groups,
                requester_id="amazon-elasticache",
                is_requester_managed=True,
            )


def _of_functions(name: str, vpc: Vpc) -> Iterator[PlannedEni]:
    for function, code in vpc.functions.items():
        role = "AROA" + _digits(f"{name}/{function}")[:17].upper()
        for subnet in code.subnets:
            yield PlannedEni(
                f"function/{function}.{subnet}",
                name,
                subnet,
                function,
                f"AWS Lambda VPC ENI-{function}-{uuid_of(f'{name}/{function}/{subnet}')}",
                groups=code.groups,
                interface_type="lambda",
                requester_id=f"{role}:{function}",
            )


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _database_places(name: str, plan: Database) -> Iterator[tuple[str, str]]:
    for number in range(plan.instances):
        own = name if plan.instances == 1 else f"{name}-{number + 1}"
        yield own, plan.subnets[number % len(plan.subnets)]
        if plan.multi_az:
            yield f"{own}-standby", plan.subnets[(number + 1) % len(plan.subnets)]


def _of_attachments(topology: Topology, vpc: str) -> Iterator[PlannedEni]:
    for gateway, plan in topology.transit_gateways.items():
        for subnet in plan.attachments.get(vpc, ()):
            yield PlannedEni(
                f"attachment/{gateway}.{subnet}",
                vpc,
                subnet,
                gateway,
                "Network Interface for Transit Gateway Attachment {id}",
                "attachment",
                has_groups=False,
                interface_type="transit_gateway",
                requester_id=_TRANSIT_REQUESTER,
                is_requester_managed=True,
            )


def _addressed(enis: Iterable[PlannedEni], subnets: Mapping[str, Subnet]) -> Iterator[PlannedEni]:
    """Give each interface its configured address, or the next free one."""
    enis = list(enis)
    asked = {eni.address for eni in enis if eni.address}
    free = {name: _free(IPv4Network(subnet.cidr), asked) for name, subnet in subnets.items()}
    for eni in enis:
        address = eni.address or next(free[eni.subnet], "")
        if not address:
            raise SubnetFull(eni.vpc, eni.subnet)
        host = int(IPv4Address(address)) - int(IPv4Network(subnets[eni.subnet].cidr).network_address)
        yield replace(eni, address=address, host=host)


def _free(block: IPv4Network, asked: set[str]) -> Iterator[str]:
    for number in range(RESERVED_FIRST, block.num_addresses - RESERVED_LAST):
        address = str(block.network_address + number)
        if address not in asked:
            yield address
