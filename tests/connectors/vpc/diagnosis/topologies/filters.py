"""Security groups and network ACLs, in both directions, with ephemeral ports, references and prefix lists."""

from __future__ import annotations

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.case import Case, Topology

ACL = "VPC guide, Network ACL rules"
EPHEMERAL = "VPC guide, Custom network ACLs: ephemeral ports"
BASICS = "VPC guide, Network ACL basics"
RULES = "VPC guide, Security group rules"
LISTS = "VPC guide, Managed prefix lists"
IN_ALL, OUT_ALL = "in 100 allow all 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"


def acls(lab: Lab) -> None:
    """A client and servers, each behind a network ACL of its own; all groups are open."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    lab.group("sg", "a", "all 0.0.0.0/0")
    lists = {
        "open": (IN_ALL, OUT_ALL),
        "no-in": ("in 90 deny tcp 443 10.0.0.0/16", IN_ALL, OUT_ALL),
        "no-out": (IN_ALL, "out 90 deny tcp 1024-65535 0.0.0.0/0", OUT_ALL),
        "empty": (),
        "only-443": ("in 100 allow tcp 443 0.0.0.0/0", "out 100 allow tcp 1024-65535 0.0.0.0/0"),
        "no-ephemeral": ("in 100 allow tcp 443 0.0.0.0/0", "out 100 allow tcp 443 0.0.0.0/0"),
        "linux": ("in 100 allow tcp 443 0.0.0.0/0", "out 100 allow tcp 32768-60999 0.0.0.0/0"),
        "order": ("in 110 deny tcp 443 0.0.0.0/0", "in 100 allow tcp 443 10.0.1.0/24", OUT_ALL),
        "late": ("in 100 deny tcp 443 10.0.1.0/24", "in 110 allow tcp 443 0.0.0.0/0", OUT_ALL),
        "udp": ("in 100 allow udp 53 0.0.0.0/0", "out 100 allow udp 1024-65535 0.0.0.0/0"),
        "tcp-only": ("in 100 allow tcp 0-65535 0.0.0.0/0", "out 100 allow tcp 0-65535 0.0.0.0/0"),
    }
    lab.subnet("clients", "a", "10.0.1.0/24")
    lab.host("client", "clients", "sg", public=True)
    lab.host("mate", "clients", "sg")
    lab.table("rtb", "a", {"0.0.0.0/0": "igw"}, "clients")
    for number, (name, lines) in enumerate(lists.items(), 10):
        lab.subnet(f"s-{name}", "a", f"10.0.{number}.0/24")
        lab.acl(f"acl-{name}", "a", lines, f"s-{name}")
        lab.host(name, f"s-{name}", "sg", public=True)
        lab.ec2.associate_route_table(RouteTableId=lab.id("rtb"), SubnetId=lab.id(f"s-{name}"))
    lab.host("empty2", "s-empty", "sg")
    lab.subnet("s-empty-two", "a", "10.0.40.0/24")
    lab.acl("acl-empty-two", "a", (), "s-empty-two")
    lab.host("empty3", "s-empty-two", "sg")


ACLS = Topology(
    "network ACLs",
    acls,
    (
        Case("an open custom ACL", BASICS, "client open tcp 443", (), ("eni-client", "eni-open")),
        Case(
            "a deny rule for the port",
            ACL,
            "client no-in tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-no-in 90",),
        ),
        Case("the deny rule is for that port only", ACL, "client no-in tcp 80"),
        Case(
            "responses are denied",
            EPHEMERAL,
            "client no-out tcp 443",
            ("return SUBNET_ACL_RESTRICTION acl-no-out 90",),
        ),
        Case(
            "a custom ACL ends with a deny rule",
            BASICS,
            "client empty tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-empty", "return SUBNET_ACL_RESTRICTION acl-empty"),
        ),
        Case("the port and ephemeral ports", EPHEMERAL, "client only-443 tcp 443"),
        Case(
            "another port",
            ACL,
            "client only-443 tcp 80",
            ("forward SUBNET_ACL_RESTRICTION acl-only-443",),
        ),
        Case(
            "no ephemeral ports",
            EPHEMERAL,
            "client no-ephemeral tcp 443",
            ("return SUBNET_ACL_RESTRICTION acl-no-ephemeral",),
        ),
        Case(
            "no ephemeral ports to the internet",
            EPHEMERAL,
            "internet no-ephemeral tcp 443",
            ("return SUBNET_ACL_RESTRICTION acl-no-ephemeral",),
        ),
        Case("the ephemeral ports of Linux", EPHEMERAL, "client linux tcp 443"),
        Case("the lower number wins", ACL, "client order tcp 443"),
        Case(
            "the higher number decides for others",
            ACL,
            "internet order tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-order 110",),
        ),
        Case(
            "a deny rule before the allow rule",
            ACL,
            "client late tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-late 100",),
        ),
        Case("another source is allowed", ACL, "internet late tcp 443"),
        Case("UDP with ephemeral ports", EPHEMERAL, "client udp udp 53"),
        Case(
            "TCP where only UDP is allowed",
            ACL,
            "client udp tcp 53",
            ("forward SUBNET_ACL_RESTRICTION acl-udp", "return SUBNET_ACL_RESTRICTION acl-udp"),
        ),
        Case(
            "ping where only TCP is allowed",
            ACL,
            "client tcp-only icmp",
            ("forward SUBNET_ACL_RESTRICTION acl-tcp-only", "return SUBNET_ACL_RESTRICTION acl-tcp-only"),
        ),
        Case("inside a subnet no ACL applies", BASICS, "empty empty2 tcp 443"),
        Case("inside a subnet with the default ACL", BASICS, "client mate tcp 443"),
        Case(
            "out of a subnet with an empty ACL",
            BASICS,
            "empty internet tcp 443",
            ("forward SUBNET_ACL_RESTRICTION acl-empty", "return SUBNET_ACL_RESTRICTION acl-empty"),
        ),
        Case(
            "two empty ACLs, each in both directions",
            BASICS,
            "empty empty3 tcp 443",
            (
                "forward SUBNET_ACL_RESTRICTION acl-empty",
                "forward SUBNET_ACL_RESTRICTION acl-empty-two",
                "return SUBNET_ACL_RESTRICTION acl-empty-two",
                "return SUBNET_ACL_RESTRICTION acl-empty",
            ),
        ),
    ),
)


def groups(lab: Lab) -> None:
    """One subnet with many groups."""
    lab.vpc("a", "10.0.0.0/16")
    lab.subnet("s", "a", "10.0.0.0/24")
    lab.subnet("t", "a", "10.0.1.0/24")
    lab.group("sg-client", "a")
    lab.group("sg-other", "a")
    lab.group("sg-by-group", "a", "tcp 5432 sg-client")
    lab.group("sg-none", "a")
    lab.group("sg-range", "a", "tcp 8000-8100 10.0.0.0/24")
    lab.group("sg-icmp", "a", "icmp 0.0.0.0/0")
    lab.group("sg-udp", "a", "udp 53 10.0.0.0/16")
    lab.group("sg-no-out", "a", "all 0.0.0.0/0", egress=())
    lab.group("sg-out-group", "a", egress=("tcp 5432 sg-by-group",))
    lab.group("sg-out-80", "a", egress=("tcp 80 0.0.0.0/0",))
    made = lab.ec2.create_managed_prefix_list(
        PrefixListName="clients",
        MaxEntries=5,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "10.0.0.0/24"}, {"Cidr": "192.168.0.0/16"}],
    )
    lab.ids["pl-clients"] = made["PrefixList"]["PrefixListId"]
    lab.group("sg-list", "a", "tcp 22 pl-clients")
    lab.group("sg-self", "a")
    lab.allow("sg-self", "tcp 7000 sg-self")
    for name in (
        "client",
        "other",
        "by-group",
        "none",
        "range",
        "icmp",
        "udp",
        "no-out",
        "out-group",
        "list",
        "out-80",
        "self",
    ):
        lab.host(name, "s", f"sg-{name}")
    lab.host("twin", "s", "sg-self")
    lab.host("far", "t", "sg-client")
    lab.host("both", "s", "sg-none", "sg-range")


GROUPS = Topology(
    "security groups",
    groups,
    (
        Case("a rule for the sender's group", RULES, "client by-group tcp 5432"),
        Case("a rule for the sender's group, from another subnet", RULES, "far by-group tcp 5432"),
        Case(
            "a sender in another group",
            RULES,
            "other by-group tcp 5432",
            ("forward ENI_SG_RULES_MISMATCH sg-by-group",),
        ),
        Case(
            "no inbound rules at all",
            RULES,
            "client none tcp 80",
            ("forward SG_HAS_NO_RULES sg-none",),
        ),
        Case("the first port of a range", RULES, "client range tcp 8000"),
        Case("the last port of a range", RULES, "client range tcp 8100"),
        Case("after the range", RULES, "client range tcp 8101", ("forward ENI_SG_RULES_MISMATCH sg-range",)),
        Case(
            "outside the block of the rule",
            RULES,
            "far range tcp 8000",
            ("forward ENI_SG_RULES_MISMATCH sg-range",),
        ),
        Case("ping", "EC2 guide, Security group rules for different use cases", "client icmp icmp"),
        Case(
            "TCP where only ICMP is allowed",
            RULES,
            "client icmp tcp 80",
            ("forward ENI_SG_RULES_MISMATCH sg-icmp",),
        ),
        Case("UDP", RULES, "client udp udp 53"),
        Case(
            "TCP where only UDP is allowed",
            RULES,
            "client udp tcp 53",
            ("forward ENI_SG_RULES_MISMATCH sg-udp",),
        ),
        Case(
            "responses need no outbound rule",
            "VPC guide, Control traffic to your AWS resources using security groups",
            "client no-out tcp 80",
        ),
        Case(
            "requests need an outbound rule",
            RULES,
            "no-out icmp icmp",
            ("forward SG_HAS_NO_RULES sg-no-out",),
        ),
        Case(
            "both ends deny",
            RULES,
            "no-out none tcp 80",
            ("forward SG_HAS_NO_RULES sg-no-out", "forward SG_HAS_NO_RULES sg-none"),
        ),
        Case(
            "an outbound rule for the receiver's group",
            RULES,
            "out-group by-group tcp 5432",
            ("forward ENI_SG_RULES_MISMATCH sg-by-group",),
        ),
        Case(
            "no outbound rule for another group",
            RULES,
            "out-group range tcp 8000",
            ("forward ENI_SG_RULES_MISMATCH sg-out-group",),
        ),
        Case(
            "an outbound rule for another port and no inbound rule",
            RULES,
            "out-80 range tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-out-80", "forward ENI_SG_RULES_MISMATCH sg-range"),
        ),
        Case("a prefix list", LISTS, "client list tcp 22"),
        Case("outside the prefix list", LISTS, "far list tcp 22", ("forward ENI_SG_RULES_MISMATCH sg-list",)),
        Case("a rule for the own group", "VPC guide, Default security groups", "self twin tcp 7000"),
        Case("two groups: one allows", RULES, "client both tcp 8000"),
    ),
)

FILTERS = (ACLS, GROUPS)
