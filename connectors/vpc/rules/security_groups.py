"""The decision of an interface's security groups on a packet: one matching rule of any group allows it.

Rules are evaluated in a fixed order, so the rule in a decision does not depend on the API's order. A rule
with a group as its peer matches the interfaces of that group. The caller passes the interface at the other
end as `peer`, or None if rules cannot refer to its groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.vpc.addresses import IPV6_BEGINS, Cidr, cidr, number_of
from connectors.vpc.decisions import Decision
from connectors.vpc.network import (
    ANY,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Eni,
    PrefixList,
    SecurityGroup,
    SecurityGroupRule,
)
from connectors.vpc.packets import Direction, Packet

EVERYWHERE = (cidr("0.0.0.0/0"), cidr("::/0"))

# EC2 guide, “Security group connection tracking”: connections of these types are always tracked.
ALWAYS_TRACKED_TYPES = frozenset(
    {"nat_gateway", "network_load_balancer", "gateway_load_balancer", "vpc_endpoint", "lambda", "efa"}
    | {"gateway_load_balancer_endpoint", "transit_gateway", "global_accelerator_managed"}
)

Entries = tuple[tuple[SecurityGroupRule, tuple[Cidr, ...]], ...]


@dataclass(frozen=True, slots=True)
class SortedGroup:
    """The rules of a group, each with the blocks that it covers."""

    group_id: str
    ingress: Entries
    egress: Entries


def sorted_group(group: SecurityGroup, prefix_lists: Mapping[str, PrefixList]) -> SortedGroup:
    """Return the group with its rules in evaluation order and its prefix lists expanded."""

    def entries(rules: Iterable[SecurityGroupRule]) -> Entries:
        in_order = sorted(
            rules, key=lambda rule: (rule.protocol, rule.from_port, rule.to_port, rule.peer, rule.rule_id)
        )
        return tuple((rule, _blocks(rule, prefix_lists)) for rule in in_order)

    return SortedGroup(group.group_id, entries(group.ingress), entries(group.egress))


def _blocks(rule: SecurityGroupRule, prefix_lists: Mapping[str, PrefixList]) -> tuple[Cidr, ...]:
    if rule.cidr:
        return (rule.cidr,)
    return prefix_lists[rule.prefix_list_id].cidrs if rule.prefix_list_id in prefix_lists else ()


def decide(groups: Iterable[SortedGroup], direction: Direction, packet: Packet, peer: Eni | None) -> Decision:
    """Return the decision of one interface's groups on a packet that belongs to no tracked flow."""
    number = number_of(packet.srcaddr if direction == "ingress" else packet.dstaddr)
    members = peer.groups if peer else ()
    names: list[str] = []
    for group in sorted(groups, key=lambda group: group.group_id):
        names.append(group.group_id)
        for rule, blocks in group.ingress if direction == "ingress" else group.egress:
            if not _fits(rule, packet):
                continue
            if rule.group_id in members if rule.group_id else any(number in block for block in blocks):
                return Decision("security group", group.group_id, direction, True, rule.text, rule.rule_id)
    return Decision("security group", ", ".join(names), direction, False)


def passes_as_response(groups: Iterable[SortedGroup], direction: Direction) -> Decision:
    """Return the decision on the answer to an allowed packet: security groups are stateful and allow it."""
    names = ", ".join(sorted(group.group_id for group in groups))
    return Decision("security group", names, direction, True, is_response=True)


def is_tracked(groups: Iterable[SortedGroup], eni: Eni, direction: Direction, packet: Packet) -> bool:
    """Return whether an allowed flow is tracked, so that it continues after its rule was removed.

    EC2 guide, “Untracked connections”: TCP and UDP are not tracked if a rule for all addresses allows the
    request and a rule for all addresses and ports allows the answer. All other flows are tracked.
    """
    if packet.protocol not in (TCP, UDP) or eni.interface_type in ALWAYS_TRACKED_TYPES:
        return True
    everywhere = EVERYWHERE[number_of(packet.dstaddr) >= IPV6_BEGINS]
    there = back = False
    for group in groups:
        ways = (group.ingress, group.egress) if direction == "ingress" else (group.egress, group.ingress)
        there |= any(everywhere in blocks and _fits(rule, packet) for rule, blocks in ways[0])
        back |= any(
            everywhere in blocks and _has_every_port(rule, packet.protocol) for rule, blocks in ways[1]
        )
    return not (there and back)


def _fits(rule: SecurityGroupRule, packet: Packet) -> bool:
    if rule.protocol == ANY:
        return True
    if rule.protocol != packet.protocol:
        return False
    if packet.protocol in (TCP, UDP):
        return rule.from_port == ANY or rule.from_port <= packet.dstport <= rule.to_port
    if packet.protocol in (ICMP, ICMPV6):
        is_type = rule.from_port in (ANY, packet.icmp_type)
        return is_type and rule.to_port in (ANY, packet.icmp_code)
    return True


def _has_every_port(rule: SecurityGroupRule, protocol: int) -> bool:
    if rule.protocol == ANY:
        return True
    return rule.protocol == protocol and rule.from_port <= 0 and rule.to_port in (ANY, 65535)
