"""Load balancers whose targets are functions, other load balancers, or the client itself."""

from __future__ import annotations

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.case import CODES, Case, Topology
from tests.connectors.vpc.diagnosis.topologies.services import (
    ALB_TARGETS,
    LISTENERS,
    balancer,
    listen,
    targets,
)

HAIRPIN = "Network Load Balancer guide, Troubleshoot: requests time out from a target to its load balancer"
PRESERVED = "Network Load Balancer guide, Client IP preservation"
OF_LAMBDA = "Application Load Balancer guide, Use Lambda functions as targets"
OF_ALB = "Network Load Balancer guide, Use Application Load Balancers as targets"
ZONES = "Elastic Load Balancing guide, Cross-zone load balancing"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:fn"


def network(lab: Lab) -> None:
    """Make a VPC with public and private subnets in two zones, and hosts."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    for number, name in enumerate(("pub-a", "pub-b", "in-a", "in-b")):
        lab.subnet(name, "a", f"10.0.{number}.0/24", name[-1])
    lab.table("rtb-pub", "a", {"0.0.0.0/0": "igw"}, "pub-a", "pub-b")
    lab.nat("nat", "pub-a")
    lab.table("rtb-in", "a", {"0.0.0.0/0": "nat"}, "in-a", "in-b")
    lab.group("sg-lb", "a", "tcp 80 0.0.0.0/0", "tcp 443 0.0.0.0/0")
    lab.group("sg-lb-out", "a", "tcp 80 0.0.0.0/0", egress=("tcp 9999 0.0.0.0/0",))
    lab.group("sg-t", "a", "tcp 8080 sg-lb")
    lab.group("sg-open", "a", "tcp 8080 0.0.0.0/0", "tcp 9090 0.0.0.0/0")
    lab.group("sg-client", "a")
    lab.group("sg-by-client", "a", "tcp 8080 sg-client")
    lab.group("sg-net", "a", "tcp 80 10.0.0.0/16")
    lab.group("sg-by-net", "a", "tcp 8080 sg-net")
    lab.host("t1", "in-a", "sg-t")
    lab.host("t2", "in-b", "sg-open")
    lab.host("t3", "in-a", "sg-by-client")
    lab.host("t4", "in-a", "sg-by-net")
    lab.host("client", "in-a", "sg-client")
    lab.host("remote", "in-b", "sg-client")


def more_balancers(lab: Lab) -> None:
    """Load balancers of both kinds with unusual targets."""
    network(lab)
    public, private = ("pub-a", "pub-b"), ("in-a", "in-b")
    targets(lab, "tg", "a", 8080, "t1")
    targets(lab, "tg-none", "a", 8080)
    for number, host in enumerate(("t2", "t3", "t4"), 2):
        targets(lab, f"tg{number}", "a", 8080, host, protocol="TCP")
    web = balancer(lab, "web", public, ("sg-lb",))
    listen(lab, web, 80, "tg")
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}
    lab.elbv2.create_listener(LoadBalancerArn=web, Protocol="HTTP", Port=443, DefaultActions=[redirect])
    listen(lab, balancer(lab, "shut-out", public, ("sg-lb-out",)), 80, "tg")
    net = balancer(lab, "net", private, (), kind="network", scheme="internal")
    listen(lab, net, 80, "tg2", "TCP")
    listen(lab, net, 81, "tg3", "TCP")
    listen(lab, balancer(lab, "one-zone", ("in-a",), (), kind="network", scheme="internal"), 80, "tg2", "TCP")
    grouped = balancer(lab, "grouped", private, ("sg-net",), kind="network", scheme="internal")
    listen(lab, grouped, 80, "tg4", "TCP")
    listen(lab, grouped, 81, "tg4", "TCP")
    weighted = [
        {"TargetGroupArn": lab.id("tg"), "Weight": 0},
        {"TargetGroupArn": lab.id("tg-none"), "Weight": 1},
    ]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}
    weights = balancer(lab, "weights", public, ("sg-lb",))
    lab.elbv2.create_listener(LoadBalancerArn=weights, Protocol="HTTP", Port=80, DefaultActions=[action])
    made = lab.elbv2.create_target_group(Name="tg-fn", TargetType="lambda")["TargetGroups"][0]
    lab.ids["tg-fn"] = made["TargetGroupArn"]
    lab.elbv2.register_targets(TargetGroupArn=lab.id("tg-fn"), Targets=[{"Id": FUNCTION}])
    listen(lab, balancer(lab, "fn", public, ("sg-lb",)), 80, "tg-fn")
    inner = balancer(lab, "inner", private, ("sg-lb",), scheme="internal")
    listen(lab, inner, 80, "tg")
    made = lab.elbv2.create_target_group(
        Name="tg-alb", Protocol="TCP", Port=80, VpcId=lab.id("a"), TargetType="alb"
    )["TargetGroups"][0]
    lab.ids["tg-alb"] = made["TargetGroupArn"]
    lab.elbv2.register_targets(TargetGroupArn=lab.id("tg-alb"), Targets=[{"Id": inner}])
    chained = balancer(lab, "chained", private, (), kind="network", scheme="internal")
    listen(lab, chained, 80, "tg-alb", "TCP")
    rules = balancer(lab, "rules", public, ("sg-lb",))
    fixed = {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"},
    }
    made = lab.elbv2.create_listener(LoadBalancerArn=rules, Protocol="HTTP", Port=80, DefaultActions=[fixed])
    lab.elbv2.create_rule(
        ListenerArn=made["Listeners"][0]["ListenerArn"],
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": lab.id("tg")}],
    )


MORE_BALANCERS = Topology(
    "more load balancers",
    more_balancers,
    (
        Case(
            "a target in a private subnet", ALB_TARGETS, "internet web tcp 80", (), ("igw", "web", "eni-t1")
        ),
        Case("a listener that redirects", LISTENERS, "internet web tcp 443", (), ("igw", "web")),
        Case(
            "by NAT to the public load balancer",
            ALB_TARGETS,
            "client web tcp 80",
            (),
            ("eni-client", "nat", "igw", "web", "t1"),
        ),
        Case(
            "no outbound rule of the load balancer, and no rule of the target",
            "Application Load Balancer guide, Security groups: recommended rules",
            "internet shut-out tcp 80",
            ("forward ENI_SG_RULES_MISMATCH sg-lb-out", "forward ENI_SG_RULES_MISMATCH sg-t"),
        ),
        Case("a target in the other zone", ZONES, "client net tcp 80", (), ("net", "t2", "eni-t2")),
        Case(
            "a group of the client behind a Network Load Balancer",
            PRESERVED,
            "client net tcp 81",
            ("forward SG_REFERENCES_NOT_PRESERVED sg-by-client",),
        ),
        Case(
            "a target as the client of its load balancer",
            HAIRPIN,
            "t2 net tcp 80",
            ("forward ELBV2_SOURCE_ADDRESS_PRESERVATION net",),
        ),
        Case(
            "a target in a zone that the Network Load Balancer lacks",
            ZONES,
            "client one-zone tcp 80",
            ("forward ELB_INSTALLED_AZ_RESTRICTION one-zone",),
        ),
        Case(
            "the group of a Network Load Balancer",
            "Network Load Balancer guide, Security groups",
            "client grouped tcp 80",
            (),
            ("eni-client", "grouped", "t4"),
        ),
        Case(
            "the group of a Network Load Balancer refuses a port",
            "Network Load Balancer guide, Security groups",
            "client grouped tcp 81",
            ("forward ENI_SG_RULES_MISMATCH sg-net",),
        ),
        Case(
            "a target group of weight 0",
            "Application Load Balancer guide, Listener rules: forward actions",
            "internet weights tcp 80",
            ("forward ELBV2_LISTENER_HAS_NO_TG weights",),
        ),
        Case("a Lambda function as target", OF_LAMBDA, "internet fn tcp 80", (), ("igw", "fn", FUNCTION)),
        Case(
            "an Application Load Balancer as target",
            OF_ALB,
            "remote chained tcp 80",
            (),
            ("eni-remote", "chained", "inner", "t1", "eni-t1"),
        ),
        Case("a rule with a path", LISTENERS, "internet rules tcp 80", (), ("igw", "rules", "t1")),
        Case(
            "UDP at an Application Load Balancer",
            CODES + ": ELBV2_LISTENERS_MISMATCH",
            "client inner udp 80",
            ("forward ENI_SG_RULES_MISMATCH sg-lb", "forward ELBV2_LISTENERS_MISMATCH inner"),
        ),
    ),
)

BALANCERS = (MORE_BALANCERS,)
