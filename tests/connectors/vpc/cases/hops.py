"""What lies between: NAT gateways, appliances, peering, transit gateways."""

from __future__ import annotations

from dataclasses import replace

from connectors.vpc.addresses import cidr
from connectors.vpc.network import (
    Peering,
    TransitGateway,
    TransitGatewayRoute,
    TransitGatewayRouteTable,
    VpcId,
)
from tests.connectors.vpc.cases.row import (
    APP_DB,
    EPHEMERAL,
    ESP,
    EX_NAT,
    EX_TGW,
    HOST,
    LIM,
    MIDDLEBOX,
    NAT,
    NAT_IN,
    PEER,
    SG_PEER,
    TGW,
    TGW_ACL,
    TGW_SG,
    WEB,
    Case,
    acl,
    flow,
    group,
)
from tests.connectors.vpc.estates import ENIS, attachment, eni, estate

FW_ROUTES = {"subnet-private": ("10.0.2.0/24 eni-fw",), "subnet-data": ("10.0.1.0/24 eni-fw",)}
FW_OPEN = {"sg-db": (("tcp 5432 10.0.1.0/24",), ("all 0.0.0.0/0",))}
TO_NAT = f"nat in ACCEPT 10.0.1.5>10.0.0.220 pkt 10.0.1.5>{HOST}"
FROM_NAT = f"nat out ACCEPT 10.0.0.220>{HOST}"
BACK_TO_NAT = f"nat in ACCEPT {HOST}>10.0.0.220"
BACK_FROM_NAT = f"nat out ACCEPT 10.0.0.220>10.0.1.5 pkt {HOST}>10.0.1.5"
VIA_NAT = (TO_NAT, FROM_NAT, BACK_TO_NAT, BACK_FROM_NAT)
OUT_BY_NAT = flow("app", HOST, port=443)
TWO = replace(ENIS[0], private_ips=("10.0.0.10", "10.0.0.77"))
HOP_CASES = (
    Case(
        "four records at a NAT gateway",
        EX_NAT,
        OUT_BY_NAT,
        (f"app out ACCEPT 10.0.1.5>{HOST}", *VIA_NAT, f"app in ACCEPT {HOST}>10.0.1.5"),
    ),
    Case(
        "the NAT gateway's ACL lacks ephemeral ports in",
        EPHEMERAL,
        OUT_BY_NAT,
        ("app out ACCEPT", "nat in ACCEPT", "nat out ACCEPT", f"nat in REJECT {HOST}>10.0.0.220"),
        acl("subnet-public", "100 in allow tcp 443 10.0.0.0/16", "100 out allow all 0.0.0.0/0"),
    ),
    Case(
        "the NAT gateway's ACL denies its client",
        NAT,
        OUT_BY_NAT,
        ("app out ACCEPT", f"nat in REJECT 10.0.1.5>10.0.0.220 pkt 10.0.1.5>{HOST}"),
        acl(
            "subnet-public",
            "90 in deny all 10.0.1.0/24",
            "100 in allow all 0.0.0.0/0",
            "100 out allow all 0.0.0.0/0",
        ),
    ),
    Case(
        "scanners are accepted at a NAT gateway, and dropped",
        NAT_IN,
        flow(HOST, "198.51.100.220", port=22),
        (f"nat in ACCEPT {HOST}>10.0.0.220",),
        last="lost",
        rule="drops what no connection",
    ),
    Case(
        "a NAT gateway's ACL rejects scanners",
        NAT_IN,
        flow(HOST, "198.51.100.220", port=22),
        ("nat in REJECT",),
        acl("subnet-public", "100 in deny tcp 22 0.0.0.0/0"),
    ),
    Case(
        "a NAT gateway translates TCP, UDP and ICMP",
        NAT,
        flow("app", HOST, ESP),
        ("app out ACCEPT", "nat in ACCEPT"),
        last="lost",
    ),
    Case(
        "a NAT gateway in the route that is gone",
        NAT,
        OUT_BY_NAT,
        ("app out ACCEPT",),
        estate(nat_gateways=()),
        "lost",
    ),
    Case(
        "a secondary address shows as the primary",
        LIM,
        flow("bastion", "10.0.0.77", port=443),
        (
            "bastion out ACCEPT 10.0.0.11>10.0.0.77",
            "web in ACCEPT 10.0.0.11>10.0.0.10 pkt 10.0.0.11>10.0.0.77",
            "web out ACCEPT 10.0.0.10>10.0.0.11 pkt 10.0.0.77>10.0.0.11",
            "bastion in ACCEPT 10.0.0.77>10.0.0.11",
        ),
        estate(enis={"eni-web": TWO}),
    ),
    Case(
        "an appliance shows its own address",
        LIM,
        APP_DB,
        (
            "app out ACCEPT 10.0.1.5>10.0.2.7",
            "fw in ACCEPT 10.0.1.5>10.0.3.9 pkt 10.0.1.5>10.0.2.7",
            "fw out ACCEPT 10.0.3.9>10.0.2.7 pkt 10.0.1.5>10.0.2.7",
            "db in ACCEPT 10.0.1.5>10.0.2.7",
            "db out ACCEPT",
            "fw in ACCEPT",
            "fw out ACCEPT",
            "app in ACCEPT",
        ),
        estate(routes=FW_ROUTES, groups=FW_OPEN),
    ),
    Case(
        "through an appliance a group is not known",
        MIDDLEBOX,
        APP_DB,
        ("app out ACCEPT", "fw in ACCEPT", "fw out ACCEPT", "db in REJECT"),
        estate(routes=FW_ROUTES),
    ),
    Case(
        "an appliance that checks destinations drops",
        "EC2 guide, Source/destination checking",
        APP_DB,
        ("app out ACCEPT", "fw in ACCEPT"),
        estate(routes=FW_ROUTES, groups=FW_OPEN, enis={"eni-fw": eni("fw", "subnet-fw", "10.0.3.9")}),
        "lost",
        "checks destinations",
    ),
    Case(
        "another's source address does not leave",
        "EC2 guide, Source/destination checking",
        flow("app", "db", port=5432, srcaddr="10.9.9.9"),
        (),
        last="lost",
        rule="checks sources",
    ),
    Case(
        "an edge table leads through an appliance",
        "VPC guide, Gateway route tables",
        flow(HOST, WEB, port=80),
        (
            f"fw in ACCEPT {HOST}>10.0.3.9 pkt {HOST}>10.0.0.10",
            f"fw out ACCEPT 10.0.3.9>10.0.0.10 pkt {HOST}>10.0.0.10",
            f"web in ACCEPT {HOST}>10.0.0.10",
            "web out ACCEPT",
        ),
        estate(edges={"igw-a": ("10.0.0.0/24 eni-fw",)}),
    ),
    Case(
        "peered, by address",
        PEER,
        flow("app", "peer", port=9000),
        (
            "app out ACCEPT 10.0.1.5>10.1.0.8",
            "peer in ACCEPT 10.0.1.5>10.1.0.8",
            "peer out ACCEPT",
            "app in ACCEPT",
        ),
        group("sg-peer", ("tcp 9000 10.0.0.0/16",)),
    ),
    Case(
        "a group of a peered VPC",
        SG_PEER,
        flow("app", "peer", port=9000),
        ("app out ACCEPT", "peer in ACCEPT", "peer out ACCEPT", "app in ACCEPT"),
    ),
    Case(
        "no reference to a group in another Region",
        SG_PEER,
        flow("app", "peer", port=9000),
        ("app out ACCEPT", "peer in REJECT"),
        estate(peerings=(Peering("pcx-ab", VpcId("vpc-a"), VpcId("vpc-b"), is_inter_region=True),)),
    ),
    Case(
        "no route back through the peering",
        PEER,
        flow("app", "peer", port=9000),
        ("app out ACCEPT", "peer in ACCEPT", "peer out ACCEPT"),
        estate(routes={"subnet-b": ()}),
        "lost",
        "no route",
    ),
    Case(
        "a deleted peering is a black hole",
        PEER,
        flow("app", "peer", port=9000),
        ("app out ACCEPT",),
        estate(peerings=()),
        "lost",
        "black hole",
    ),
    Case(
        "no transit through a peering",
        PEER,
        flow("app", HOST, port=443),
        ("app out ACCEPT",),
        estate(routes={"subnet-private": ("0.0.0.0/0 pcx-ab",)}),
        "lost",
        "not transitive",
    ),
    Case(
        "through a transit gateway in two zones",
        EX_TGW,
        flow("db", "far", port=80),
        (
            "db out ACCEPT 10.0.2.7>10.40.1.236",
            "tgw-a2 in ACCEPT 10.0.2.7>10.0.2.100 pkt 10.0.2.7>10.40.1.236",
            "tgw-c2 out ACCEPT 10.40.2.31>10.40.1.236 pkt 10.0.2.7>10.40.1.236",
            "far in ACCEPT 10.0.2.7>10.40.1.236",
            "far out ACCEPT 10.40.1.236>10.0.2.7",
            "tgw-c1 in ACCEPT 10.40.1.236>10.40.1.175 pkt 10.40.1.236>10.0.2.7",
            "tgw-a1 out ACCEPT",
            "db in ACCEPT",
        ),
    ),
    Case(
        "the transit gateway's subnet in: by source",
        TGW_ACL,
        flow("app", "far", port=80),
        ("app out ACCEPT", "tgw-a1 in REJECT"),
        acl(
            "subnet-fw",
            "90 in deny all 10.0.1.0/24",
            "100 in allow all 0.0.0.0/0",
            "100 out allow all 0.0.0.0/0",
        ),
    ),
    Case(
        "the transit gateway's subnet out: by destination",
        TGW_ACL,
        flow("db", "far", port=80),
        ("db out ACCEPT", "tgw-a2 in ACCEPT", "tgw-c2 out REJECT"),
        acl("subnet-c2", "90 out deny all 10.40.1.0/24", "100 out allow all 0.0.0.0/0"),
    ),
    Case(
        "in one subnet, towards the gateway: asked",
        TGW_ACL,
        flow("db", "far", port=80),
        ("db out ACCEPT", "tgw-a2 in REJECT"),
        acl("subnet-data", "100 out allow all 0.0.0.0/0"),
    ),
    Case(
        "in one subnet, from the gateway: not asked",
        TGW_ACL,
        flow("app", "far", port=80),
        ("app out ACCEPT", "tgw-a1 in ACCEPT", "tgw-c1 out ACCEPT", "far in ACCEPT", "far out REJECT"),
        acl("subnet-c"),
    ),
    Case(
        "no attachment in the sender's zone",
        TGW,
        flow("db", "far", port=80),
        ("db out ACCEPT",),
        estate(attachments=(attachment("a", ("subnet-fw",)), attachment("c", ("subnet-c",)))),
        "lost",
        "Availability Zone",
    ),
    Case(
        "a black hole in the transit gateway's table",
        TGW,
        flow("app", "far", port=80),
        ("app out ACCEPT", "tgw-a1 in ACCEPT"),
        estate(
            transit_gateway_route_tables=(
                TransitGatewayRouteTable("tgw-rtb-1", "tgw-1", (TransitGatewayRoute(cidr("10.40.1.0/24")),)),
            )
        ),
        "lost",
        "black hole",
    ),
    Case(
        "groups are not known across a transit gateway",
        TGW_SG,
        flow("app", "far", port=80),
        ("app out ACCEPT", "tgw-a1 in ACCEPT", "tgw-c1 out ACCEPT", "far in REJECT"),
        group("sg-far", ("tcp 80 sg-app",)),
    ),
    Case(
        "groups are known when both sides say so",
        TGW_SG,
        flow("app", "far", port=80),
        (
            "app out ACCEPT",
            "tgw-a1 in ACCEPT",
            "tgw-c1 out ACCEPT",
            "far in ACCEPT",
            "far out ACCEPT",
            "tgw-c1 in ACCEPT",
            "tgw-a1 out ACCEPT",
            "app in ACCEPT",
        ),
        estate(
            groups={"sg-far": (("tcp 80 sg-app",), ())},
            transit_gateways=(TransitGateway("tgw-1", True, "tgw-rtb-1", "tgw-rtb-1"),),
        ),
    ),
    Case(
        "outbound references are not known across one",
        TGW_SG,
        flow("app", "far", port=80),
        ("app out REJECT",),
        estate(
            groups={"sg-app": ((), ("tcp 80 sg-far",))},
            transit_gateways=(TransitGateway("tgw-1", True, "tgw-rtb-1", "tgw-rtb-1"),),
        ),
    ),
)
