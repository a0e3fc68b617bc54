"""What AWS does not log."""

from __future__ import annotations

from tests.connectors.vpc.cases.row import BOTH, HOST, ICMP, LIM, UDP, Case, flow, group
from tests.connectors.vpc.estates import eni, estate

NLB = eni("nlb", "subnet-data", "10.0.2.80", interface_type="network_load_balancer")
UNLOGGED_CASES = (
    Case("the resolver at VPC+2", LIM, flow("app", "10.0.0.2", UDP, 53), (), last="unlogged"),
    Case(
        "the resolver's link-local address", LIM, flow("app", "169.254.169.253", UDP, 53), (), last="unlogged"
    ),
    Case(
        "one's own DNS server is logged",
        LIM,
        flow("app", "db", UDP, 53),
        BOTH,
        group("sg-db", ("udp 53 10.0.0.0/16",)),
    ),
    Case("instance metadata", LIM, flow("app", "169.254.169.254", port=80), (), last="unlogged"),
    Case(
        "instance metadata, IPv6",
        LIM,
        flow("app", "fd00:ec2::254", port=80, srcaddr="2001:db8:a:1::5"),
        (),
        last="unlogged",
    ),
    Case("time sync", LIM, flow("app", "169.254.169.123", UDP, 123), (), last="unlogged"),
    Case(
        "another time server is logged", LIM, flow("web", HOST, UDP, 123), ("web out ACCEPT", "web in ACCEPT")
    ),
    Case("Windows licence activation", LIM, flow("app", "169.254.169.250", port=1688), (), last="unlogged"),
    Case("DHCP", LIM, flow("app", "10.0.1.1", UDP, 67, srcport=68), (), last="unlogged"),
    Case("the VPC router", LIM, flow("app", "10.0.1.1", ICMP), (), last="unlogged"),
    Case(
        "no group or ACL stands before the resolver",
        "VPC guide, Security group basics: not filtered",
        flow("app", "10.0.0.2", UDP, 53),
        (),
        estate(groups={"sg-app": ((), ())}, acls={"subnet-private": ()}),
        "unlogged",
    ),
    Case(
        "mirrored traffic: the target only",
        LIM,
        flow("app", "db", UDP, 4789, is_mirrored=True, is_answered=False),
        ("db in ACCEPT",),
        group("sg-db", ("udp 4789 10.0.0.0/16",)),
    ),
    Case(
        "between an endpoint and a load balancer",
        LIM,
        flow("endpoint", "10.0.2.80", port=443),
        (),
        estate(enis={"eni-nlb": NLB}),
        "delivered",
    ),
)
