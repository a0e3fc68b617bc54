"""What a network ACL says of a packet that enters or leaves a subnet: the first entry that fits, by number.

Nothing is remembered: an answer is judged like any other packet, by the port it goes to, which is why the
ephemeral ports matter. VPC guide, “Network ACL basics”.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import number_of
from connectors.vpc.decisions import Decision
from connectors.vpc.network import ANY, ICMP, ICMPV6, TCP, UDP, NetworkAcl, NetworkAclEntry
from connectors.vpc.packets import Direction, Packet


@dataclass(frozen=True, slots=True)
class OrderedAcl:
    """An ACL's entries by number, each way apart."""

    network_acl_id: str
    ingress: tuple[NetworkAclEntry, ...]
    egress: tuple[NetworkAclEntry, ...]


def ordered(acl: NetworkAcl) -> OrderedAcl:
    """Return the ACL in the order in which AWS looks at it."""
    entries = sorted(acl.entries, key=lambda entry: (entry.number, entry.cidr))
    return OrderedAcl(
        acl.network_acl_id,
        tuple(entry for entry in entries if not entry.is_egress),
        tuple(entry for entry in entries if entry.is_egress),
    )


def decide(acl: OrderedAcl, direction: Direction, packet: Packet) -> Decision:
    """Return what the ACL says; a packet that no entry fits is denied, as by the rule `*`."""
    number = number_of(packet.srcaddr if direction == "ingress" else packet.dstaddr)
    for entry in acl.ingress if direction == "ingress" else acl.egress:
        if number in entry.cidr and _fits(entry, packet):
            shown = entry.text
            rule_id = shown.partition(" ")[0]
            return Decision("network ACL", acl.network_acl_id, direction, entry.allows, shown, rule_id)
    return Decision("network ACL", acl.network_acl_id, direction, False, "* deny all", "*")


def _fits(entry: NetworkAclEntry, packet: Packet) -> bool:
    if entry.protocol == ANY:
        return True
    if entry.protocol != packet.protocol:
        return False
    if packet.protocol in (TCP, UDP):
        return entry.from_port <= packet.dstport <= entry.to_port
    if packet.protocol in (ICMP, ICMPV6):
        is_type = entry.icmp_type in (ANY, packet.icmp_type)
        return is_type and entry.icmp_code in (ANY, packet.icmp_code)
    return True
