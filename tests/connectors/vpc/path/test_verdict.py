"""The verdict: documented cases with their sources, and what must hold for every rule and flow."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.vpc.addresses import cidr
from connectors.vpc.decisions import Record
from connectors.vpc.network import Peering, Vpc, VpcId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import Conversation, FlowClasses, conversation, late_answer
from tests.connectors.vpc.cases import CASES
from tests.connectors.vpc.cases.hops import OUT_BY_NAT
from tests.connectors.vpc.cases.row import APP_DB, BASE, HOST, WEB, Case, flow
from tests.connectors.vpc.estates import ENIS, OPEN, eni, estate, group
from tests.connectors.vpc.path.cached import Cached

WAYS = {"ingress": "in", "egress": "out"}


def shown(record: Record, wanted: str) -> str:
    """Write a record as a case has it, with as much as the case says."""
    text = f"{record.interface_id.removeprefix('eni-')} {WAYS[record.flow_direction]} {record.action}"
    if record.reject_reason:
        text += f" {record.reject_reason}"
    if ">" in wanted:
        text += f" {record.srcaddr}>{record.dstaddr}"
        if (record.pkt_srcaddr, record.pkt_dstaddr) != (record.srcaddr, record.dstaddr):
            text += f" pkt {record.pkt_srcaddr}>{record.pkt_dstaddr}"
    return text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_documented_case(case: Case) -> None:
    told = conversation(case.estate, case.flow)
    wanted = case.records + ("",) * (len(told.records) - len(case.records))
    assert tuple(map(shown, told.records, wanted)) == case.records, told.sentence
    last = (told.response or told.request).outcome
    if case.last:
        assert last.ending == case.last
    if case.rule:
        assert case.rule.lower() in f"{told.sentence} {last.ending}".lower()
    assert case.source


def test_the_table_is_as_long_as_promised() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_remembered_verdict_is_the_verdict(case: Case) -> None:
    """Asked twice, and after another flow of its class was asked first."""
    cached = Cached(case.estate)
    shifted = replace(case.flow, srcport=case.flow.srcport and case.flow.srcport + 1)
    cached.conversation(shifted)
    assert cached.conversation(case.flow) == conversation(case.estate, case.flow)
    assert cached.conversation(case.flow) == cached.conversation(case.flow)


PATHS = {
    "same VPC": (APP_DB, 0, 1),
    "internet gateway": (flow("web", HOST, port=443), 0, 8),
    "NAT gateway, as its client sees it": (OUT_BY_NAT, 0, 1),
    "NAT gateway, outside": (OUT_BY_NAT, 2, 8),
    "virtual private gateway": (flow("app", "192.168.4.4", port=80), 0, 3),
    "peering": (flow("app", "peer", port=9000), 0, 4),
    "transit gateway": (flow("app", "far", port=80), 0, None),
    "ingress has none": (APP_DB, 1, None),
}


@pytest.mark.parametrize("name", PATHS)
def test_the_traffic_path(name: str) -> None:
    """The codes of `traffic-path`: VPC guide, "Flow log records"."""
    asked, place, path = PATHS[name]
    assert conversation(BASE, asked).records[place].traffic_path == path


def test_without_nitro_gateways_are_told_apart_less() -> None:
    """VPC guide, "Flow log records": code 2 stands for an internet gateway or a gateway endpoint."""
    old = estate(enis={"eni-web": replace(ENIS[0], is_nitro=False)})
    assert conversation(old, flow("web", HOST, port=443)).records[0].traffic_path == 2


def test_the_next_hop() -> None:
    """The middlebox, not the final destination; nothing for an internet gateway ("Flow log limitations")."""
    hops = [record.next_hop_interface_id for record in conversation(BASE, OUT_BY_NAT).records]
    assert hops == ["eni-nat", "eni-app", None, None, "eni-app", "eni-nat"]
    far = [record.next_hop_interface_id for record in conversation(BASE, flow("app", "far", port=80)).records]
    assert far[:4] == ["eni-tgw-a1", "eni-app", "eni-far", None]


def test_a_decision_is_data_and_a_sentence() -> None:
    record = conversation(BASE, APP_DB).request.records[1]
    assert record.decision is not None
    assert (record.decision.resource_id, record.decision.direction) == ("sg-db", "ingress")
    assert record.decision.rule == "tcp 5432 sg-app"
    assert record.sentence == (
        "ACCEPT ingress at eni-db: Security group sg-db lets it in by rule “tcp 5432 sg-app”."
    )


def test_what_is_tracked_outlives_its_rule() -> None:
    """EC2 guide, “Untracked connections”: HTTP open to all is interrupted at once, SSH else not."""
    open_web = (("tcp 80 0.0.0.0/0", "tcp 22 203.0.113.0/24"), ("all 0.0.0.0/0", "all ::/0"))
    before, after = estate(groups={"sg-web": open_web}), estate(groups={"sg-web": ((), open_web[1])})
    for port, action in ((80, "REJECT"), (22, "ACCEPT")):
        asked = flow(HOST, WEB, port=port)
        told = conversation(before, asked)
        assert conversation(after, asked, told.tracked).records[0].action == action
        assert conversation(after, asked).records[0].action == "REJECT"


def test_an_acl_interrupts_at_once() -> None:
    """EC2 guide, “Security group connection tracking”: an ACL breaks existing connections."""
    told = conversation(BASE, APP_DB)
    shut = estate(acls={"subnet-data": ()})
    assert conversation(shut, APP_DB, told.tracked).records[-1].action == "REJECT"


def test_a_late_answer_is_rejected() -> None:
    """REJECT also covers packets that arrive after the connection was closed."""
    late = late_answer(BASE, APP_DB)
    assert late is not None
    assert [shown(record, "") for record in late.records] == ["db out ACCEPT", "app in REJECT"]
    by_nat = late_answer(BASE, OUT_BY_NAT)
    assert by_nat is not None
    assert by_nat.outcome.ending == "lost"


def test_an_answer_that_ends_at_another_host_is_no_success() -> None:
    """VPC peering guide, "Routing for response traffic": the route leads to a VPC with the same block."""
    twin = Peering("pcx-ac", VpcId("vpc-a"), VpcId("vpc-c"))
    here = estate(
        routes={"subnet-b": ("10.0.0.0/16 pcx-ab",), "subnet-private": ("10.1.0.0/16 pcx-ac",)},
        groups={"sg-app": OPEN, "sg-far": OPEN},
        peerings=(*BASE.resources.peerings, twin),
        vpcs=(*BASE.resources.vpcs[:2], Vpc(VpcId("vpc-c"), (cidr("10.1.0.0/16"),))),
        enis={"eni-far": eni("far", "subnet-c", "10.1.0.8")},
    )
    told = conversation(here, flow("peer", "app", port=8080))
    assert told.response
    assert told.response.outcome.resource_id == "eni-far"
    assert not told.succeeded
    assert "not the sender of the request" in told.sentence
    assert conversation(estate(groups={"sg-app": OPEN}), flow("peer", "app", port=8080)).succeeded


def test_an_unknown_origin_is_said() -> None:
    assert "eni-nobody is not there" in conversation(BASE, replace(APP_DB, origin="eni-nobody")).sentence


def test_a_loop_ends() -> None:
    two = {
        "eni-fw": eni("fw", "subnet-fw", "10.0.3.9", source_dest_check=False),
        "eni-fw2": eni("fw2", "subnet-data", "10.0.2.9", source_dest_check=False),
    }
    circle = {
        name: (f"10.99.0.0/16 {to}",) for name, to in (("subnet-fw", "eni-fw2"), ("subnet-data", "eni-fw"))
    }
    told = conversation(estate(enis=two, routes=circle), flow("db", "10.99.0.1", port=80))
    assert "loop" in told.sentence


PORTS = st.integers(0, 65535)
ENDS = st.sampled_from(
    ["web", "bastion", "app", "worker", "db", "peer", "far", "endpoint", HOST, "192.168.4.4"]
)
BLOCKS = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/16", "10.0.1.5/32", "203.0.113.0/24", "sg-app", "sg-web", "pl-s3"]
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Draw a rule of a group."""
    protocol = draw(st.sampled_from(["tcp", "udp", "all", "icmp"]))
    low, high = sorted((draw(PORTS), draw(PORTS)))
    ports = f" {low}-{high}" if protocol in ("tcp", "udp") else ""
    return f"{protocol}{ports} {draw(BLOCKS)}"


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Draw a flow that starts at an interface."""
    start = draw(st.sampled_from(["web", "bastion", "app", "worker", "db", "peer", "far"]))
    port, srcport = draw(PORTS), draw(PORTS)
    return flow(start, draw(ENDS), draw(st.sampled_from([6, 17, 1])), port, srcport=srcport)


Lines = tuple[list[str], list[str]]
NAMES = st.sampled_from(["sg-web", "sg-app", "sg-db", "sg-peer", "sg-far"])
IN_OUT = st.tuples(st.lists(rules(), max_size=4), st.lists(rules(), max_size=4))


def accepted(told: Conversation) -> list[tuple[str, str]]:
    """Return the steps that were accepted, in order."""
    return [(r.interface_id, r.flow_direction) for r in told.records if r.action == "ACCEPT"]


@given(flows(), NAMES, IN_OUT, rules(), st.booleans())
def test_a_rule_added_can_only_widen(
    asked: Flow, name: str, lines: Lines, added: str, is_inbound: bool
) -> None:
    ingress, egress = lines
    more = ([*ingress, added], egress) if is_inbound else (ingress, [*egress, added])
    before = accepted(conversation(estate(groups={name: lines}), asked))
    after = accepted(conversation(estate(groups={name: more}), asked))
    assert after[: len(before)] == before


@given(flows(), NAMES, IN_OUT)
def test_an_answer_always_passes_the_groups(asked: Flow, name: str, lines: Lines) -> None:
    told = conversation(estate(groups={name: lines}), asked)
    asked_of = {(r.interface_id, r.flow_direction) for r in told.request.records}
    for record in told.response.records if told.response else ():
        other = "egress" if record.flow_direction == "ingress" else "ingress"
        if (record.interface_id, other) in asked_of:
            assert all(one.allowed for one in record.decisions if one.decider == "security group")


@given(flows(), NAMES, IN_OUT, st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(
    asked: Flow, name: str, lines: Lines, chance: random.Random
) -> None:
    shuffled = tuple(chance.sample(one, len(one)) for one in lines)
    assert conversation(estate(groups={name: lines}), asked) == conversation(
        estate(groups={name: (shuffled[0], shuffled[1])}), asked
    )


@st.composite
def entries(draw: st.DrawFn) -> list[str]:
    """Draw a network ACL: numbers are unique for each direction, as in AWS."""
    lines = []
    for way in ("in", "out"):
        for number in draw(st.lists(st.integers(1, 32766), unique=True, max_size=5)):
            verb = draw(st.sampled_from(["allow", "deny"]))
            low, high = sorted((draw(PORTS), draw(PORTS)))
            ports = draw(st.sampled_from(["all", f"tcp {low}-{high}", f"udp {low}-{high}", "icmp 8/-1"]))
            block = draw(st.sampled_from(["0.0.0.0/0", "10.0.0.0/16", "203.0.113.0/24", "10.0.1.0/24"]))
            lines.append(f"{number} {way} {verb} {ports} {block}")
    return lines


SUBNET = st.sampled_from(["subnet-public", "subnet-private", "subnet-data", "subnet-b", "subnet-c"])


@given(flows(), SUBNET, entries(), st.randoms(use_true_random=False))
def test_entries_count_by_number_only(
    asked: Flow, subnet: str, lines: list[str], chance: random.Random
) -> None:
    shuffled = chance.sample(lines, len(lines))
    assert conversation(estate(acls={subnet: lines}), asked) == conversation(
        estate(acls={subnet: shuffled}), asked
    )


@given(flows(), SUBNET, entries(), NAMES, IN_OUT, st.tuples(PORTS, PORTS))
def test_a_class_of_flows_is_one(
    asked: Flow, subnet: str, lines: list[str], name: str, group_lines: Lines, ports: tuple[int, int]
) -> None:
    """Whatever was asked before, a remembered verdict is the one that would be made now."""
    here = estate(acls={subnet: lines}, groups={name: group_lines})
    cached = Cached(here)
    if asked.protocol != 1:
        cached.conversation(replace(asked, srcport=ports[0], dstport=ports[1]))
        cached.conversation(replace(asked, dstport=max(asked.dstport - 1, 0)))
    cached.conversation(replace(asked, dstaddr="203.0.113.200"))
    assert cached.conversation(asked) == conversation(here, asked)


@given(flows())
def test_a_rejected_packet_goes_no_further(asked: Flow) -> None:
    told = conversation(BASE, asked)
    for path in (told.request, told.response):
        for record, _ in pairwise(path.records if path else ()):
            assert record.action == "ACCEPT"


def test_another_estate_has_other_classes() -> None:
    classes = FlowClasses(BASE)
    ports, addresses = (8442, 8443), ("198.51.100.1", "198.51.100.200")
    assert len({classes.port_classes[port] for port in ports}) == 1
    assert len({classes.address_class(address) for address in addresses}) == 1
    groups = (*BASE.resources.security_groups, group("sg-new", (("tcp 8443 198.51.100.0/25",), ())))
    classes.use(BASE.with_changes(security_groups=groups))
    assert len({classes.port_classes[port] for port in ports}) == 2
    assert len({classes.address_class(address) for address in addresses}) == 2
