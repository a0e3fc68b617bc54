"""What is wrong with a topology as a whole: each fault is told with its line in the file and a sentence."""

from __future__ import annotations

import pytest

from emulator.world.topology.file import read
from tests.emulator.world.topology.topologies import NAME, TWO_VPCS, placed, refused, vpc

NOT_A_NETWORK = [
    (
        "name: t\nvpcs:\n  a:\n    cidrs:\n      - 10.0.0.0/16\n      - 10.0.8.0/24",
        "6: 10.0.8.0/24 overlaps 10.0.0.0/16.",
    ),
    (
        vpc("subnets:\n  s: {cidr: 10.0.0.0/23}\n  t: {cidr: 10.0.1.0/24}"),
        "7: 10.0.1.0/24 overlaps 10.0.0.0/23.",
    ),
    (vpc("subnets:\n  s: {cidr: 10.1.0.0/24}"), "6: 10.1.0.0/24 is outside its VPC, 10.0.0.0/16."),
    (vpc("subnets:\n  s:\n    cidr: 10.0.0.0/24\n    route_table: r"), "8: There is no route table `r`."),
    (vpc("subnets:\n  s:\n    cidr: 10.0.0.0/24\n    network_acl: n"), "8: There is no network ACL `n`."),
    (
        vpc("subnets:\n  s: {cidr: 10.0.0.0/24, ipv6: 0}"),
        "6: Subnet s has IPv6, but its VPC has not: set `ipv6: true` there.",
    ),
    (
        vpc("ipv6: true\nsubnets:\n  s: {cidr: 10.0.0.0/24, ipv6: 7}\n  t: {cidr: 10.0.1.0/24, ipv6: 7}"),
        "8: The IPv6 block of t is that of s.",
    ),
    (
        vpc(
            "egress_only_internet_gateway: true\n"
            "route_tables:\n  r: {0.0.0.0/0: egress-only-internet-gateway}"
        ),
        "7: An egress-only internet gateway is for IPv6 only.",
    ),
    (
        vpc("network_acls:\n  n: [1 in allow all ::/0, 1 in deny all ::/0]"),
        "6: Network ACL n has rule 1 in more than once.",
    ),
    (vpc("security_groups:\n  default: {}"), "6: AWS does not let a security group be named `default`."),
    (vpc("security_groups:\n  sg-1: {}"), "6: AWS does not let a security group be named `sg-1`."),
    (
        vpc("security_groups:\n  g:\n    ingress: [tcp 80 g]\n    egress: [all h]"),
        "8: There is no security group `h` in VPC `a`.",
    ),
    (vpc("security_groups:\n  g: {ingress: [all c/g]}"), "6: There is no security group `g` in VPC `c`."),
    (vpc("security_groups:\n  g:\n    ingress: [tcp 80 g, tcp 80 g]"), "7: The rule about g is there twice."),
    (
        TWO_VPCS + "    security_groups: {g: {ingress: [all a/g]}}",
        "7: There is no security group `g` in VPC `a`.",
    ),
    (
        vpc("security_groups: {g: {}}\n")
        + "  b:\n    cidrs: [10.1.0.0/16]\n    security_groups: {h: {ingress: [all a/g]}}",
        "8: `a/g` can be named in a rule of b only if the two VPCs are peered.",
    ),
    (placed("instances:\n  i: {subnets: [three]}"), "9: There is no subnet `three`."),
    (placed("databases:\n  d: {subnets: [one], groups: [g]}"), "9: There is no security group `g`."),
    (placed("nat_gateways:\n  n: {subnet: three, public: false}"), "9: There is no subnet `three`."),
    (
        vpc(
            "subnets: {one: {cidr: 10.0.0.0/24}, two: {cidr: 10.0.1.0/24}}\n"
            "load_balancers:\n  l: {subnets: [one, two]}\n"
            "endpoints:\n  e: {service: sqs, subnets: [one, two]}"
        ),
        "7: A load balancer has one subnet in each of its zones.\n"
        "9: An interface endpoint has one subnet in each of its zones.",
    ),
    (
        placed("load_balancers:\n  l: {subnets: [one]}"),
        "9: An Application Load Balancer is in two subnets at least.",
    ),
    (placed("endpoints:\n  e: {service: sqs}"), "9: An interface endpoint has subnets, and no route tables."),
    (
        placed("endpoints:\n  e: {service: s3, type: gateway, subnets: [one]}"),
        "9: A gateway endpoint has route tables, and neither subnets nor groups.",
    ),
    (
        placed("endpoints:\n  e: {service: s3, type: gateway, route_tables: [r]}"),
        "9: There is no route table `r`.",
    ),
    *(
        (
            placed(f"{kind}:\n  x: {{{plan}}}"),
            "9: x has a public address, but a has no internet gateway.",
        )
        for kind, plan in (
            ("nat_gateways", "subnet: one"),
            ("instances", "subnets: [one], public_ip: true"),
            ("interfaces", "subnet: one, public_ip: true"),
            ("load_balancers", "subnets: [one, two], internet_facing: true"),
        )
    ),
    *(
        (
            placed(f"interfaces:\n  x: {{subnet: one, address: '{address}'}}"),
            f"9: {address} is not an address that x can have in subnet one.",
        )
        for address in ("10.0.0.3", "10.0.0.255", "10.0.1.5", "2001:db8::1")
    ),
    (
        placed(
            "interfaces:\n  x: {subnet: one, address: 10.0.0.9}\n"
            "instances:\n  i: {subnets: [one], address: 10.0.0.9}"
        ),
        "11: 10.0.0.9 is that of x.",
    ),
    (
        placed("instances:\n  i: {subnets: [one], address: 10.0.0.9, count: 2}"),
        "9: i is several instances; they cannot have one address.",
    ),
    (TWO_VPCS + "peerings:\n  p: {requester: a, accepter: c}", "8: There is no VPC `c`."),
    (TWO_VPCS + "peerings:\n  p: {requester: a, accepter: a}", "8: A VPC cannot be peered with itself."),
    (
        TWO_VPCS.replace("10.1.0.0/16", "10.0.0.0/17") + "peerings:\n  p: {requester: a, accepter: b}",
        "8: 10.0.0.0/16 of a overlaps 10.0.0.0/17 of b; AWS does not peer them.",
    ),
    (TWO_VPCS + "transit_gateways:\n  h: {attachments: {c: [s]}}", "8: There is no VPC `c`."),
    (TWO_VPCS + "transit_gateways:\n  h:\n    attachments:\n      a: [s]", "10: There is no subnet `s`."),
    (
        vpc("subnets: {s: {cidr: 10.0.0.0/24}, t: {cidr: 10.0.1.0/24}}\n")
        + "transit_gateways:\n  h:\n    attachments:\n      a: [s, t]",
        "9: An attachment has one subnet in each of its zones.",
    ),
    (
        vpc("subnets:\n  s: {cidr: 10.0.0.0/28}\ninstances:\n  i: {subnets: [s], count: 12}"),
        "6: Subnet s has no address left for its interfaces.",
    ),
    (
        placed("instances:\n  i: {subnets: [one], count: 2}\n  i-2: {subnets: [one]}"),
        "3: a would have 2 interfaces named `i-2`.",
    ),
    (
        placed("functions:\n  f: {subnets: [one, one]}"),
        "3: a would have 2 interfaces named `function/f.one`.",
    ),
    (
        placed("load_balancers:\n  l: {subnets: [one, three]}"),
        "9: There is no subnet `three`.",
    ),
]


@pytest.mark.parametrize(("text", "told"), NOT_A_NETWORK)
def test_what_cannot_work_is_told_with_its_line_and_a_sentence(text: str, told: str) -> None:
    assert refused(text) == told


def test_names_are_unique_in_their_kind_only() -> None:
    text = placed(
        "instances: {x: {subnets: [one]}}\ninterfaces: {x: {subnet: one}}\ncaches: {x: {subnets: [one]}}\n"
        "databases: {x: {subnets: [one]}}\nfunctions: {x: {subnets: [one]}}\n"
        "endpoints: {x: {service: sqs, subnets: [one]}}\nload_balancers: {x: {subnets: [one, two]}}\n"
        "nat_gateways: {x: {subnet: one, public: false}}"
    )
    assert read(text, NAME).name == "t"
