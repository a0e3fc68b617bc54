"""Load balancers, databases, endpoints and middleboxes."""

from __future__ import annotations

from typing import Any

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.case import CODES, Case, Topology

ALB = "Application Load Balancer guide, Security groups"
ALB_TARGETS = "Application Load Balancer guide, Target groups"
NLB = "Network Load Balancer guide, Target groups: client IP preservation"
LISTENERS = "Application Load Balancer guide, Listeners"
RDS = "RDS guide, Can't connect to Amazon RDS DB instance"
RDS_STATES = "RDS guide, Viewing Amazon RDS DB instance status"
GATEWAY = "PrivateLink guide, Gateway endpoints"
INTERFACE = "PrivateLink guide, Access an AWS service using an interface endpoint"
MIDDLEBOX = "VPC guide, Middlebox routing"
EDGE = "VPC guide, Gateway route tables"
CHECK = "EC2 guide, Source/destination checking for NAT instances"
S3 = "52.216.1.1"


def balancer(lab: Lab, name: str, subnets: tuple[str, ...], groups: tuple[str, ...], **more: Any) -> str:
    """Make a load balancer."""
    kind = more.pop("kind", "application")
    scheme = more.pop("scheme", "internet-facing")
    given: dict[str, Any] = {"SecurityGroups": [lab.id(one) for one in groups]} if groups else {}
    made = lab.elbv2.create_load_balancer(
        Name=name, Subnets=[lab.id(one) for one in subnets], Scheme=scheme, Type=kind, **given
    )["LoadBalancers"][0]
    arn: str = made["LoadBalancerArn"]
    return arn


def listen(lab: Lab, arn: str, port: int, group: str, protocol: str = "HTTP") -> None:
    """Add a listener that forwards to a target group."""
    action = {"Type": "forward", "TargetGroupArn": lab.id(group)}
    lab.elbv2.create_listener(LoadBalancerArn=arn, Protocol=protocol, Port=port, DefaultActions=[action])


def targets(
    lab: Lab, name: str, vpc: str, port: int, *hosts: str, protocol: str = "HTTP", kind: str = "instance"
) -> None:
    """Make a target group with hosts."""
    made = lab.elbv2.create_target_group(
        Name=name, Protocol=protocol, Port=port, VpcId=lab.id(vpc), TargetType=kind
    )["TargetGroups"][0]
    lab.ids[name] = made["TargetGroupArn"]
    if hosts:
        lab.elbv2.register_targets(
            TargetGroupArn=made["TargetGroupArn"], Targets=[{"Id": lab.id(one)} for one in hosts]
        )


def balancing(lab: Lab) -> None:
    """Load balancers in public subnets, targets in private ones."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    for number, (name, zone) in enumerate(
        (("pub-a", "a"), ("pub-b", "b"), ("in-a", "a"), ("in-b", "b"), ("in-c", "c"))
    ):
        lab.subnet(name, "a", f"10.0.{number}.0/24", zone)
    lab.table("rtb-public", "a", {"0.0.0.0/0": "igw"}, "pub-a", "pub-b")
    lab.group("sg-alb", "a", "tcp 80 0.0.0.0/0", "tcp 81-89 0.0.0.0/0")
    lab.group("sg-target", "a", "tcp 8080 sg-alb")
    lab.group("sg-closed", "a", "tcp 22 10.0.0.0/16")
    lab.group("sg-clients", "a", "tcp 8080 0.0.0.0/0")
    lab.group("sg-vpc", "a", "tcp 8080 10.0.0.0/16")
    lab.group("sg-client", "a")
    lab.host("t1", "in-a", "sg-target")
    lab.host("t2", "in-b", "sg-closed")
    lab.host("t3", "in-a", "sg-clients")
    lab.host("t4", "in-a", "sg-vpc")
    lab.host("t5", "in-c", "sg-target")
    lab.host("t6", "in-a", "sg-target")
    lab.host("client", "in-b", "sg-client")
    lab.host("outsider", "pub-a", "sg-client", public=True)
    zones = ("pub-a", "pub-b")
    web = balancer(lab, "web", zones, ("sg-alb",))
    targets(lab, "tg-good", "a", 8080, "t1")
    targets(lab, "tg-closed", "a", 8080, "t2")
    targets(lab, "tg-empty", "a", 8080)
    targets(lab, "tg-mixed", "a", 8080, "t2", "t1")
    targets(lab, "tg-zone", "a", 8080, "t5")
    targets(lab, "tg-stopped", "a", 8080, "t6")
    lab.ec2.stop_instances(InstanceIds=[lab.id("t6")])
    for port, group in (
        (80, "good"),
        (81, "closed"),
        (82, "empty"),
        (83, "mixed"),
        (84, "zone"),
        (85, "stopped"),
        (8443, "good"),
    ):
        listen(lab, web, port, f"tg-{group}")
    inner = balancer(lab, "inner", ("in-a", "in-b"), ("sg-alb",), scheme="internal")
    listen(lab, inner, 80, "tg-good")
    net = balancer(lab, "net", zones, (), kind="network")
    targets(lab, "tg-net", "a", 8080, "t3", protocol="TCP")
    targets(lab, "tg-vpc", "a", 8080, "t4", protocol="TCP")
    listen(lab, net, 80, "tg-net", "TCP")
    listen(lab, net, 81, "tg-vpc", "TCP")
    lab.subnet("acl-a", "a", "10.0.9.0/24")
    lab.subnet("acl-b", "a", "10.0.10.0/24", "b")
    lab.table("rtb-acl", "a", {"0.0.0.0/0": "igw"}, "acl-a", "acl-b")
    lab.acl("acl-lb", "a", ("in 100 allow tcp 80 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"), "acl-a", "acl-b")
    shown = balancer(lab, "shown", zones, ("sg-alb",))
    listen(lab, shown, 80, "tg-good")
    for zone in "ab":
        made = lab.ec2.create_network_interface(
            SubnetId=lab.id(f"pub-{zone}"),
            Groups=[lab.id("sg-alb")],
            Description="ELB app/shown/50dc6c495c0c9188",
        )
        lab.ids[f"eni-shown-{zone}"] = made["NetworkInterface"]["NetworkInterfaceId"]
    shut = balancer(lab, "shut", ("acl-a", "acl-b"), ("sg-alb",))
    listen(lab, shut, 80, "tg-good")


BALANCING = Topology(
    "load balancers",
    balancing,
    (
        Case("a target behind a listener", ALB, "internet web tcp 80", (), ("igw", "web", "eni-t1")),
        Case(
            "no listener on the port",
            LISTENERS,
            "internet web tcp 86",
            ("forward ELBV2_LISTENERS_MISMATCH web",),
        ),
        Case(
            "a listener that the group does not open",
            ALB,
            "internet web tcp 8443",
            ("forward ENI_SG_RULES_MISMATCH sg-alb",),
        ),
        Case(
            "the target's group refuses the load balancer",
            ALB,
            "internet web tcp 81",
            ("forward ENI_SG_RULES_MISMATCH sg-closed",),
        ),
        Case(
            "no targets",
            ALB_TARGETS,
            "internet web tcp 82",
            ("forward ELBV2_LISTENER_HAS_NO_TG web",),
        ),
        Case("one reachable target is sufficient", ALB_TARGETS, "internet web tcp 83"),
        Case(
            "a target in a zone that is not enabled",
            "Elastic Load Balancing guide, Availability Zones and load balancer nodes",
            "internet web tcp 84",
            ("forward ELB_INSTALLED_AZ_RESTRICTION web",),
        ),
        Case("a stopped target", ALB_TARGETS, "internet web tcp 85", ("forward BAD_STATE t6",)),
        Case("an internal load balancer", ALB, "client inner tcp 80", (), ("eni-client", "inner", "eni-t1")),
        Case(
            "an internal load balancer from the internet",
            "Application Load Balancer guide, Create an Application Load Balancer: scheme",
            "internet inner tcp 80",
            (
                "forward IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS inner",
                "return NO_ROUTE_TO_DESTINATION main-a",
            ),
        ),
        Case("by its public address from the VPC", ALB, "outsider web tcp 80", (), ("igw", "web", "eni-t1")),
        Case(
            "no route to its public address",
            ALB,
            "client web tcp 80",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case("a Network Load Balancer", NLB, "internet net tcp 80", (), ("igw", "net", "eni-t3")),
        Case(
            "the client's address is preserved",
            NLB,
            "internet net tcp 81",
            ("forward ENI_SG_RULES_MISMATCH sg-vpc",),
        ),
        Case(
            "interfaces as AWS describes them",
            ALB,
            "internet shown tcp 80",
            (),
            ("igw", "eni-shown-a", "shown", "t1", "eni-t1"),
        ),
        Case(
            "no ephemeral ports from targets",
            "Application Load Balancer guide, Network ACLs",
            "internet shut tcp 80",
            ("return SUBNET_ACL_RESTRICTION acl-lb",),
        ),
    ),
)


def databases(lab: Lab) -> None:
    """RDS instances: private, public, stopped."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    lab.subnet("web", "a", "10.0.0.0/24")
    lab.subnet("db-a", "a", "10.0.1.0/24")
    lab.subnet("db-b", "a", "10.0.2.0/24", "b")
    lab.table("rtb-web", "a", {"0.0.0.0/0": "igw"}, "web")
    lab.group("sg-app", "a")
    lab.group("sg-other", "a")
    lab.group("sg-db", "a", "tcp 5432 sg-app")
    lab.host("app", "web", "sg-app", public=True)
    lab.host("other", "web", "sg-other", public=True)
    lab.rds.create_db_subnet_group(
        DBSubnetGroupName="g", DBSubnetGroupDescription="g", SubnetIds=[lab.id("db-a"), lab.id("db-b")]
    )
    for name, public in (("private", False), ("open", True), ("halted", False)):
        lab.rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            DBSubnetGroupName="g",
            VpcSecurityGroupIds=[lab.id("sg-db")],
            AllocatedStorage=20,
            MasterUsername="someone",
            MasterUserPassword="a-password",
            PubliclyAccessible=public,
        )
    lab.rds.stop_db_instance(DBInstanceIdentifier="halted")
    lab.vpc("b", "10.1.0.0/16")
    lab.subnet("far-a", "b", "10.1.0.0/24")
    lab.group("sg-far", "b", "all 0.0.0.0/0")
    made = lab.ec2.create_network_interface(
        SubnetId=lab.id("far-a"), Groups=[lab.id("sg-far")], Description="RDSNetworkInterface"
    )
    lab.ids["eni-rds"] = made["NetworkInterface"]["NetworkInterfaceId"]
    lab.rds.create_db_subnet_group(
        DBSubnetGroupName="h", DBSubnetGroupDescription="h", SubnetIds=[lab.id("far-a")]
    )
    lab.rds.create_db_instance(
        DBInstanceIdentifier="described",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        DBSubnetGroupName="h",
        VpcSecurityGroupIds=[lab.id("sg-far")],
        AllocatedStorage=20,
        MasterUsername="someone",
        MasterUserPassword="a-password",
    )
    lab.host("near", "far-a", "sg-far")


DATABASES = Topology(
    "databases",
    databases,
    (
        Case("the application's group", RDS, "app private tcp 5432", (), ("eni-app", "private")),
        Case("another group", RDS, "other private tcp 5432", ("forward ENI_SG_RULES_MISMATCH sg-db",)),
        Case("another port", RDS, "app private tcp 3306", ("forward ENI_SG_RULES_MISMATCH sg-db",)),
        Case("a stopped database", RDS_STATES, "app halted tcp 5432", ("forward BAD_STATE halted",)),
        Case(
            "the internet, and no public access",
            "RDS guide, Setting up public or private access in Amazon RDS",
            "internet private tcp 5432",
            (
                "forward IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS private",
                "forward ENI_SG_RULES_MISMATCH sg-db",
                "return NO_ROUTE_TO_DESTINATION main-a",
            ),
        ),
        Case(
            "public access in a private subnet",
            "RDS guide, Setting up public or private access in Amazon RDS",
            "internet open tcp 5432",
            ("forward ENI_SG_RULES_MISMATCH sg-db", "return NO_ROUTE_TO_DESTINATION main-a"),
        ),
        Case("an interface as AWS describes it", RDS, "near described tcp 3306", (), ("eni-near", "eni-rds")),
        Case("its interface by id", RDS, "near eni-rds tcp 3306", (), ("eni-near", "eni-rds")),
    ),
)


def endpoints(lab: Lab) -> None:
    """Gateway and interface endpoints."""
    lab.vpc("a", "10.0.0.0/16")
    lab.subnet("s", "a", "10.0.0.0/24")
    lab.subnet("t", "a", "10.0.1.0/24")
    lab.subnet("u", "a", "10.0.2.0/24")
    lab.table("rtb", "a", {}, "s")
    lab.table("rtb-acl", "a", {}, "u")
    lab.group("sg", "a")
    lab.group("sg-https", "a", "tcp 443 10.0.0.0/16")
    lab.group("sg-s3", "a", egress=())
    made = lab.ec2.create_vpc_endpoint(
        VpcId=lab.id("a"),
        ServiceName="com.amazonaws.us-east-1.s3",
        RouteTableIds=[lab.id("rtb"), lab.id("rtb-acl")],
    )
    lab.ids["s3"] = made["VpcEndpoint"]["VpcEndpointId"]
    found = lab.ec2.describe_managed_prefix_lists()["PrefixLists"]
    lab.ids["pl-s3"] = next(one["PrefixListId"] for one in found if one["PrefixListName"].endswith(".s3"))
    lists = lab.ec2.get_managed_prefix_list_entries(PrefixListId=lab.id("pl-s3"))["Entries"]
    lab.ids["s3-address"] = lists[0]["Cidr"].partition("/")[0].rpartition(".")[0] + ".9"
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "PrefixListIds": [{"PrefixListId": lab.id("pl-s3")}],
    }
    lab.ec2.authorize_security_group_egress(GroupId=lab.id("sg-s3"), IpPermissions=[permission])
    lab.host("h", "s", "sg")
    lab.host("listed", "s", "sg-s3")
    lab.host("away", "t", "sg")
    lab.host("walled", "u", "sg")
    lab.acl("acl-u", "a", ("in 100 allow tcp 443 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"), "u")
    made = lab.ec2.create_vpc_endpoint(
        VpcId=lab.id("a"),
        ServiceName="com.amazonaws.us-east-1.ssm",
        VpcEndpointType="Interface",
        SubnetIds=[lab.id("t")],
        SecurityGroupIds=[lab.id("sg-https")],
    )["VpcEndpoint"]
    lab.ids["ssm"] = made["VpcEndpointId"]
    lab.ids["eni-ssm"] = made["NetworkInterfaceIds"][0]


ENDPOINTS = Topology(
    "endpoints",
    endpoints,
    (
        Case("S3 by the gateway endpoint", GATEWAY, "h s3-address tcp 443", (), ("eni-h", "s3")),
        Case(
            "S3 by a rule for its prefix list", GATEWAY, "listed s3-address tcp 443", (), ("eni-listed", "s3")
        ),
        Case(
            "no UDP by a gateway endpoint",
            CODES + ": VPCE_GATEWAY_PROTOCOL_RESTRICTION",
            "h s3-address udp 443",
            ("forward VPCE_GATEWAY_PROTOCOL_RESTRICTION s3",),
        ),
        Case(
            "a subnet without the endpoint's route",
            GATEWAY,
            "away s3-address tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case(
            "the endpoint is no way to the internet",
            GATEWAY,
            "h 203.0.113.9 tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION rtb",),
        ),
        Case(
            "no ephemeral ports for S3",
            "VPC guide, Custom network ACLs: ephemeral ports",
            "walled s3-address tcp 443",
            ("return SUBNET_ACL_RESTRICTION acl-u",),
        ),
        Case("an interface endpoint", INTERFACE, "h ssm tcp 443", (), ("eni-h", "eni-ssm", "ssm")),
        Case(
            "an endpoint opens no connections",
            CODES + ": VPCE_INTRA_VPC_TRAFFIC",
            "ssm h tcp 443",
            ("forward VPCE_INTRA_VPC_TRAFFIC ssm", "forward SG_HAS_NO_RULES sg"),
        ),
        Case("an interface endpoint's interface", INTERFACE, "h eni-ssm tcp 443", (), ("eni-h", "eni-ssm")),
        Case(
            "the endpoint's group refuses the port",
            INTERFACE,
            "h ssm tcp 80",
            ("forward ENI_SG_RULES_MISMATCH sg-https",),
        ),
    ),
)


def middleboxes(lab: Lab) -> None:
    """Appliances between subnets, and between a subnet and the internet."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    lab.group("sg", "a", "all 0.0.0.0/0")
    lab.group("sg-ref", "a", "tcp 5432 sg")
    for number, name in enumerate(("fw", "one", "two", "three", "edge", "edge2")):
        lab.subnet(name, "a", f"10.0.{number}.0/24")
    lab.appliance("box", "fw", "sg", public=True)
    lab.host("strict", "fw", "sg")
    lab.appliance("halted", "fw", "sg")
    lab.appliance("hidden", "fw", "sg")
    lab.ec2.stop_instances(InstanceIds=[lab.id("halted")])
    lab.subnet("four", "a", "10.0.6.0/24")
    lab.subnet("five", "a", "10.0.7.0/24")
    made = lab.ec2.create_network_interface(SubnetId=lab.id("fw"), Groups=[lab.id("sg")])
    lab.ids["eni-loose"] = made["NetworkInterface"]["NetworkInterfaceId"]
    lab.table("rtb-four", "a", {"0.0.0.0/0": "box"}, "four")
    lab.table("rtb-five", "a", {"0.0.0.0/0": "eni-loose"}, "five")
    lab.host("c4", "four", "sg")
    lab.host("c5", "five", "sg")
    lab.table("rtb-fw", "a", {"0.0.0.0/0": "igw"}, "fw")
    lab.table(
        "rtb-one",
        "a",
        {"10.0.2.0/24": "eni-box", "10.0.3.0/24": "eni-strict", "0.0.0.0/0": "eni-halted"},
        "one",
    )
    lab.table("rtb-two", "a", {"10.0.1.0/24": "eni-box"}, "two")
    lab.host("c1", "one", "sg")
    lab.host("c2", "two", "sg")
    lab.host("c3", "three", "sg")
    lab.host("db", "two", "sg-ref")
    lab.host("web", "edge", "sg", public=True)
    lab.host("web2", "edge2", "sg", public=True)
    lab.table("rtb-edge", "a", {"0.0.0.0/0": "eni-box"}, "edge")
    lab.table("rtb-edge2", "a", {"0.0.0.0/0": "igw"}, "edge2")
    lab.table("rtb-igw", "a", {"10.0.4.0/24": "eni-box", "10.0.5.0/24": "eni-hidden"}, edge="igw")


MIDDLEBOXES = Topology(
    "middleboxes",
    middleboxes,
    (
        Case("through an appliance", MIDDLEBOX, "c1 c2 tcp 80", (), ("eni-c1", "eni-box", "eni-c2")),
        Case(
            "an appliance that checks destinations",
            CHECK,
            "c1 c3 tcp 80",
            ("forward ENI_SOURCE_DEST_CHECK_RESTRICTION eni-strict",),
        ),
        Case(
            "a stopped NAT instance",
            "VPC guide, NAT instances",
            "c1 internet tcp 443",
            ("forward BAD_STATE_ROUTE rtb-one",),
        ),
        Case(
            "out by a NAT instance",
            "VPC guide, NAT instances",
            "c4 internet tcp 443",
            (),
            ("eni-c4", "eni-box", "igw"),
        ),
        Case(
            "a route to an interface of no instance",
            "EC2 API reference, Route: state blackhole",
            "c5 internet tcp 443",
            ("forward BAD_STATE_ROUTE rtb-five",),
        ),
        Case(
            "references to groups end at an appliance",
            "VPC guide, Security group rules: middlebox appliances",
            "c1 db tcp 5432",
            ("forward SG_REFERENCES_NOT_PRESERVED sg-ref",),
        ),
        Case("in through a middlebox", EDGE, "internet web tcp 80", (), ("igw", "eni-box", "eni-web")),
        Case("out through a middlebox", EDGE, "web internet tcp 443", (), ("eni-web", "eni-box", "igw")),
        Case(
            "a middlebox without a public address",
            EDGE,
            "internet web2 tcp 80",
            (
                "forward INGRESS_RTB_NO_PUBLIC_IP eni-hidden",
                "return INGRESS_RTB_TRAFFIC_REDIRECTION rtb-edge2",
            ),
        ),
        Case(
            "a subnet that bypasses the middlebox of its inbound traffic",
            CODES + ": INGRESS_RTB_TRAFFIC_REDIRECTION",
            "web2 internet tcp 443",
            (
                "forward INGRESS_RTB_TRAFFIC_REDIRECTION rtb-edge2",
                "return INGRESS_RTB_NO_PUBLIC_IP eni-hidden",
            ),
        ),
    ),
)

SERVICES = (BALANCING, DATABASES, ENDPOINTS, MIDDLEBOXES)
