"""The decision of a network ACL on a packet that enters or leaves a subnet: the first match by rule number.

Network ACLs are stateless. They evaluate an answer by its own destination port, which is an ephemeral port.
VPC guide, “Network ACL basics”.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import number_of
from connectors.vpc.decisions import Decision
from connectors.vpc.network import ANY, ICMP, ICMPV6, TCP, UDP, NetworkAcl, NetworkAclEntry
from connectors.vpc.packets import Direction, Packet


@dataclass(frozen=True, slots=True)
class OrderedAcl:
    """The entries of an ACL by number, for each direction."""

    network_acl_id: str
    ingress: tuple[NetworkAclEntry, ...]
    egress: tuple[NetworkAclEntry, ...]


def ordered(acl: NetworkAcl) -> OrderedAcl:
    """Return the ACL in evaluation order."""
    entries = sorted(acl.entries, key=lambda entry: (entry.number, entry.cidr))
    return OrderedAcl(
        acl.network_acl_id,
        tuple(entry for entry in entries if not entry.is_egress),
        tuple(entry for entry in entries if entry.is_egress),
    )


def decide(acl: OrderedAcl, direction: Direction, packet: Packet) -> Decision:
    """Return the ACL's decision. The rule `*` denies a packet that no entry matches."""
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
