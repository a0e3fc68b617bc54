"""Several mistakes at once: three tiers, transit gateway zones, NAT instances, one ACL for two subnets."""

from __future__ import annotations

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.between import one
from tests.connectors.vpc.diagnosis.topologies.case import Case, Topology
from tests.connectors.vpc.diagnosis.topologies.services import balancer, listen, targets

TIERS = "VPC guide, Example: VPC with servers in private subnets and NAT"
EPHEMERAL = "VPC guide, Custom network ACLs: ephemeral ports"
ZONES = "Transit Gateway guide, Transit gateway VPC attachments: Availability Zones"
TGW_ACL = "Transit Gateway guide, How network ACLs work with transit gateways"
NAT_BOX = "VPC guide, NAT instances: disable source/destination checks"
PRESERVED = "Network Load Balancer guide, Client IP preservation"


def tiers(lab: Lab) -> None:
    """A load balancer, applications and a database host, each tier with its own ACL and groups."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    for number, name in enumerate(("pub-a", "pub-b", "app-a", "app-b", "db-a", "db-b")):
        lab.subnet(name, "a", f"10.0.{number}.0/24", name[-1])
    lab.nat("nat", "pub-a")
    lab.table("rtb-pub", "a", {"0.0.0.0/0": "igw"}, "pub-a", "pub-b")
    lab.table("rtb-app", "a", {"0.0.0.0/0": "nat"}, "app-a", "app-b")
    lab.table("rtb-db", "a", {}, "db-a", "db-b")
    lab.group("sg-alb", "a", "tcp 443 0.0.0.0/0")
    lab.group("sg-app", "a", "tcp 8080 sg-alb")
    lab.group("sg-db", "a", "tcp 5432 sg-app")
    lab.group("sg-vpc", "a", "tcp 8080 10.0.0.0/16")
    lab.group("sg-dns", "a", "udp 53 0.0.0.0/0")
    lab.host("app1", "app-a", "sg-app")
    lab.host("app2", "app-b", "sg-app")
    lab.host("in-vpc", "app-a", "sg-vpc")
    lab.host("dns", "app-a", "sg-dns")
    lab.host("db", "db-a", "sg-db")
    lab.acl(
        "acl-db",
        "a",
        ("in 100 allow tcp 5432 10.0.2.0/24", "out 100 allow tcp 1024-65535 10.0.2.0/24"),
        "db-a",
        "db-b",
    )
    lab.acl("acl-app", "a", ("in 100 allow all 10.0.0.0/16", "out 100 allow all 0.0.0.0/0"), "app-a", "app-b")
    public = ("pub-a", "pub-b")
    targets(lab, "tg", "a", 8080, "app1", "app2")
    targets(lab, "tg-port", "a", 9090, "app1", "app2")
    listen(lab, balancer(lab, "web", public, ("sg-alb",)), 443, "tg")
    listen(lab, balancer(lab, "port", public, ("sg-alb",)), 443, "tg-port")
    listen(lab, balancer(lab, "hidden", ("app-a", "app-b"), ("sg-alb",)), 443, "tg")
    net = balancer(lab, "net", public, (), kind="network")
    targets(lab, "tg-dns", "a", 53, "dns", protocol="UDP")
    targets(lab, "tg-off", "a", 8080, "in-vpc", protocol="TCP")
    off = [{"Key": "preserve_client_ip.enabled", "Value": "false"}]
    lab.elbv2.modify_target_group_attributes(TargetGroupArn=lab.id("tg-off"), Attributes=off)
    targets(lab, "tg-ip", "a", 8080, "addr-in-vpc", protocol="TCP", kind="ip")
    for port, group, protocol in ((53, "tg-dns", "UDP"), (81, "tg-off", "TCP"), (82, "tg-ip", "TCP")):
        listen(lab, net, port, group, protocol)


DENIED_DB = ("forward SUBNET_ACL_RESTRICTION acl-db", "return SUBNET_ACL_RESTRICTION acl-db")
THREE_TIERS = Topology(
    "three tiers",
    tiers,
    (
        Case("to the application", TIERS, "internet web tcp 443", (), ("igw", "web", "app1", "eni-app1")),
        Case(
            "targets on a port that no rule opens",
            "Application Load Balancer guide, Troubleshoot: the security group of the instances",
            "internet port tcp 443",
            ("forward ENI_SG_RULES_MISMATCH sg-app",),
        ),
        Case(
            "an internet-facing load balancer in private subnets",
            "Elastic Load Balancing guide, How it works: load balancer scheme",
            "internet hidden tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-app", "return NO_ROUTE_TO_DESTINATION rtb-app"),
        ),
        Case(
            "responses from the internet are denied",
            EPHEMERAL,
            "app1 internet tcp 443",
            ("return SUBNET_ACL_RESTRICTION acl-app",),
        ),
        Case("the database from its zone", TIERS, "app1 db tcp 5432", (), ("eni-app1", "eni-db")),
        Case("the database from the other zone", EPHEMERAL, "app2 db tcp 5432", DENIED_DB),
        Case("a subnet of the other zone", EPHEMERAL, "app-b db-a tcp 5432", DENIED_DB),
        Case(
            "an isolated subnet and the internet",
            TIERS,
            "db internet tcp 443",
            (
                "forward SUBNET_ACL_RESTRICTION acl-db",
                "forward NO_ROUTE_TO_DESTINATION rtb-db",
                "return SUBNET_ACL_RESTRICTION acl-db",
            ),
        ),
        Case(
            "the internet and an isolated host",
            TIERS,
            "internet db tcp 5432",
            (
                "forward IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS eni-db",
                "forward SUBNET_ACL_RESTRICTION acl-db",
                "forward ENI_SG_RULES_MISMATCH sg-db",
                "return SUBNET_ACL_RESTRICTION acl-db",
                "return NO_ROUTE_TO_DESTINATION rtb-db",
            ),
        ),
        Case(
            "UDP with the client's address",
            PRESERVED,
            "internet net udp 53",
            ("forward SUBNET_ACL_RESTRICTION acl-app",),
        ),
        Case(
            "the client's address is not preserved",
            PRESERVED,
            "internet net tcp 81",
            (),
            ("net", "eni-in-vpc"),
        ),
        Case("a target by its address", PRESERVED, "internet net tcp 82", (), ("net", "eni-in-vpc")),
        Case(
            "a NAT gateway takes no connections",
            "VPC guide, NAT gateways",
            "internet nat tcp 443",
            ("forward NO_POSSIBLE_DESTINATION nat",),
        ),
    ),
)


def zones(lab: Lab) -> None:
    """Two VPCs whose attachments are in one zone, in subnets of their own with a network ACL."""
    for number, vpc in ((1, "v1"), (2, "v2")):
        lab.vpc(vpc, f"10.{number}.0.0/16")
        lab.subnet(f"{vpc}-a", vpc, f"10.{number}.0.0/24", "a")
        lab.subnet(f"{vpc}-b", vpc, f"10.{number}.1.0/24", "b")
        lab.subnet(f"{vpc}-t", vpc, f"10.{number}.9.0/28", "a")
        lab.group(f"sg-{vpc}", vpc, "all 10.0.0.0/8")
    lab.tgw("tgw")
    for vpc in ("v1", "v2"):
        lab.attach(f"att-{vpc}", "tgw", vpc, f"{vpc}-t")
        lab.table(f"rtb-{vpc}", vpc, {"10.0.0.0/8": "tgw"}, f"{vpc}-a", f"{vpc}-b")
        for zone in "ab":
            lab.host(f"{vpc}{zone}", f"{vpc}-{zone}", f"sg-{vpc}")
    lab.acl(
        "acl-t",
        "v2",
        (
            "in 100 allow all 0.0.0.0/0",
            "out 100 allow tcp 443 0.0.0.0/0",
            "out 110 allow tcp 1024-65535 10.1.0.0/16",
        ),
        "v2-t",
    )


TGW_ZONES = Topology(
    "transit gateway zones",
    zones,
    (
        Case(
            "the zone of the attachments",
            ZONES,
            "v1a v2a tcp 443",
            (),
            ("eni-v1a", "att-v1", "att-v2", "eni-v2a"),
        ),
        Case("the sender's zone", ZONES, "v1b v2a tcp 443", ("forward TGW_ROUTE_AZ_RESTRICTION att-v1",)),
        Case("the receiver's zone", ZONES, "v1a v2b tcp 443", ("return TGW_ROUTE_AZ_RESTRICTION att-v2",)),
        Case(
            "both zones",
            ZONES,
            "v1b v2b tcp 443",
            ("forward TGW_ROUTE_AZ_RESTRICTION att-v1", "return TGW_ROUTE_AZ_RESTRICTION att-v2"),
        ),
        Case(
            "the ACL of the attachment's subnet, outbound",
            TGW_ACL,
            "v1a v2a tcp 80",
            ("forward SUBNET_ACL_RESTRICTION acl-t",),
        ),
        Case(
            "the ACL of the attachment's subnet, ping",
            TGW_ACL,
            "v1a v2a icmp",
            ("forward SUBNET_ACL_RESTRICTION acl-t",),
        ),
        Case(
            "a response that the ACL of the attachment denies",
            TGW_ACL,
            "v2a v1a tcp 22",
            ("return SUBNET_ACL_RESTRICTION acl-t",),
        ),
    ),
)


def boxes(lab: Lab) -> None:
    """NAT instances with mistakes, one empty ACL on two subnets, a gateway of another VPC."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    lab.group("sg", "a", "all 0.0.0.0/0")
    for number, name in enumerate(("pub", "one", "two", "three", "four", "five")):
        lab.subnet(name, "a", f"10.0.{number}.0/24")
    lab.table("rtb-pub", "a", {"0.0.0.0/0": "igw"}, "pub")
    lab.host("checking", "pub", "sg", public=True)
    lab.appliance("bare", "pub", "sg")
    lab.table("rtb-one", "a", {"0.0.0.0/0": "checking"}, "one")
    lab.table("rtb-two", "a", {"0.0.0.0/0": "eni-bare"}, "two")
    lab.acl("acl", "a", (), "three", "four")
    for number, name in enumerate(("one", "two", "three", "four", "five"), 1):
        lab.host(f"h{number}", name, "sg")
    lab.vpc("b", "10.1.0.0/16")
    lab.igw("igw-b", "b")
    lab.subnet("s-b", "b", "10.1.0.0/24")
    lab.table("rtb-b", "b", {"0.0.0.0/0": "igw"}, "s-b")
    lab.group("sg-b", "b", "all 0.0.0.0/0")
    lab.host("hb", "s-b", "sg-b", public=True)


BOXES = Topology(
    "NAT instances",
    boxes,
    (
        Case(
            "a NAT instance that checks destinations",
            NAT_BOX,
            "h1 internet tcp 443",
            ("forward ENI_SOURCE_DEST_CHECK_RESTRICTION eni-checking",),
        ),
        Case(
            "a NAT instance without a public address",
            NAT_BOX,
            "h2 internet tcp 443",
            ("forward IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS eni-bare",),
        ),
        Case(
            "one ACL for both subnets is one cause in each direction",
            EPHEMERAL,
            "h3 h4 tcp 22",
            ("forward SUBNET_ACL_RESTRICTION acl", "return SUBNET_ACL_RESTRICTION acl"),
        ),
        Case(
            "a route to the gateway of another VPC",
            "VPC guide, Internet gateways: one VPC for each gateway",
            "hb internet tcp 443",
            ("forward BAD_STATE_ROUTE rtb-b",),
        ),
        Case(
            "the internet, and a route to the gateway of another VPC",
            "VPC guide, Internet gateways: one VPC for each gateway",
            "internet hb tcp 443",
            ("return BAD_STATE_ROUTE rtb-b",),
        ),
    ),
)


def inspection(lab: Lab) -> None:
    """Spokes whose traffic passes an appliance in a VPC of its own, by two transit gateway route tables."""
    for number, name in ((1, "x"), (2, "y")):
        one(lab, name, number)
    lab.vpc("ins", "10.9.0.0/16")
    for number, (name, zone) in enumerate((("t-a", "a"), ("fw-a", "a"), ("t-b", "b"))):
        lab.subnet(name, "ins", f"10.9.{number}.0/24", zone)
    lab.group("sg-fw", "ins", "all 0.0.0.0/0")
    lab.appliance("fw", "fw-a", "sg-fw")
    lab.tgw(
        "tgw",
        DefaultRouteTableAssociation="disable",
        DefaultRouteTablePropagation="disable",
        SecurityGroupReferencingSupport="enable",
    )
    for name in "xy":
        lab.attach(f"att-{name}", "tgw", f"v-{name}", f"s-{name}")
        lab.route(f"rtb-{name}", "10.0.0.0/8", "tgw")
    lab.attach("att-ins", "tgw", "ins", "t-a", "t-b", ApplianceModeSupport="enable")
    for table, attachments in (("spoke", ("att-x", "att-y")), ("back", ("att-ins",))):
        made = lab.ec2.create_transit_gateway_route_table(TransitGatewayId=lab.id("tgw"))
        lab.ids[table] = made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
        for attachment in attachments:
            lab.ec2.associate_transit_gateway_route_table(
                TransitGatewayRouteTableId=lab.id(table), TransitGatewayAttachmentId=lab.id(attachment)
            )
    lab.ec2.create_transit_gateway_route(
        DestinationCidrBlock="0.0.0.0/0",
        TransitGatewayRouteTableId=lab.id("spoke"),
        TransitGatewayAttachmentId=lab.id("att-ins"),
    )
    for name in "xy":
        lab.ec2.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=lab.id("back"), TransitGatewayAttachmentId=lab.id(f"att-{name}")
        )
    lab.table("rtb-t", "ins", {"0.0.0.0/0": "eni-fw"}, "t-a", "t-b")
    lab.table("rtb-fw", "ins", {"10.0.0.0/8": "tgw"}, "fw-a")
    lab.group("sg-ref", "v-y", "tcp 5432 sg-x")
    lab.host("db", "s-y", "sg-ref")


APPLIANCE = "Transit Gateway guide, Example: Appliance in a shared services VPC"
INSPECTION = Topology(
    "inspection",
    inspection,
    (
        Case(
            "through the appliance in both directions",
            APPLIANCE,
            "x y tcp 443",
            (),
            ("eni-x", "att-x", "spoke", "att-ins", "eni-fw", "att-ins", "back", "att-y", "eni-y"),
        ),
        Case("the receiver's group", APPLIANCE, "x y tcp 22", ("forward ENI_SG_RULES_MISMATCH sg-y",)),
        Case("to the appliance itself", APPLIANCE, "x fw tcp 443", (), ("att-ins", "eni-fw")),
        Case(
            "references to groups end at the appliance",
            "VPC guide, Security group rules: middlebox appliances",
            "x db tcp 5432",
            ("forward SG_REFERENCES_NOT_PRESERVED sg-ref",),
        ),
    ),
)

COMBINED = (THREE_TIERS, TGW_ZONES, BOXES, INSPECTION)
