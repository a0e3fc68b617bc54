"""The security groups and the network ACL at one interface, and the causes that they give. Pure.

Unlike `path.checkpoints`, a rejection does not end the evaluation, because a diagnosis lists every cause. A
group that rejects the request is taken as repaired for the response.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.trace.findings import TYPICAL_PORT, Loss, Trace
from connectors.vpc.diagnosis.trace.unread import PREFIX_LISTS, note_acl, note_groups
from connectors.vpc.estate import Estate
from connectors.vpc.network import ANY, LAST_ACL_RULE, TCP, UDP, Eni, SubnetId
from connectors.vpc.packets import Direction, Packet
from connectors.vpc.path.checkpoints import NO_GROUPS
from connectors.vpc.rules import network_acls, security_groups
from connectors.vpc.rules.network_acls import OrderedAcl
from connectors.vpc.rules.security_groups import SortedGroup

_WAYS = {"ingress": "inbound", "egress": "outbound"}


def check_groups(
    estate: Estate, trace: Trace, eni: Eni, direction: Direction, packet: Packet, peer: Eni | None
) -> None:
    """Evaluate the groups of an interface. `peer` is the interface whose groups rules can refer to."""
    trace.connection.peers[eni.interface_id, direction] = peer is not None
    if not eni.groups or eni.interface_type in NO_GROUPS:
        return
    packet = _seen(trace, direction, packet)
    found = [group for group in map(estate.group, eni.groups) if group]
    unseen = [str(one) for one in eni.groups if not estate.group(one)] or _with_unread_lists(estate, found)
    other: Direction = "egress" if direction == "ingress" else "ingress"
    passed = trace.connection.passed
    if trace.leg == "response" and (eni.interface_id, other) in passed:
        return
    passed.add((eni.interface_id, direction))
    decision = security_groups.decide(found, direction, packet, peer)
    if decision.allowed:
        trace.step(
            decision.resource_id, "security-group", f"{_WAYS[direction]} rule “{decision.rule}” allows it"
        )
        return
    trace.pause(eni, packet, direction)
    if unseen:
        note_groups(trace.connection, trace.named(eni), unseen)
        return
    _blame_groups(trace, found, direction, packet)


def _with_unread_lists(estate: Estate, found: list[SortedGroup]) -> list[str]:
    """Return the groups with rules for prefix lists that the caller may not read."""
    if not set(PREFIX_LISTS) & estate.resources.unread:
        return []
    return [
        group.group_id
        for group in found
        if any(rule.prefix_list_id for rule, _ in (*group.ingress, *group.egress))
    ]


def _blame_groups(trace: Trace, found: list[SortedGroup], direction: Direction, packet: Packet) -> None:
    rules = {group.group_id: group.ingress if direction == "ingress" else group.egress for group in found}
    named = next((group_id for group_id, entries in rules.items() if entries), next(iter(rules), ""))
    way, what = _WAYS[direction], _traffic(packet, direction)
    loss, sender = trace.loss, trace.sender
    if trace.client_eni:
        loss, sender = not_preserved(), trace.client_eni
    if loss and sender and direction == "ingress":
        known = security_groups.decide(found, direction, packet, sender)
        if known.allowed:
            at = loss.component or known.resource_id
            say = f"{loss.component or 'The path'} does not preserve security group references, so the rule"
            of = f"“{known.rule}” of {known.resource_id} does not match {what}: add a rule for its address"
            trace.blame(loss.code, at, f"{say} {of}.")
            return
    if not any(rules.values()):
        trace.blame(
            "SG_HAS_NO_RULES", named, f"Security group {named} has no {way} rules: add one for {what}."
        )
        return
    trace.blame(
        "ENI_SG_RULES_MISMATCH", named, f"No {way} rule of security group {named} allows {what}: add one."
    )


def check_acl(
    estate: Estate,
    trace: Trace,
    eni: Eni,
    direction: Direction,
    packet: Packet,
    neighbour: SubnetId | None,
) -> None:
    """Evaluate the network ACL of an interface's subnet.

    `neighbour` is the subnet at the other side of this hop: inside one subnet no ACL applies. A response
    passes if one of the client's possible ports is allowed.
    """
    acl = estate.acl(eni.subnet_id)
    if acl is None:
        note_acl(trace.connection, eni.subnet_id)
    if acl is None or neighbour == eni.subnet_id:
        return
    packet = _seen(trace, direction, packet)
    if trace.leg == "response" and packet.protocol in (TCP, UDP):
        allowed = _allowed_ports(acl, direction, packet, trace.ports)
        if allowed:
            trace.ports = allowed
            decision = network_acls.decide(acl, direction, replace(packet, dstport=allowed[0]))
            trace.step(
                acl.network_acl_id, "network-acl", f"{_WAYS[direction]} rule “{decision.rule}” allows it"
            )
            return
        packet = replace(packet, dstport=TYPICAL_PORT)
    decision = network_acls.decide(acl, direction, packet)
    if decision.allowed:
        trace.step(acl.network_acl_id, "network-acl", f"{_WAYS[direction]} rule “{decision.rule}” allows it")
        return
    trace.pause(eni, packet, direction)
    number = int(decision.rule_id) if decision.rule_id.isdigit() else LAST_ACL_RULE
    rule = number if number < LAST_ACL_RULE else None
    what, way = _traffic(packet, direction), _WAYS[direction]
    at = acl.network_acl_id
    shown = f"The {way} rule “{decision.rule}” of network ACL {at} denies {what}: allow it before that rule."
    trace.blame("SUBNET_ACL_RESTRICTION", at, shown, rule)


def _seen(trace: Trace, direction: Direction, packet: Packet) -> Packet:
    """Return the packet with the client's address if a load balancer preserves it."""
    if trace.client and trace.leg == "request" and direction == "ingress":
        return packet.sent_from(trace.client)
    if trace.client and trace.leg == "response" and direction == "egress":
        return packet.sent_to(trace.client)
    return packet


def _allowed_ports(
    acl: OrderedAcl, direction: Direction, packet: Packet, ports: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the ports that an ACL allows. Most ACLs have one rule for all of them."""
    number = number_of(packet.srcaddr if direction == "ingress" else packet.dstaddr)
    for entry in acl.ingress if direction == "ingress" else acl.egress:
        if number in entry.cidr and entry.protocol in (ANY, packet.protocol):
            is_whole = entry.protocol == ANY or (
                entry.from_port <= min(ports) and max(ports) <= entry.to_port
            )
            if is_whole:
                return ports if entry.allows else ()
            break
    return tuple(
        port for port in ports if network_acls.decide(acl, direction, replace(packet, dstport=port)).allowed
    )


def _traffic(packet: Packet, direction: Direction) -> str:
    names = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
    name = names.get(packet.protocol, f"protocol {packet.protocol}")
    port = f" port {packet.dstport}" if packet.protocol in (TCP, UDP) else ""
    side = f"from {packet.srcaddr}" if direction == "ingress" else f"to {packet.dstaddr}"
    return f"{name}{port} {side}"


def not_preserved(component: str = "") -> Loss:
    """Return the loss of group references at an appliance, a translation, or another Region."""
    return Loss("SG_REFERENCES_NOT_PRESERVED", component)
