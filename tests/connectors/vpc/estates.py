"""Small estates for verdict tests, written as the console shows them: a line for each rule, entry and route.

`estate()` is a network where nothing is denied by an ACL; the arguments replace single parts of it:

    vpc-a 10.0.0.0/16 + IPv6   subnet-public   web, bastion, the NAT gateway   → igw-a
                               subnet-private  app, worker                     → nat-a, pcx-ab, tgw-1, vgw-a
                               subnet-data     db, in another zone             → eigw-a
                               subnet-fw       fw, an appliance that forwards
    vpc-b 10.1.0.0/16          subnet-b        peer, by pcx-ab
    vpc-c 10.40.0.0/16         subnet-c        far, by tgw-1; subnet-c2 is in the other zone
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.vpc.addresses import cidr
from connectors.vpc.estate import Estate, Resources
from connectors.vpc.network import (
    ANY,
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
    TransitGatewayRoute,
    TransitGatewayRouteTable,
    Vpc,
    VpcEndpoint,
    VpcId,
)

PROTOCOLS = {"all": ANY, "icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "esp": 50}
ALLOW_ALL = ("100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0")
ALLOW_ALL_IPV6 = ("101 in allow all ::/0", "101 out allow all ::/0")
OPEN: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("all 0.0.0.0/0", "all ::/0"),
    ("all 0.0.0.0/0", "all ::/0"),
)

Lines = Sequence[str]
InOut = tuple[Lines, Lines]

SUBNETS = {
    "subnet-public": ("vpc-a", "az1", "10.0.0.0/24", "2001:db8:a:0::/64"),
    "subnet-private": ("vpc-a", "az1", "10.0.1.0/24", "2001:db8:a:1::/64"),
    "subnet-data": ("vpc-a", "az2", "10.0.2.0/24", "2001:db8:a:2::/64"),
    "subnet-fw": ("vpc-a", "az1", "10.0.3.0/24"),
    "subnet-b": ("vpc-b", "az1", "10.1.0.0/24"),
    "subnet-c": ("vpc-c", "az1", "10.40.1.0/24"),
    "subnet-c2": ("vpc-c", "az2", "10.40.2.0/24"),
}
ROUTES: dict[str, Lines] = {
    "subnet-public": ("0.0.0.0/0 igw-a", "::/0 igw-a", "10.1.0.0/16 pcx-ab", "10.40.0.0/16 tgw-1"),
    "subnet-private": ("0.0.0.0/0 nat-a", "10.1.0.0/16 pcx-ab", "10.40.0.0/16 tgw-1", "192.168.0.0/16 vgw-a"),
    "subnet-data": ("::/0 eigw-a", "10.1.0.0/16 pcx-ab", "10.40.0.0/16 tgw-1"),
    "subnet-fw": (),
    "subnet-b": ("10.0.0.0/16 pcx-ab",),
    "subnet-c": ("10.0.0.0/8 tgw-1",),
    "subnet-c2": ("10.0.0.0/8 tgw-1",),
}
GROUPS: dict[str, InOut] = {
    "sg-web": (("tcp 80 0.0.0.0/0", "tcp 443 0.0.0.0/0", "tcp 443 ::/0"), ("all 0.0.0.0/0", "all ::/0")),
    "sg-app": (("tcp 8080 sg-web",), ("all 0.0.0.0/0", "all ::/0")),
    "sg-db": (("tcp 5432 sg-app",), ("all 0.0.0.0/0", "all ::/0")),
    "sg-open": OPEN,
    "sg-peer": (("tcp 9000 sg-app",), ("all 0.0.0.0/0",)),
    "sg-far": (("tcp 80 10.0.0.0/8",), ("all 0.0.0.0/0",)),
    "sg-endpoint": (("tcp 443 10.0.0.0/16",), ("all 0.0.0.0/0",)),
}


def eni(name: str, subnet: str, address: str, group: str = "sg-open", **more: Any) -> Eni:
    """Return an interface `eni-<name>`."""
    return Eni(
        EniId(f"eni-{name}"),
        SubnetId(subnet),
        VpcId(SUBNETS[subnet][0]),
        (address,),
        groups=(GroupId(group),) if group else (),
        **more,
    )


ENIS = (
    eni(
        "web",
        "subnet-public",
        "10.0.0.10",
        "sg-web",
        ipv6_addresses=("2001:db8:a::10",),
        public_ips=(("10.0.0.10", "198.51.100.10"),),
        instance_id="i-web",
    ),
    eni("bastion", "subnet-public", "10.0.0.11", public_ips=(("10.0.0.11", "198.51.100.11"),)),
    eni("app", "subnet-private", "10.0.1.5", "sg-app", ipv6_addresses=("2001:db8:a:1::5",)),
    eni("worker", "subnet-private", "10.0.1.6", "sg-app"),
    eni("db", "subnet-data", "10.0.2.7", "sg-db", ipv6_addresses=("2001:db8:a:2::7",)),
    eni("fw", "subnet-fw", "10.0.3.9", source_dest_check=False),
    eni(
        "nat",
        "subnet-public",
        "10.0.0.220",
        "",
        interface_type="nat_gateway",
        source_dest_check=False,
        public_ips=(("10.0.0.220", "198.51.100.220"),),
    ),
    eni("endpoint", "subnet-private", "10.0.1.50", "sg-endpoint", interface_type="vpc_endpoint"),
    eni("peer", "subnet-b", "10.1.0.8", "sg-peer"),
    eni("far", "subnet-c", "10.40.1.236", "sg-far"),
    *(
        eni(
            name,
            subnet,
            address,
            "",
            interface_type="transit_gateway",
            description=f"Network Interface for Transit Gateway Attachment {attachment}",
        )
        for name, subnet, address, attachment in (
            ("tgw-a1", "subnet-fw", "10.0.3.100", "tgw-attach-a"),
            ("tgw-a2", "subnet-data", "10.0.2.100", "tgw-attach-a"),
            ("tgw-c1", "subnet-c", "10.40.1.175", "tgw-attach-c"),
            ("tgw-c2", "subnet-c2", "10.40.2.31", "tgw-attach-c"),
        )
    ),
)


def rule(line: str) -> SecurityGroupRule:
    """Read `tcp 80-90 10.0.0.0/8`, `icmp 8/0 sg-x`, `all pl-1`."""
    protocol, *ports, peer = line.split()
    low, high = _ends(ports[0] if ports else "", ANY)
    where: dict[str, Any] = {"cidr": cidr(peer)} if "/" in peer else {}
    if not where:
        where = {"group_id": GroupId(peer)} if peer.startswith("sg-") else {"prefix_list_id": peer}
    return SecurityGroupRule(PROTOCOLS[protocol], low, high, **where)


def entry(line: str) -> NetworkAclEntry:
    """Read `100 in allow tcp 80 0.0.0.0/0`; the number 32767 is the rule `*`."""
    number, way, verb, protocol, *ports, block = line.split()
    is_icmp = protocol in ("icmp", "icmpv6")
    low, high = _ends(ports[0] if ports else "", ANY) if is_icmp or ports else (0, 65535)
    of_ports = {} if is_icmp else {"from_port": low, "to_port": high}
    of_icmp = {"icmp_type": low, "icmp_code": high} if is_icmp else {}
    return NetworkAclEntry(
        int(number), way == "out", verb == "allow", PROTOCOLS[protocol], cidr(block), **of_ports, **of_icmp
    )


def _ends(text: str, missing: int) -> tuple[int, int]:
    if not text:
        return missing, missing
    low, _, high = text.replace("/", "-").partition("-")
    return int(low), int(high) if high else (ANY if "/" in text else int(low))


def route(line: str) -> Route:
    """Read `0.0.0.0/0 igw-a`, with ` blackhole` or ` propagated` after it."""
    to, target, *state = line.split()
    listed = to if to.startswith("pl-") else ""
    return Route(
        target,
        None if listed else cidr(to),
        listed,
        is_blackhole="blackhole" in state,
        is_propagated="propagated" in state,
    )


def acl(subnet: str, lines: Iterable[str]) -> NetworkAcl:
    """Return a subnet's own network ACL, `acl-<subnet>`."""
    vpc = VpcId(SUBNETS[subnet][0])
    return NetworkAcl(
        subnet.replace("subnet", "acl"), vpc, tuple(map(entry, lines)), subnets=(SubnetId(subnet),)
    )


def group(group_id: str, lines: InOut) -> SecurityGroup:
    """Return a security group."""
    ingress, egress = (tuple(map(rule, one)) for one in lines)
    return SecurityGroup(GroupId(group_id), VpcId("vpc-a"), ingress, egress)


def estate(
    groups: Mapping[str, InOut] | None = None,
    acls: Mapping[str, Lines] | None = None,
    routes: Mapping[str, Lines] | None = None,
    enis: Mapping[str, Eni] | None = None,
    edges: Mapping[str, Lines] | None = None,
    **others: Any,
) -> Estate:
    """Return the estate of this module with some groups, ACLs, route tables and interfaces replaced.

    `edges`: gateway → the routes of its own table. `others`: any field of `Resources`.
    """
    acl_lines = dict.fromkeys(SUBNETS, ALLOW_ALL + ALLOW_ALL_IPV6) | dict(acls or {})
    by_id = {one.interface_id: one for one in ENIS} | {EniId(name): one for name, one in (enis or {}).items()}
    tables = [
        RouteTable(
            name.replace("subnet", "rtb"),
            VpcId(SUBNETS[name][0]),
            tuple(map(route, lines)),
            subnets=(SubnetId(name),),
        )
        for name, lines in (ROUTES | dict(routes or {})).items()
    ]
    tables += [
        RouteTable(f"rtb-{name}", VpcId("vpc-a"), tuple(map(route, lines)), gateways=(name,))
        for name, lines in (edges or {}).items()
    ]
    parts: dict[str, Any] = {
        "vpcs": (
            Vpc(VpcId("vpc-a"), (cidr("10.0.0.0/16"), cidr("2001:db8:a::/56"))),
            Vpc(VpcId("vpc-b"), (cidr("10.1.0.0/16"),)),
            Vpc(VpcId("vpc-c"), (cidr("10.40.0.0/16"),)),
        ),
        "subnets": tuple(
            Subnet(SubnetId(name), VpcId(vpc), tuple(map(cidr, blocks)), zone)
            for name, (vpc, zone, *blocks) in SUBNETS.items()
        ),
        "enis": tuple(by_id.values()),
        "route_tables": tuple(tables),
        "network_acls": tuple(acl(name, lines) for name, lines in acl_lines.items()),
        "security_groups": tuple(group(name, lines) for name, lines in (GROUPS | dict(groups or {})).items()),
        "gateways": tuple(Gateway(one, VpcId("vpc-a")) for one in ("igw-a", "eigw-a", "vgw-a")),
        "nat_gateways": (
            NatGateway(
                "nat-a",
                VpcId("vpc-a"),
                SubnetId("subnet-public"),
                EniId("eni-nat"),
                "10.0.0.220",
                "198.51.100.220",
            ),
        ),
        "peerings": (Peering("pcx-ab", VpcId("vpc-a"), VpcId("vpc-b")),),
        "prefix_lists": (PrefixList("pl-s3", (cidr("52.216.0.0/15"), cidr("3.5.0.0/19"))),),
        "endpoints": (VpcEndpoint("vpce-s3", VpcId("vpc-a"), "Gateway"),),
        "transit_gateways": (TransitGateway("tgw-1", False, "tgw-rtb-1"),),
        "attachments": (
            attachment("a", ("subnet-fw", "subnet-data")),
            attachment("c", ("subnet-c", "subnet-c2")),
        ),
        "transit_gateway_route_tables": (transit_table(),),
    }
    return Estate(Resources(**(parts | others)))


def transit_table(*routes: TransitGatewayRoute, without: str = "") -> TransitGatewayRouteTable:
    """Return the default route table of `tgw-1`, with which every attachment is associated but `without`."""
    associated = tuple(f"tgw-attach-{letter}" for letter in "ac" if letter != without)
    return TransitGatewayRouteTable("tgw-rtb-1", "tgw-1", routes, associated)


def attachment(letter: str, subnets: Sequence[str], **more: Any) -> TransitGatewayAttachment:
    """Return the attachment of a VPC to `tgw-1`."""
    inside = tuple(map(SubnetId, subnets))
    return TransitGatewayAttachment(f"tgw-attach-{letter}", "tgw-1", "vpc", f"vpc-{letter}", inside, **more)
