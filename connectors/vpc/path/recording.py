"""The flow-log record of a packet at one interface, with the fields as AWS fills them."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import is_ipv6
from connectors.vpc.decisions import Decision, Record
from connectors.vpc.network import Eni
from connectors.vpc.packets import Direction, Leg, Packet
from connectors.vpc.path.hops import Hop

_HIDDEN_SENDERS = {"transit_gateway", "network_load_balancer"}  # no next hop on ingress (VPC guide)
_UNLOGGED_PAIR = {"vpc_endpoint", "network_load_balancer"}  # not logged: VPC guide, "Flow log limitations"


@dataclass(frozen=True, slots=True)
class ObservationPoint:
    """An interface and a direction. `other` is the previous interface on ingress, the next one on egress."""

    leg: Leg
    eni: Eni
    direction: Direction
    other: Eni | None

    @property
    def is_logged(self) -> bool:
        """Return whether AWS writes a record here."""
        types = {self.eni.interface_type, self.other.interface_type} if self.other else set()
        return bool(self.eni.interface_id) and types != _UNLOGGED_PAIR


def recorded(
    at: ObservationPoint, packet: Packet, decisions: tuple[Decision, ...], hop: Hop | None
) -> Record:
    """Return the record of a packet at an interface. `hop` is the next hop on egress."""
    eni, other, refusal = at.eni, at.other, refusal_of(decisions)
    is_egress = at.direction == "egress"
    names_hop = other is not None and (is_egress or other.interface_type not in _HIDDEN_SENDERS)
    own = _shown(eni, packet.srcaddr if is_egress else packet.dstaddr)
    return Record(
        leg=at.leg,
        interface_id=eni.interface_id,
        flow_direction=at.direction,
        action="REJECT" if refusal else "ACCEPT",
        srcaddr=own if is_egress else packet.srcaddr,
        dstaddr=packet.dstaddr if is_egress else own,
        srcport=packet.srcport,
        dstport=packet.dstport,
        protocol=packet.protocol,
        pkt_srcaddr=packet.srcaddr,
        pkt_dstaddr=packet.dstaddr,
        traffic_path=hop.path if hop else None,
        reject_reason="BPA" if refusal and refusal.decider == "VPC Block Public Access" else None,
        next_hop_interface_id=(other.interface_id or None) if other and names_hop else None,
        route=hop.route if hop else "",
        decisions=decisions,
    )


def refusal_of(decisions: tuple[Decision, ...]) -> Decision | None:
    """Return the rejection among the decisions at one interface, which is the last one, or None."""
    return decisions[-1] if decisions and not decisions[-1].allowed else None


def _shown(eni: Eni, address: str) -> str:
    """Return the interface's side: its primary private IPv4 address, or its own IPv6 address."""
    if is_ipv6(address):
        return address if address in eni.ipv6_addresses else next(iter(eni.ipv6_addresses), address)
    return eni.private_ips[0] if eni.private_ips else address
