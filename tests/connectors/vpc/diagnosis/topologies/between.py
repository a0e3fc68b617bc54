"""VPCs with each other: peering, transit gateways, and nothing at all."""

from __future__ import annotations

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.case import CODES, Case, Topology

PEER = "VPC peering guide, VPC peering connections: routing"
LIMITS = "VPC peering guide, How VPC peering connections work: limitations"
PEER_GROUPS = "VPC peering guide, Update your security groups to reference peer security groups"
TGW = "Transit Gateway guide, How transit gateways work"
TGW_ROUTES = "Transit Gateway guide, Transit gateway route tables"
TGW_GROUPS = "Transit Gateway guide, Security group referencing support"


def one(lab: Lab, name: str, number: int, *groups: str) -> None:
    """Make a VPC `v-<name>` with one subnet and one host, and the route table `rtb-<name>`."""
    lab.vpc(f"v-{name}", f"10.{number}.0.0/16")
    lab.subnet(f"s-{name}", f"v-{name}", f"10.{number}.0.0/24")
    lab.table(f"rtb-{name}", f"v-{name}", {}, f"s-{name}")
    lab.group(f"sg-{name}", f"v-{name}", *(groups or ("tcp 443 10.0.0.0/8",)))
    lab.host(name, f"s-{name}", f"sg-{name}")


def peering(lab: Lab) -> None:
    """Peerings of `a` with others, each with its own mistake."""
    for number, name in enumerate("abcdefgh"):
        one(lab, name, number)
    for name in "bcdefg":
        lab.peer(f"pcx-{name}", "v-a", f"v-{name}", accept=name != "e")
    lab.peer("pcx-bh", "v-b", "v-h")
    for number, name in enumerate("abcdefgh"):
        if name in "bdeg":
            lab.route("rtb-a", f"10.{number}.0.0/16", f"pcx-{name}")
        if name in "bcfe":
            lab.route(f"rtb-{name}", "10.0.0.0/16", f"pcx-{name}")
    lab.route("rtb-a", "10.7.0.0/16", "pcx-b")
    lab.route("rtb-g", "10.0.0.0/16", "pcx-g")
    lab.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=lab.id("pcx-g"))
    made = lab.ec2.create_managed_prefix_list(
        PrefixListName="others", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "10.1.0.0/16"}]
    )
    lab.ids["pl-others"] = made["PrefixList"]["PrefixListId"]
    lab.subnet("s-listed", "v-a", "10.0.1.0/24")
    lab.table("rtb-listed", "v-a", {"pl-others": "pcx-b"}, "s-listed")
    for number, (name, routes) in enumerate(
        {
            "narrow": {"10.1.0.0/16": "pcx-b", "10.1.0.0/24": "pcx-c"},
            "first": {"pl-others": "pcx-b", "10.1.0.0/16": "pcx-g"},
            "dead": {"10.1.0.0/16": "pcx-b", "10.1.0.0/24": "pcx-g"},
        }.items(),
        2,
    ):
        lab.subnet(f"s-{name}", "v-a", f"10.0.{number}.0/24")
        lab.table(f"rtb-{name}", "v-a", routes, f"s-{name}")
        lab.host(name, f"s-{name}", "sg-a")
    lab.host("listed", "s-listed", "sg-a")
    lab.group("sg-ref", "v-b", "tcp 5432 sg-a")
    lab.host("db", "s-b", "sg-ref")
    lab.group("sg-shut", "v-c", "tcp 22 10.0.0.0/8")
    lab.host("shut", "s-c", "sg-shut")


PEERING = Topology(
    "peering",
    peering,
    (
        Case("routes in both VPCs", PEER, "a b tcp 443", (), ("eni-a", "pcx-b", "eni-b")),
        Case(
            "a route by a prefix list",
            "VPC guide, Managed prefix lists",
            "listed b tcp 443",
            (),
            ("eni-listed", "pcx-b", "eni-b"),
        ),
        Case(
            "a more specific route to another VPC",
            "VPC guide, How route priority works",
            "narrow b tcp 443",
            ("forward MORE_SPECIFIC_ROUTE rtb-narrow",),
        ),
        Case(
            "a static black hole before a prefix list",
            "VPC guide, How route priority works",
            "first b tcp 443",
            ("forward HIGHER_PRIORITY_ROUTE rtb-first",),
        ),
        Case(
            "a more specific black hole",
            "VPC guide, How route priority works",
            "dead b tcp 443",
            ("forward BAD_STATE_ROUTE rtb-dead",),
        ),
        Case("by its private address", PEER, "a addr-b tcp 443", (), ("eni-a", "pcx-b", "eni-b")),
        Case("no route there", PEER, "a c tcp 443", ("forward NO_ROUTE_TO_DESTINATION rtb-a",)),
        Case("no route back", PEER, "a d tcp 443", ("return NO_ROUTE_TO_DESTINATION rtb-d",)),
        Case(
            "no route there, and the group refuses",
            PEER,
            "a shut tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION rtb-a", "forward ENI_SG_RULES_MISMATCH sg-shut"),
        ),
        Case(
            "a peering that is not accepted",
            "VPC peering guide, VPC peering connection lifecycle",
            "a e tcp 443",
            ("forward BAD_STATE_ROUTE rtb-a", "return BAD_STATE_ROUTE rtb-e"),
        ),
        Case(
            "a deleted peering",
            "VPC peering guide, Delete a VPC peering connection",
            "a g tcp 443",
            ("forward BAD_STATE_ROUTE rtb-a", "return BAD_STATE_ROUTE rtb-g"),
        ),
        Case(
            "no transit through a peering",
            LIMITS,
            "a h tcp 443",
            ("forward PCX_REQUIRES_ADDRESS_IN_VPC_CIDR pcx-b",),
        ),
        Case("a group of the peered VPC", PEER_GROUPS, "a db tcp 5432", (), ("pcx-b", "eni-db")),
        Case(
            "no route in either VPC",
            PEER,
            "d f tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION rtb-d",),
        ),
        Case(
            "another port",
            PEER_GROUPS,
            "a b tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-b",),
        ),
    ),
)


def apart(lab: Lab) -> None:
    """Two VPCs that nothing joins, one with a default route to an internet gateway."""
    for number, name in enumerate("ab"):
        one(lab, name, number)
    lab.igw("igw", "v-a")
    lab.route("rtb-a", "0.0.0.0/0", "igw")


APART = Topology(
    "apart",
    apart,
    (
        Case(
            "nothing joins them",
            CODES + ": DISCONNECTED_VPCS",
            "b a tcp 443",
            ("forward DISCONNECTED_VPCS v-b",),
        ),
        Case(
            "nothing joins them, and a default route",
            CODES + ": DISCONNECTED_VPCS",
            "a b tcp 443",
            ("forward DISCONNECTED_VPCS v-a",),
        ),
    ),
)


def transit(lab: Lab) -> None:
    """A transit gateway with its default route table."""
    for number, name in enumerate("abcd"):
        one(lab, name, number)
    lab.tgw("tgw")
    for name in "abd":
        lab.attach(f"att-{name}", "tgw", f"v-{name}", f"s-{name}")
    lab.subnet("s-a2", "v-a", "10.0.2.0/24", "b")
    lab.table("rtb-a2", "v-a", {"10.0.0.0/8": "tgw"}, "s-a2")
    lab.group("sg-a2", "v-a", "all 0.0.0.0/0")
    lab.host("a2", "s-a2", "sg-a2")
    for name in "abc":
        lab.route(f"rtb-{name}", "10.0.0.0/8", "tgw")
    lab.group("sg-ref", "v-b", "tcp 5432 sg-a")
    lab.host("db", "s-b", "sg-ref")


TRANSIT = Topology(
    "transit gateway",
    transit,
    (
        Case("propagated routes", TGW, "a b tcp 443", (), ("eni-a", "att-a", "tgw", "att-b", "eni-b")),
        Case(
            "another port",
            TGW,
            "a b tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-b",),
        ),
        Case("no route back", TGW, "a d tcp 443", ("return NO_ROUTE_TO_DESTINATION rtb-d",)),
        Case("no route there", TGW, "d a tcp 443", ("forward NO_ROUTE_TO_DESTINATION rtb-d",)),
        Case(
            "a VPC without an attachment",
            CODES + ": BAD_STATE_ROUTE",
            "c a tcp 443",
            ("forward BAD_STATE_ROUTE rtb-c",),
        ),
        Case(
            "no attachment subnet in the zone",
            "Transit Gateway guide, Availability Zones",
            "a2 b tcp 443",
            ("forward TGW_ROUTE_AZ_RESTRICTION att-a",),
        ),
        Case(
            "references to groups are off",
            TGW_GROUPS,
            "a db tcp 5432",
            ("forward SG_REFERENCING_SUPPORT tgw",),
        ),
    ),
)


def tables(lab: Lab) -> None:
    """A transit gateway without default tables: routes, propagations and associations by hand."""
    for number, name in enumerate("abcde"):
        one(lab, name, number)
    lab.tgw("tgw", DefaultRouteTableAssociation="disable", DefaultRouteTablePropagation="disable")
    for name in "abcde":
        lab.attach(f"att-{name}", "tgw", f"v-{name}", f"s-{name}")
        lab.route(f"rtb-{name}", "10.0.0.0/8", "tgw")
    made = lab.ec2.create_transit_gateway_route_table(TransitGatewayId=lab.id("tgw"))
    table = lab.ids["tgw-rtb"] = made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    for name in "abcd":
        lab.ec2.associate_transit_gateway_route_table(
            TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=lab.id(f"att-{name}")
        )
    for name in "abd":
        lab.ec2.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=lab.id(f"att-{name}")
        )
    lab.ec2.create_transit_gateway_route(
        DestinationCidrBlock="10.3.0.0/24", TransitGatewayRouteTableId=table, Blackhole=True
    )
    lab.ec2.create_transit_gateway_route(
        DestinationCidrBlock="10.9.0.0/16", TransitGatewayRouteTableId=table, Blackhole=True
    )
    lab.ec2.create_transit_gateway_route(
        DestinationCidrBlock="10.4.0.0/16",
        TransitGatewayRouteTableId=table,
        TransitGatewayAttachmentId=lab.id("att-e"),
    )


TABLES = Topology(
    "transit gateway tables",
    tables,
    (
        Case("propagated by hand", TGW_ROUTES, "a b tcp 443", (), ("att-a", "tgw-rtb", "att-b")),
        Case(
            "no propagation",
            TGW_ROUTES,
            "a c tcp 443",
            ("forward TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT tgw-rtb",),
        ),
        Case(
            "no propagation of the source",
            TGW_ROUTES,
            "c a tcp 443",
            ("return TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT tgw-rtb",),
        ),
        Case(
            "a more specific black hole",
            CODES + ": TGW_RTB_MORE_SPECIFIC_ROUTE",
            "a d tcp 443",
            ("forward TGW_RTB_MORE_SPECIFIC_ROUTE tgw-rtb",),
        ),
        Case(
            "an attachment without an association",
            CODES + ": TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION",
            "e a tcp 443",
            ("forward TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION att-e",),
        ),
        Case(
            "a static route, and no association for the response",
            TGW_ROUTES,
            "a e tcp 443",
            ("return TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION att-e",),
        ),
    ),
)


def egress(lab: Lab) -> None:
    """Spokes that reach the internet by a NAT gateway in a VPC of its own."""
    for number, name in enumerate("ab"):
        one(lab, name, number)
    lab.vpc("v-out", "10.9.0.0/16")
    lab.subnet("s-in", "v-out", "10.9.0.0/24")
    lab.subnet("s-public", "v-out", "10.9.1.0/24")
    lab.igw("igw", "v-out")
    lab.nat("nat", "s-public")
    lab.tgw("tgw")
    lab.attach("att-a", "tgw", "v-a", "s-a")
    lab.attach("att-b", "tgw", "v-b", "s-b")
    lab.attach("att-out", "tgw", "v-out", "s-in")
    lab.table("rtb-in", "v-out", {"0.0.0.0/0": "nat"}, "s-in")
    lab.table("rtb-public", "v-out", {"0.0.0.0/0": "igw", "10.0.0.0/16": "tgw"}, "s-public")
    lab.route("rtb-a", "0.0.0.0/0", "tgw")
    lab.route("rtb-b", "0.0.0.0/0", "tgw")
    lab.ec2.create_transit_gateway_route(
        DestinationCidrBlock="0.0.0.0/0",
        TransitGatewayRouteTableId=lab.id("rtb-tgw"),
        TransitGatewayAttachmentId=lab.id("att-out"),
    )


CENTRAL = "Transit Gateway guide, Example: Centralized outbound routing to the internet"
EGRESS = Topology(
    "central egress",
    egress,
    (
        Case(
            "out by another VPC", CENTRAL, "a internet tcp 443", (), ("att-a", "tgw", "att-out", "nat", "igw")
        ),
        Case(
            "no route back from the NAT gateway",
            CENTRAL,
            "b internet tcp 443",
            ("return IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS igw",),
            ("att-b", "nat", "igw"),
        ),
    ),
)


def overlapping(lab: Lab) -> None:
    """Two VPCs with one block, both peered with a third."""
    lab.vpc("v-hub", "172.16.0.0/16")
    lab.subnet("s-one", "v-hub", "172.16.0.0/24")
    lab.subnet("s-two", "v-hub", "172.16.1.0/24")
    for name in ("b", "c"):
        lab.vpc(f"v-{name}", "10.0.0.0/16")
        lab.subnet(f"s-{name}", f"v-{name}", "10.0.0.0/24")
        lab.peer(f"pcx-{name}", "v-hub", f"v-{name}")
        lab.table(f"rtb-{name}", f"v-{name}", {"172.16.0.0/16": f"pcx-{name}"}, f"s-{name}")
        lab.group(f"sg-{name}", f"v-{name}", "all 0.0.0.0/0")
        lab.host(name, f"s-{name}", f"sg-{name}", address="10.0.0.77")
    lab.group("sg-hub", "v-hub", "all 0.0.0.0/0")
    lab.table("rtb-one", "v-hub", {"10.0.0.0/16": "pcx-b"}, "s-one")
    lab.table("rtb-two", "v-hub", {"10.0.0.0/16": "pcx-c"}, "s-two")
    lab.host("one", "s-one", "sg-hub")
    lab.host("two", "s-two", "sg-hub")


RESPONSE = "VPC peering guide, Configurations with specific routes: routing for response traffic"
OVERLAPPING = Topology(
    "overlapping blocks",
    overlapping,
    (
        Case("each subnet has its own peering", RESPONSE, "one b tcp 80", (), ("pcx-b", "eni-b")),
        Case("the other subnet too", RESPONSE, "two c tcp 80", (), ("pcx-c", "eni-c")),
        Case("an address that a route leads to", RESPONSE, "two 10.0.0.77 tcp 80", (), ("pcx-c", "eni-c")),
        Case(
            "the response goes to the other VPC",
            RESPONSE,
            "c one tcp 80",
            ("return NO_ROUTE_TO_DESTINATION rtb-one",),
            ("eni-c", "pcx-c", "eni-one"),
        ),
        Case(
            "the route leads to the other VPC",
            RESPONSE,
            "one c tcp 80",
            ("forward NO_ROUTE_TO_DESTINATION rtb-one",),
        ),
    ),
)


def private_nat(lab: Lab) -> None:
    """A VPC whose hosts leave by a private NAT gateway with a routable address, and one on premises."""
    lab.vpc("v-a", "10.0.0.0/16", "100.64.0.0/16")
    lab.subnet("s-a", "v-a", "10.0.0.0/24")
    lab.subnet("s-nat", "v-a", "100.64.0.0/24")
    lab.nat("nat", "s-nat", private=True)
    one(lab, "b", 1, "tcp 443 100.64.0.0/16")
    one(lab, "c", 2, "tcp 443 10.0.0.0/16")
    lab.tgw("tgw")
    lab.attach("att-a", "tgw", "v-a", "s-nat")
    lab.vgw("vgw", "v-a")
    lab.table("rtb-a", "v-a", {"10.0.0.0/8": "nat", "192.168.0.0/16": "vgw"}, "s-a")
    lab.table("rtb-nat", "v-a", {"10.0.0.0/8": "tgw"}, "s-nat")
    lab.group("sg-a", "v-a", "tcp 22 192.168.0.0/16")
    lab.host("a", "s-a", "sg-a")
    for name in "bc":
        lab.attach(f"att-{name}", "tgw", f"v-{name}", f"s-{name}")
        lab.route(f"rtb-{name}", "100.64.0.0/16", "tgw")


ROUTABLE = "VPC guide, NAT gateway use cases: allow communication between overlapping networks"
VPN = "Site-to-Site VPN guide, How AWS Site-to-Site VPN works"


def without_tgw(lab: Lab) -> None:
    """Two VPCs whose transit gateway was deleted."""
    for number, name in enumerate("ab"):
        one(lab, name, number)
    lab.tgw("tgw")
    for name in "ab":
        lab.attach(f"att-{name}", "tgw", f"v-{name}", f"s-{name}")
        lab.route(f"rtb-{name}", "10.0.0.0/8", "tgw")
    lab.ec2.delete_transit_gateway(TransitGatewayId=lab.id("tgw"))


WITHOUT_TGW = Topology(
    "deleted transit gateway",
    without_tgw,
    (
        Case(
            "a black hole in both VPCs",
            "Transit Gateway guide, Delete a transit gateway",
            "a b tcp 443",
            ("forward BAD_STATE_ROUTE rtb-a", "return BAD_STATE_ROUTE rtb-b"),
        ),
    ),
)

PRIVATE_NAT = Topology(
    "private NAT",
    private_nat,
    (
        Case("the address of the NAT gateway", ROUTABLE, "a b tcp 443", (), ("eni-a", "nat", "tgw", "eni-b")),
        Case(
            "a group for the address of the host",
            ROUTABLE,
            "a c tcp 443",
            ("forward ENI_SG_RULES_MISMATCH sg-c",),
            ("eni-a", "nat", "tgw", "eni-c"),
        ),
        Case("to a network on premises", VPN, "a 192.168.4.4 tcp 443", (), ("eni-a", "vgw")),
        Case("from a network on premises", VPN, "192.168.4.4 a tcp 22", (), ("vgw", "eni-a")),
        Case(
            "a port that is closed to a network on premises",
            VPN,
            "192.168.4.4 a tcp 80",
            ("forward ENI_SG_RULES_MISMATCH sg-a",),
        ),
    ),
)

BETWEEN = (PEERING, APART, TRANSIT, TABLES, EGRESS, OVERLAPPING, PRIVATE_NAT, WITHOUT_TGW)
