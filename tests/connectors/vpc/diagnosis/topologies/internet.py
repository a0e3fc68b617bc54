"""Subnets and the internet: internet gateways, NAT gateways, egress-only gateways, public addresses."""

from __future__ import annotations

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.case import CODES, Case, Topology

IGW = "VPC guide, Enable internet access for a VPC using internet gateways"
NAT = "VPC guide, NAT gateways"
NAT_WRONG = "VPC guide, Troubleshoot NAT gateways"
EIGW = "VPC guide, Egress-only internet gateways"
PUBLIC = "VPC guide, IP addressing for your VPCs and subnets"
PRIVATE_VPC = "VPC guide, Example: VPC with servers in private subnets and NAT"
RESPONSE = "VPC guide, Control traffic to subnets with network ACLs"
STATES = "EC2 guide, Amazon EC2 instance state changes"
TABLES = "VPC guide, Configure route tables"


def web_and_app(lab: Lab) -> None:
    """A VPC with a public subnet, a private one behind a NAT gateway, and one without a route."""
    lab.vpc("a", "10.0.0.0/16", "10.9.0.0/16")
    lab.subnet("public", "a", "10.0.0.0/24")
    lab.subnet("private", "a", "10.0.1.0/24", "b")
    lab.subnet("alone", "a", "10.0.2.0/24")
    lab.subnet("second", "a", "10.9.0.0/24")
    for number, name in enumerate(("spare", "spare-in", "spare-alone"), 20):
        lab.subnet(name, "a", f"10.0.{number}.0/24")
    lab.igw("igw", "a")
    lab.nat("nat", "public")
    lab.table("rtb-public", "a", {"0.0.0.0/0": "igw"}, "public", "second", "spare")
    lab.table("rtb-private", "a", {"0.0.0.0/0": "nat"}, "private", "spare-in")
    lab.group("sg-web", "a", "tcp 443 0.0.0.0/0", "icmp 0.0.0.0/0")
    lab.group("sg-app", "a", "tcp 8080 sg-web")
    lab.group("sg-quiet", "a", egress=())
    lab.group("sg-https-only", "a", "tcp 443 0.0.0.0/0", egress=("tcp 443 0.0.0.0/0",))
    lab.group("sg-by-web", "a", "tcp 9000 sg-web")
    lab.host("named", "public", "sg-by-web", public=True)
    lab.host("web", "public", "sg-web", public=True)
    lab.host("bare", "public", "sg-web")
    lab.host("app", "private", "sg-app")
    lab.host("lonely", "alone", "sg-app")
    lab.host("quiet", "private", "sg-quiet")
    lab.host("shut", "private", "sg-https-only")
    lab.host("other", "second", "sg-web", public=True)
    lab.host("stopped", "private", "sg-app")
    lab.ec2.stop_instances(InstanceIds=[lab.id("stopped")])
    lab.host("gone", "private", "sg-app")
    lab.ec2.terminate_instances(InstanceIds=[lab.id("gone")])
    made = lab.ec2.create_network_interface(SubnetId=lab.id("private"), Groups=[lab.id("sg-web")])
    lab.ids["eni-loose"] = made["NetworkInterface"]["NetworkInterfaceId"]


WEB_AND_APP = Topology(
    "web and app",
    web_and_app,
    (
        Case("out by the internet gateway", IGW, "web internet tcp 443", (), ("eni-web", "igw")),
        Case("in by the internet gateway", IGW, "internet web tcp 443", (), ("igw", "eni-web")),
        Case("ping from the internet", IGW, "internet web icmp", (), ("igw", "eni-web")),
        Case("out by the NAT gateway", PRIVATE_VPC, "app internet tcp 443", (), ("eni-app", "nat", "igw")),
        Case("ping by the NAT gateway", NAT, "app internet icmp", (), ("eni-app", "nat", "igw")),
        Case("UDP by the NAT gateway", NAT, "app internet udp 123", (), ("eni-app", "nat", "igw")),
        Case("a documented host of the internet", IGW, "web 203.0.113.9 tcp 443", (), ("eni-web", "igw")),
        Case("the subnet goes out by NAT", NAT, "private internet tcp 443", (), ("nat", "igw")),
        Case(
            "no public address",
            IGW,
            "bare internet tcp 443",
            ("forward IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS eni-bare",),
        ),
        Case(
            "the internet needs a public address",
            IGW,
            "internet bare tcp 443",
            ("forward IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS eni-bare",),
        ),
        Case(
            "a private instance is not reachable from the internet",
            NAT,
            "internet app tcp 8080",
            (
                "forward IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS eni-app",
                "forward ENI_SG_RULES_MISMATCH sg-app",
                "return NO_ROUTE_TO_DESTINATION rtb-private",
            ),
        ),
        Case(
            "a port that no rule opens",
            "VPC guide, Security group rules",
            "internet web tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-web",),
        ),
        Case(
            "no route to the internet",
            TABLES,
            "lonely internet tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case(
            "a subnet without a route to the internet",
            TABLES,
            "alone internet tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case(
            "a group without outbound rules",
            "VPC guide, Control traffic to your AWS resources using security groups",
            "quiet internet tcp 443",
            ("forward SG_HAS_NO_RULES sg-quiet",),
        ),
        Case(
            "an outbound rule for another port",
            "VPC guide, Security group rules",
            "shut internet tcp 80",
            ("forward ENI_SG_RULES_MISMATCH sg-https-only",),
        ),
        Case("an outbound rule for the port", "VPC guide, Security group rules", "shut internet tcp 443"),
        Case("a stopped instance", STATES, "stopped internet tcp 443", ("forward BAD_STATE stopped",)),
        Case("a stopped destination", STATES, "web stopped tcp 8080", ("forward BAD_STATE stopped",)),
        Case(
            "a terminated instance",
            CODES + ": UNASSOCIATED_COMPONENT",
            "gone internet tcp 443",
            ("forward UNASSOCIATED_COMPONENT gone",),
        ),
        Case(
            "an interface of no instance",
            CODES + ": BAD_STATE_ATTACHMENT",
            "web eni-loose tcp 443",
            ("forward BAD_STATE_ATTACHMENT eni-loose",),
        ),
        Case(
            "inside the VPC by group",
            "VPC guide, Security group rules",
            "web app tcp 8080",
            (),
            ("eni-web", "eni-app"),
        ),
        Case(
            "inside the VPC, another port",
            "VPC guide, Security group rules",
            "web app tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-app",),
        ),
        Case("a private address in the VPC", TABLES, "web addr-app tcp 8080", (), ("eni-web", "eni-app")),
        Case(
            "the secondary block has a local route",
            "VPC guide, VPC CIDR blocks",
            "web other tcp 443",
            (),
            ("eni-web", "eni-other"),
        ),
        Case(
            "a neighbour by its public address",
            CODES + ": IGW_NAT_REFLECTION",
            "web ip-other tcp 443",
            (),
            ("eni-web", "igw", "eni-other"),
        ),
        Case("a reference by the private address", "VPC guide, Security group rules", "web named tcp 9000"),
        Case(
            "no reference by the public address",
            "VPC guide, Security group rules: references apply to private addresses",
            "web ip-named tcp 9000",
            ("forward SG_REFERENCES_NOT_PRESERVED sg-by-web",),
        ),
        Case(
            "a private instance to a public address of the VPC",
            NAT,
            "app ip-web tcp 443",
            (),
            ("eni-app", "nat", "igw", "eni-web"),
        ),
        Case(
            "from the internet by its public address", IGW, "internet ip-web tcp 443", (), ("igw", "eni-web")
        ),
        Case(
            "from the internet to a closed port of a public address",
            IGW,
            "203.0.113.9 ip-web tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-web",),
        ),
        Case(
            "a private address by the internet gateway",
            CODES + ": IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
            "web 172.16.9.9 tcp 443",
            ("forward IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS igw",),
        ),
        Case(
            "a shared address by the internet gateway",
            CODES + ": IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS",
            "web 100.64.9.9 tcp 443",
            ("forward IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS igw",),
        ),
        Case(
            "a private source from the internet",
            CODES + ": IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS",
            "172.16.9.9 web tcp 443",
            ("forward IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS igw",),
        ),
        Case(
            "a shared address as a source",
            CODES + ": IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS",
            "100.64.9.9 web tcp 443",
            ("forward IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS igw",),
        ),
        Case("an empty public subnet goes out", IGW, "spare internet tcp 443", (), ("spare", "igw")),
        Case(
            "the internet reaches an empty public subnet", IGW, "internet spare tcp 443", (), ("igw", "spare")
        ),
        Case("an empty private subnet goes out", NAT, "spare-in internet tcp 443", (), ("nat", "igw")),
        Case("empty subnets reach each other", TABLES, "spare spare-in tcp 22", (), ("spare", "spare-in")),
        Case(
            "the internet does not reach an empty private subnet",
            NAT,
            "internet spare-in tcp 443",
            ("return NO_ROUTE_TO_DESTINATION rtb-private",),
        ),
        Case(
            "an empty subnet without a route",
            TABLES,
            "spare-alone internet tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case("every subnet by its host", TABLES, "public internet tcp 443", (), ("igw",)),
    ),
)


def broken_nat(lab: Lab) -> None:
    """NAT gateways in wrong places: private, deleted, in a private subnet, behind network ACLs."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    lab.group("sg", "a", "all 0.0.0.0/0")
    for number, name in enumerate(("public", "inner", "acl-in", "acl-out")):
        lab.subnet(name, "a", f"10.0.{number}.0/24")
    lab.table("rtb-public", "a", {"0.0.0.0/0": "igw"}, "public", "acl-in", "acl-out")
    lab.nat("nat-private", "public", private=True)
    lab.nat("nat-inner", "inner")
    lab.nat("nat-in", "acl-in")
    lab.nat("nat-out", "acl-out")
    lab.nat("nat-gone", "public")
    lab.acl(
        "acl-no-return",
        "a",
        (
            "in 100 allow tcp 443 10.0.0.0/16",
            "in 110 deny tcp 1024-65535 0.0.0.0/0",
            "out 100 allow all 0.0.0.0/0",
        ),
        "acl-in",
    )
    lab.acl(
        "acl-no-client",
        "a",
        ("in 90 deny all 10.0.0.0/16", "in 100 allow all 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"),
        "acl-out",
    )
    for number, name in enumerate(("private", "inner", "in", "out", "gone"), 10):
        lab.subnet(f"s-{name}", "a", f"10.0.{number}.0/24")
        lab.table(f"rtb-{name}", "a", {"0.0.0.0/0": f"nat-{name}"}, f"s-{name}")
        lab.host(f"h-{name}", f"s-{name}", "sg")
    lab.ec2.delete_nat_gateway(NatGatewayId=lab.id("nat-gone"))
    lab.subnet("self", "a", "10.0.20.0/24")
    lab.nat("nat-self", "self")
    lab.table("rtb-self", "a", {"0.0.0.0/0": "nat-self"}, "self")
    lab.host("h-self", "self", "sg")


BROKEN_NAT = Topology(
    "broken NAT",
    broken_nat,
    (
        Case(
            "a private NAT gateway has no public address",
            NAT,
            "h-private internet tcp 443",
            ("forward IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS nat-private",),
            ("eni-h-private", "nat-private"),
        ),
        Case(
            "a NAT gateway in a private subnet",
            NAT_WRONG,
            "h-inner internet tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case(
            "a NAT gateway that its own subnet routes to itself",
            NAT_WRONG,
            "h-self internet tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION rtb-self",),
        ),
        Case(
            "the NAT gateway's network ACL denies responses",
            "VPC guide, Custom network ACLs: ephemeral ports",
            "h-in internet tcp 443",
            ("return SUBNET_ACL_RESTRICTION acl-no-return 110",),
            ("eni-h-in", "nat-in", "igw"),
        ),
        Case(
            "the NAT gateway's network ACL denies clients",
            NAT_WRONG,
            "h-out internet tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-no-client 90",),
        ),
        Case(
            "a deleted NAT gateway",
            NAT_WRONG,
            "h-gone internet tcp 443",
            ("forward BAD_STATE_ROUTE rtb-gone",),
        ),
    ),
)


def detached(lab: Lab) -> None:
    """A VPC whose gateways were detached, and one that never had any."""
    lab.vpc("a", "10.0.0.0/16", ipv6=True)
    lab.subnet("public", "a", "10.0.0.0/24", ipv6=0)
    lab.igw("igw", "a")
    lab.eigw("eigw", "a")
    lab.vgw("vgw", "a")
    lab.table("rtb-public", "a", {"0.0.0.0/0": "igw", "::/0": "eigw", "192.168.0.0/16": "vgw"}, "public")
    lab.group("sg", "a", "all 0.0.0.0/0", egress=("all 0.0.0.0/0", "all ::/0"))
    lab.host("web", "public", "sg", public=True, ipv6=True)
    lab.ec2.detach_internet_gateway(InternetGatewayId=lab.id("igw"), VpcId=lab.id("a"))
    lab.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=lab.id("eigw"))
    lab.ec2.detach_vpn_gateway(VpnGatewayId=lab.id("vgw"), VpcId=lab.id("a"))


DETACHED = Topology(
    "detached",
    detached,
    (
        Case(
            "a detached internet gateway is a black hole",
            IGW,
            "web internet tcp 443",
            ("forward BAD_STATE_ROUTE rtb-public",),
        ),
        Case(
            "into a VPC without an internet gateway",
            IGW,
            "internet web tcp 443",
            ("forward BAD_STATE_ATTACHMENT igw", "return BAD_STATE_ROUTE rtb-public"),
        ),
        Case(
            "a deleted egress-only internet gateway is a black hole",
            EIGW,
            "web 2001:db8::9 tcp 443",
            ("forward BAD_STATE_ROUTE rtb-public",),
        ),
        Case(
            "a detached virtual private gateway is a black hole",
            "Site-to-Site VPN guide, Route tables and route priority",
            "web 192.168.4.4 tcp 443",
            ("forward BAD_STATE_ROUTE rtb-public",),
        ),
    ),
)


def ipv6(lab: Lab) -> None:
    """A dual-stack VPC: one subnet with an internet gateway, one with an egress-only one."""
    lab.vpc("a", "10.0.0.0/16", ipv6=True)
    lab.subnet("public", "a", "10.0.0.0/24", ipv6=0)
    lab.subnet("private", "a", "10.0.1.0/24", ipv6=1)
    lab.igw("igw", "a")
    lab.eigw("eigw", "a")
    lab.table("rtb-public", "a", {"0.0.0.0/0": "igw", "::/0": "igw"}, "public")
    lab.table("rtb-private", "a", {"::/0": "eigw"}, "private")
    both = ("all 0.0.0.0/0", "all ::/0")
    lab.group("sg", "a", "tcp 443 0.0.0.0/0", "tcp 443 ::/0", egress=both)
    lab.group("sg-v4", "a", "tcp 443 0.0.0.0/0")
    lab.host("web", "public", "sg", public=True, ipv6=True)
    lab.host("app", "private", "sg", ipv6=True)
    lab.host("v4", "public", "sg-v4", public=True, ipv6=True)
    lab.host("plain", "private", "sg")
    lab.group("sg-v6", "a", "tcp 443 ::/0", egress=both)
    lab.host("v6", "public", "sg-v6", public=True, ipv6=True)
    lab.acl(
        "acl-open",
        "a",
        (
            "in 100 allow all 0.0.0.0/0",
            "in 101 allow all ::/0",
            "out 100 allow all 0.0.0.0/0",
            "out 101 allow all ::/0",
        ),
        "public",
        "private",
    )


IPV6 = Topology(
    "IPv6",
    ipv6,
    (
        Case("IPv6 by the internet gateway", IGW, "web 2001:db8::9 tcp 443", (), ("eni-web", "igw")),
        Case("IPv6 from the internet", IGW, "2001:db8::9 six-web tcp 443", (), ("igw", "eni-web")),
        Case("out by the egress-only gateway", EIGW, "app 2001:db8::9 tcp 443", (), ("eni-app", "eigw")),
        Case(
            "nothing in by the egress-only gateway",
            EIGW,
            "2001:db8::9 six-app tcp 443",
            ("return NO_ROUTE_TO_DESTINATION rtb-private",),
        ),
        Case(
            "an IPv4 rule is none for IPv6",
            PUBLIC,
            "2001:db8::9 six-v4 tcp 443",
            ("forward ENI_SG_RULES_MISMATCH sg-v4",),
        ),
        Case("IPv6 inside the VPC", PUBLIC, "web six-app tcp 443", (), ("eni-web", "eni-app")),
        Case(
            "an interface without an IPv6 address",
            CODES + ": UNASSOCIATED_COMPONENT",
            "plain 2001:db8::9 tcp 443",
            ("forward UNASSOCIATED_COMPONENT eni-plain",),
        ),
        Case(
            "the internet by IPv6 if IPv4 has no route",
            EIGW,
            "app internet tcp 443",
            (),
            ("eni-app", "eigw"),
        ),
        Case(
            "the internet by IPv4 if the host has both", IGW, "internet web tcp 443", (), ("igw", "eni-web")
        ),
        Case(
            "a rule for IPv6 is none for IPv4",
            PUBLIC,
            "internet v6 tcp 443",
            ("forward ENI_SG_RULES_MISMATCH sg-v6",),
        ),
        Case(
            "a public IPv4 address has no route in the IPv6 subnet",
            TABLES,
            "app 203.0.113.9 tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION rtb-private",),
        ),
    ),
)

INTERNET = (WEB_AND_APP, BROKEN_NAT, DETACHED, IPV6)
