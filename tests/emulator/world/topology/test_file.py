"""What a topology file may say, and what it is told when it says something else: its line and a sentence."""

from __future__ import annotations

import pytest

from emulator.world.topology.checks import faults
from emulator.world.topology.file import read
from emulator.world.topology.interfaces import interfaces
from emulator.world.topology.lines import RouteTarget
from emulator.world.topology.model import Topology
from emulator.world.topology.presets import PRESETS, preset
from tests.emulator.world.topology.topologies import NAME, SUBNETS, placed, refused, vpc

BOMB = "a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n" + "\n".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcde", "bcdef", strict=True)
)
NOT_READ = [
    ("", "1: A topology is a mapping with `name` and `vpcs`."),
    ("- a\n- b", "1: A topology is a mapping with `name` and `vpcs`."),
    ("name: t\nvpcs: a: b", "2: This is not YAML: mapping values are not allowed here."),
    ("name: t\nvpcs: {", "2: This is not YAML: expected the node content, but found '<stream end>'."),
    ("name: t\nvpcs: *here", "2: This is not YAML: found undefined alias 'here'."),
    ("name: t\n---\nname: u", "2: This is not YAML: but found another document."),
    (
        "name: t\nvpcs: !!python/name:os.system {}",
        "2: This is not YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/name:os.system'.",
    ),
    ("name: t\n? [a, b]\n: 1", "2: This is not YAML: found unhashable key."),
    ("name: t\nvpcs: \0", "2: A character that YAML does not allow: special characters are not allowed."),
    ("name: 2020-99-99", "1: A value cannot be read: month must be in 1..12."),
    ("name: t\nvpcs: &all [*all]", "1: This is nested without end, or is far too long."),
    ("[" * 500, "1: This is nested without end, or is far too long."),
    (BOMB, "1: This is nested without end, or is far too long."),
    ("name: t\nvpcs: {}\nname: u", "3: `name` is here twice."),
    (vpc("ipv6: true\nipv6: false"), "6: `ipv6` is here twice."),
]

NOT_UNDERSTOOD = [
    ("vpcs: {a: {cidrs: [10.0.0.0/16]}}", "1: `name` is missing."),
    ("name: t", "1: `vpcs` is missing."),
    ("name: t\nvpcs: {}", "2: `vpcs` is empty."),
    ("name: t\nvpcs: [a]", "2: `vpcs` should have keys and values."),
    ("name: t\nvpcs:\n  a: 3", "3: `a` should have keys and values."),
    ("name: t\nvpcs:\n  a: {}", "3: `cidrs` is missing."),
    ("name: t\nvpcs:\n  a: {cidrs: []}", "3: `cidrs` is empty."),
    ("name: t\nvpcs:\n  a: {cidrs: 10.0.0.0/16}", "3: `cidrs` should be a list."),
    ("name: t\nvpcs:\n  a b: {cidrs: [10.0.0.0/16]}", "3: `a b` is not a name that can be used here."),
    ("name: t\nvpcs:\n  no: {cidrs: [10.0.0.0/16]}", "2: A key is False, not text: put it in quotes."),
    ("name: 7\nvpcs:\n  a: {cidrs: [10.0.0.0/16]}", "1: `name` should be text: put it in quotes."),
    (vpc("7: true"), "5: A key is 7, not text: put it in quotes."),
    (vpc("subnet: {}"), "5: `subnet` is not a key that is known here."),
    (
        vpc("ipv6: perhaps"),
        "5: `ipv6`: `perhaps` will not do. Input should be a valid boolean, unable to interpret input.",
    ),
    (vpc("subnets:\n  s: {}"), "6: `cidr` is missing."),
    (
        vpc("subnets:\n  s:\n    zone: x\n    cidr: 10.0.0.0/24"),
        "7: `x` is not a name that can be used here.",
    ),
    (vpc("subnets:\n  s: {cidr: 10.0.0.0/30}"), "6: 10.0.0.0/30 must be an IPv4 block between /16 and /28."),
    (
        vpc("subnets:\n  s: {cidr: '2001:db8::/64'}"),
        "6: 2001:db8::/64 must be an IPv4 block between /16 and /28.",
    ),
    (
        vpc("subnets:\n  s: {cidr: 10.0.0.1/24}"),
        "6: 10.0.0.1/24 is not a CIDR block: 10.0.0.1/24 has host bits set.",
    ),
    (
        vpc("subnets:\n  s: {cidr: 10.0.0.0/24, ipv6: 256}"),
        "6: `ipv6`: `256` will not do. Input should be less than or equal to 255.",
    ),
    (placed("instances:\n  i: {subnets: [one], address: here}"), "9: here is not an address."),
    (
        placed("load_balancers:\n  l: {subnets: [one], type: classic}"),
        "9: `type`: `classic` will not do. Input should be 'application', 'network' or 'gateway'.",
    ),
    (placed("instances:\n  i: {subnets: [7]}"), "9: `subnets` should be text: put it in quotes."),
]

LINES = [
    ("tcp 80", "There is no security group `80` in VPC `a`."),
    ("80", "`80` should look like `tcp 443 0.0.0.0/0`."),
    ("tcp 80 a b", "`tcp 80 a b` should look like `tcp 443 0.0.0.0/0`."),
    ("sctp 80 0.0.0.0/0", "`sctp` is no protocol: all, tcp, udp, icmp, icmpv6 or a number."),
    ("256 0.0.0.0/0", "`256` is no protocol: all, tcp, udp, icmp, icmpv6 or a number."),
    ("tcp 80-90x 0.0.0.0/0", "`80-90x` should be a port, `80`, a range, `1024-65535`, or for ICMP `8/0`."),
    ("tcp 90-80 0.0.0.0/0", "`90-80` is out of range."),
    ("tcp 65536 0.0.0.0/0", "`65536` is out of range."),
    ("icmp 256/0 0.0.0.0/0", "`256/0` is out of range."),
    ("all 80 0.0.0.0/0", "`80`: this protocol has no ports."),
    ("tcp 80 10.0.0.1/8", "10.0.0.1/8 is not a CIDR block: 10.0.0.1/8 has host bits set."),
]

ENTRIES = [
    ("allow tcp 80 0.0.0.0/0", "`allow tcp 80 0.0.0.0/0` should look like `100 in allow tcp 80 0.0.0.0/0`."),
    ("0 in allow all 0.0.0.0/0", "`0` is no rule number: it goes from 1 to 32766."),
    ("32767 in allow all 0.0.0.0/0", "`32767` is no rule number: it goes from 1 to 32766."),
    ("1 into allow all 0.0.0.0/0", "`into allow` must be `in` or `out`, and then `allow` or `deny`."),
    ("1 in permit all 0.0.0.0/0", "`in permit` must be `in` or `out`, and then `allow` or `deny`."),
    ("1 in allow all web", "`web` is not a CIDR block; a network ACL knows no groups."),
]

TARGETS = ", ".join(
    ["internet-gateway", "egress-only-internet-gateway"]
    + [f"{kind} NAME" for kind in ("nat-gateway", "peering", "transit-gateway", "instance", "interface")]
)
ROUTES = [
    ("0.0.0.0/0: router", f"`router` is no target of a route. There are: {TARGETS}."),
    ("0.0.0.0/0: nat-gateway", f"`nat-gateway` is no target of a route. There are: {TARGETS}."),
    ("0.0.0.0/0: a b c", "`a b c` should look like `nat-gateway nat-a`."),
    (
        "here: internet-gateway",
        "here is not a CIDR block: 'here' does not appear to be an IPv4 or IPv6 network.",
    ),
    ("0.0.0.0/0: internet-gateway", "The route leads to the internet-gateway, which VPC a does not have."),
    ("0.0.0.0/0: nat-gateway n", "The route leads to the nat-gateway `n`, which VPC a does not have."),
    ("0.0.0.0/0: peering p", "The route leads to the peering `p`, which VPC a does not have."),
    ("0.0.0.0/0: instance some", "The route leads to the instance `some`, which VPC a does not have."),
    ("10.0.0.0/16: instance fw", "10.0.0.0/16 is the VPC's own block; its route is always local."),
]


@pytest.mark.parametrize(("text", "told"), [*NOT_READ, *NOT_UNDERSTOOD])
def test_a_fault_is_told_with_its_line_and_a_sentence(text: str, told: str) -> None:
    assert refused(text) == told


@pytest.mark.parametrize(("line", "told"), LINES)
def test_a_rule_is_told_what_is_wrong_with_it(line: str, told: str) -> None:
    text = vpc(f"security_groups:\n  g:\n    ingress:\n      - all g\n      - {line}")
    assert refused(text) == f"9: {told}"


@pytest.mark.parametrize(("line", "told"), ENTRIES)
def test_an_entry_of_an_acl_is_told_what_is_wrong_with_it(line: str, told: str) -> None:
    assert refused(vpc(f"network_acls:\n  n:\n    - {line}")) == f"7: {told}"


@pytest.mark.parametrize(("line", "told"), ROUTES)
def test_a_route_is_told_what_is_wrong_with_it(line: str, told: str) -> None:
    instances = "instances:\n  fw: {subnets: [one]}\n  some: {subnets: [one], count: 2}\n"
    assert refused(placed(f"{instances}route_tables:\n  r:\n    {line}")) == f"13: {told}"


def test_several_faults_come_in_the_order_of_their_lines() -> None:
    text = (
        vpc("subnets:\n  s: {cidr: 10.9.0.0/24}\nsecurity_groups:\n  g: {ingress: [all h]}\n")
        + "peerings:\n  p: {requester: a, accepter: b}"
    )
    assert [int(line.split(":")[0]) for line in refused(text).splitlines()] == [6, 8, 10]


def test_of_many_faults_ten_are_told_and_the_others_counted() -> None:
    *told, last = refused(vpc("".join(f"nothing-{number}: 1\n" for number in range(13)))).splitlines()
    assert (len(told), last) == (10, "… and 3 more.")


def test_what_is_merged_from_an_anchor_has_the_line_of_the_merge() -> None:
    text = vpc("route_tables:\n  r: &r {0.0.0.0/0: internet-gateway}\n  s:\n    <<: *r")
    assert refused(text).splitlines() == [
        "6: The route leads to the internet-gateway, which VPC a does not have.",
        "7: The route leads to the internet-gateway, which VPC a does not have.",
    ]


def test_a_key_beats_what_is_merged() -> None:
    text = vpc(
        "internet_gateway: true\nroute_tables:\n  r: &r {0.0.0.0/0: internet-gateway}\n"
        "  s: {<<: *r, 0.0.0.0/0: instance fw}\ninstances: {fw: {subnets: [one]}}\n" + SUBNETS
    )
    assert read(text, NAME).vpcs["a"].route_tables["s"] == {"0.0.0.0/0": RouteTarget("instance", "fw")}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_pass_their_own_checks(name: str) -> None:
    topology = preset(name)
    assert (topology.name, faults(topology)) == (name, [])


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_equal_each_time_it_is_read(name: str) -> None:
    assert preset(name) == preset(name)
    assert repr(preset(name)) == repr(preset(name)), "a build is recognised by it"


def test_there_is_no_other_preset() -> None:
    with pytest.raises(KeyError, match="other"):
        preset("other")


def test_the_estate_has_20_vpcs_and_2000_interfaces() -> None:
    topology: Topology = preset("estate")
    assert (len(topology.vpcs), len(interfaces(topology))) == (20, 2000)
