"""One packet's way through the network, and what every interface on it records.

At each interface the order is AWS's: out through the security groups, then the subnet's network ACL; in
through the network ACL, then the groups (`checkpoints`). A refusal on the way out is recorded there and
nothing arrives. An accepted packet that routing loses stays an ACCEPT: flow logs know groups, ACLs and Block
Public Access only.

What must hold: a walk ends after `MAX_HOPS` interfaces, whatever the routes say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.decisions import Decision, Ending, Outcome, Passage, Record
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, TCP, UDP, Eni, EniId, SubnetId, TransitGatewayAttachment, VpcId
from connectors.vpc.packets import Direction, Leg, Packet
from connectors.vpc.path import hops
from connectors.vpc.path.checkpoints import Checkpoint, End, Memory, internet_block
from connectors.vpc.path.hops import Hop
from connectors.vpc.rules import unlogged

MAX_HOPS = 16
"""More interfaces in a row than any sane path has; then the routes form a loop."""

_HIDDEN_SENDERS = {"transit_gateway", "network_load_balancer"}  # no next hop on ingress (VPC guide)
_UNLOGGED_PAIR = {"vpc_endpoint", "network_load_balancer"}  # not logged: VPC guide, "Flow log limitations"


@dataclass(slots=True)
class Walk:
    """A packet under way. One walk serves one packet: `from_interface` or `from_outside`, once.

    `sender`, below, is the interface whose own packet this still is, as far as rules for groups can tell.
    """

    estate: Estate
    leg: Leg
    memory: Memory
    is_mirrored: bool = False
    records: list[Record] = field(default_factory=list)
    entered: int = 0

    def from_interface(self, eni: Eni, packet: Packet) -> Passage:
        """Send the packet from an interface."""
        why = unlogged.reason(packet, self.estate.reserved.get(eni.vpc_id, {}))
        if why:
            return self._passage(_ended("unlogged", eni.interface_id, why))
        if eni.source_dest_check and packet.srcaddr not in eni.addresses:
            # That nothing is recorded of what the check drops is our reading.
            why = f"{eni.interface_id} checks sources and this one is not its own"
            return self._passage(_ended("lost", eni.interface_id, why))
        return self._passage(self._leave(eni, packet, eni))

    def from_outside(self, gateway_id: str, vpc_id: VpcId | None, packet: Packet) -> Passage:
        """Let the packet in by a gateway or transit gateway attachment; no gateway means the internet."""
        attachment = self.estate.attachments.get(gateway_id)
        if attachment:
            return self._passage(self._through_transit(attachment, packet, None, ""))
        if gateway_id.startswith("igw-") or not gateway_id:
            return self._passage(self._from_internet(packet))
        why = unlogged.reason(packet, self.estate.reserved.get(vpc_id or "", {}))
        if why:
            return self._passage(_ended("unlogged", gateway_id, why))
        return self._passage(self._from_gateway(gateway_id, vpc_id or "", packet))

    def _passage(self, outcome: Outcome) -> Passage:
        return Passage(tuple(self.records), outcome)

    def _leave(self, eni: Eni, packet: Packet, sender: Eni | None) -> Outcome:
        hop = hops.from_subnet(self.estate, eni, packet.dstaddr)
        is_neighbour = hop.way == "interface" and hop.eni is not None
        neighbour = hop.eni.subnet_id if is_neighbour and hop.eni else eni.subnet_id if hop.stays else None
        is_told_apart = hop.path in (hops.SAME_VPC, hops.PEERED) and not hop.is_detour
        checkpoint = Checkpoint(self.estate, self.memory, self.leg, eni, "egress")
        decisions = checkpoint.ask(packet, hop.eni if is_told_apart else None, neighbour)
        if hop.way in ("internet", "egress-only") and not _refusal(decisions):
            decisions = self._blocked(eni, "egress", hop.target, decisions)
        self._note(eni, "egress", packet, decisions, hop, self._next(eni, hop))
        refusal = _refusal(decisions)
        return _rejected(eni, refusal) if refusal else self._follow(eni, hop, packet, sender)

    def _follow(self, eni: Eni, hop: Hop, packet: Packet, sender: Eni | None) -> Outcome:
        if hop.eni and hop.way == "interface":
            return self._enter(hop.eni, packet, sender, eni)
        if hop.eni and hop.way == "peering":
            # Rules cannot refer to a group across Regions: Peering guide, “Update your security groups”.
            is_near = hop.path == hops.PEERED
            return self._enter(hop.eni, packet, sender if is_near else None, eni if is_near else None)
        if hop.way in ("transit", "internet"):
            go = self._to_transit if hop.way == "transit" else self._to_internet
            return go(eni, hop.target, packet, sender)
        if hop.way in ("outside", "egress-only"):
            return self._exit(hop.target, eni.vpc_id, packet)
        return _ended("lost", hop.target or eni.subnet_id, hop.why)

    def _enter(self, eni: Eni, packet: Packet, sender: Eni | None, last: Eni | None, by: str = "") -> Outcome:
        self.entered += 1
        if self.entered > MAX_HOPS:
            return _ended("lost", eni.interface_id, "the routes form a loop")
        neighbour: SubnetId | None = last.subnet_id if last else None
        checkpoint = Checkpoint(self.estate, self.memory, self.leg, eni, "ingress")
        decisions = self._blocked(eni, "ingress", by, ()) if by else ()
        decisions = decisions or checkpoint.ask(packet, sender, neighbour)
        self._note(eni, "ingress", packet, decisions, None, last)
        refusal = _refusal(decisions)
        if refusal:
            return _rejected(eni, refusal)
        if eni.interface_id in self.estate.nat_of_eni:
            return self._translate(eni, packet)
        if packet.dstaddr in eni.addresses:
            self.memory.end = End(packet, eni)
            return _ended("delivered", eni.interface_id, f"it reached {eni.interface_id}")
        if eni.source_dest_check and eni.interface_type != "gateway_load_balancer_endpoint":
            why = f"{eni.interface_id} checks destinations and this one is not its own"
            return _ended("lost", eni.interface_id, why)
        return self._leave(eni, packet, None)

    def _translate(self, eni: Eni, packet: Packet) -> Outcome:
        nat_id = self.estate.nat_of_eni[eni.interface_id].nat_gateway_id
        if packet.protocol not in (TCP, UDP, ICMP):
            return _ended("lost", nat_id, f"{nat_id} translates TCP, UDP and ICMP only")
        if packet.dstaddr not in eni.addresses:
            self.memory.translated[eni.interface_id] = packet.srcaddr
            return self._leave(eni, packet.sent_from(eni.private_ips[0]), None)
        client = self.memory.translated.get(eni.interface_id)
        if client is None or self.leg == "request":
            return _ended("lost", nat_id, f"{nat_id} drops what no connection from inside asked for")
        return self._leave(eni, packet.sent_to(client), None)

    def _to_internet(self, eni: Eni, gateway_id: str, packet: Packet, _: Eni | None) -> Outcome:
        gateway = self.estate.gateways.get(gateway_id)
        if gateway is None or gateway.vpc_id != eni.vpc_id:
            return _ended("lost", gateway_id, f"{gateway_id} is not attached to {eni.vpc_id} (a black hole)")
        if not is_ipv6(packet.srcaddr):
            public = dict(eni.public_ips).get(packet.srcaddr)
            if public is None:
                return _ended("lost", gateway_id, f"{eni.interface_id} has no public address")
            packet = packet.sent_from(public)
        if self.estate.public(number_of(packet.dstaddr)):
            return self._from_internet(packet)
        return self._exit(gateway_id, eni.vpc_id, packet)

    def _from_internet(self, packet: Packet) -> Outcome:
        found = self.estate.public(number_of(packet.dstaddr))
        if found is None:
            return _ended("lost", "internet", "no interface has the public address")
        eni, address = found
        gateway_id = self.estate.internet_gateway(eni.vpc_id)
        if not gateway_id:
            return _ended("lost", eni.vpc_id, f"{eni.vpc_id} has no internet gateway")
        back = hops.from_subnet(self.estate, eni, packet.srcaddr) if is_ipv6(packet.srcaddr) else None
        if back and back.way == "egress-only":
            return _ended("lost", back.target, f"{back.target} lets nothing in that was not asked for")
        return self._from_gateway(gateway_id, eni.vpc_id, packet.sent_to(address))

    def _from_gateway(self, gateway_id: str, vpc_id: str, packet: Packet) -> Outcome:
        hop = hops.from_gateway(self.estate, gateway_id, vpc_id, packet.dstaddr)
        if hop.eni is None:
            return _ended("lost", hop.target or vpc_id, hop.why)
        by = gateway_id if gateway_id.startswith(("igw-", "eigw-")) else ""
        return self._enter(hop.eni, packet, None, None, by)

    def _to_transit(self, eni: Eni, gateway_id: str, packet: Packet, sender: Eni | None) -> Outcome:
        attachment = self.estate.attachment(gateway_id, eni.vpc_id)
        if attachment is None or not attachment.is_available:
            return _ended("lost", gateway_id, f"{eni.vpc_id} is not attached to {gateway_id} (a black hole)")
        zone = self._zone(eni.subnet_id)
        inside = self._subnet_in(attachment, zone)
        if inside is None:
            why = f"{attachment.attachment_id} has no subnet in the sender's Availability Zone"
            return _ended("lost", attachment.attachment_id, why)
        door = self._door(attachment, inside, eni.vpc_id)
        # Even in one subnet, both ways are asked towards the gateway: Transit Gateway guide, “Network ACLs”.
        decisions = Checkpoint(self.estate, self.memory, self.leg, door, "ingress").ask(packet, None, None)
        self._note(door, "ingress", packet, decisions, None, eni)
        refusal = _refusal(decisions)
        return (
            _rejected(door, refusal) if refusal else self._through_transit(attachment, packet, sender, zone)
        )

    def _through_transit(
        self, attachment: TransitGatewayAttachment, packet: Packet, sender: Eni | None, zone: str
    ) -> Outcome:
        gateway = self.estate.transit_gateways.get(attachment.transit_gateway_id)
        table = self.estate.attachment_routing(attachment)
        route = table.lookup(number_of(packet.dstaddr)) if table else None
        to = self.estate.attachments.get(route.target) if route else None
        if to is None or not to.is_available or not (table and route):
            what = (
                f"sends it into a black hole by “{route.text}”"
                if route
                else "has no route for the destination"
            )
            table_id = table.route_table_id if table else attachment.attachment_id
            return _ended("lost", table_id, f"transit gateway route table {table_id} {what}")
        if to.resource_type != "vpc":
            return self._exit(to.attachment_id, None, packet)
        if not to.subnets:
            return _ended("lost", to.attachment_id, f"{to.attachment_id} is in no subnet")
        # Out by the zone it came in by, where there is a choice (appliance mode off): as in the example of
        # the VPC guide, “Traffic through a transit gateway”.
        out = self._subnet_in(to, zone) or min(to.subnets)
        knows = gateway is not None and gateway.references_groups
        keeps = knows and attachment.references_groups and to.references_groups
        return self._leave(self._door(to, out, to.resource_id), packet, sender if keeps else None)

    def _door(self, attachment: TransitGatewayAttachment, subnet_id: SubnetId, vpc_id: str) -> Eni:
        """Return the attachment's interface; one without an id, never recorded, when none is described."""
        described = self.estate.attachment_eni(attachment, subnet_id)
        return described or Eni(EniId(""), subnet_id, VpcId(vpc_id), interface_type="transit_gateway")

    def _subnet_in(self, attachment: TransitGatewayAttachment, zone: str) -> SubnetId | None:
        return next((one for one in attachment.subnets if self._zone(one) == zone), None)

    def _zone(self, subnet_id: SubnetId) -> str:
        subnet = self.estate.subnets.get(subnet_id)
        return (subnet.zone_id or subnet.zone) if subnet else ""

    def _next(self, eni: Eni, hop: Hop) -> Eni | None:
        """Return the interface for the field `next-hop-interface-id`; None for a hop to another Region."""
        attachment = self.estate.attachment(hop.target, eni.vpc_id) if hop.way == "transit" else None
        inside = self._subnet_in(attachment, self._zone(eni.subnet_id)) if attachment else None
        if attachment and inside:
            return self._door(attachment, inside, eni.vpc_id)
        return None if hop.path == hops.PEERED_FAR else hop.eni

    def _exit(self, gateway_id: str, vpc_id: VpcId | None, packet: Packet) -> Outcome:
        self.memory.end = End(packet, None, gateway_id, vpc_id)
        return _ended("left", gateway_id, f"it left by {gateway_id}")

    def _blocked(
        self, eni: Eni, direction: Direction, by: str, decisions: tuple[Decision, ...]
    ) -> tuple[Decision, ...]:
        block = internet_block(self.estate, eni, direction, self.leg, by)
        return (*decisions, block) if block else decisions

    def _note(
        self,
        eni: Eni,
        direction: Direction,
        packet: Packet,
        decisions: tuple[Decision, ...],
        hop: Hop | None,
        other: Eni | None,
    ) -> None:
        is_copy, self.is_mirrored = self.is_mirrored, False  # the first note is the source's, not logged
        is_pair = other is not None and {eni.interface_type, other.interface_type} == _UNLOGGED_PAIR
        if is_copy or is_pair or not eni.interface_id:
            return
        refusal = _refusal(decisions)
        is_told = other is not None and (direction == "egress" or other.interface_type not in _HIDDEN_SENDERS)
        own = _shown(eni, packet.srcaddr if direction == "egress" else packet.dstaddr)
        self.records.append(
            Record(
                leg=self.leg,
                interface_id=eni.interface_id,
                flow_direction=direction,
                action="REJECT" if refusal else "ACCEPT",
                srcaddr=own if direction == "egress" else packet.srcaddr,
                dstaddr=packet.dstaddr if direction == "egress" else own,
                srcport=packet.srcport,
                dstport=packet.dstport,
                protocol=packet.protocol,
                pkt_srcaddr=packet.srcaddr,
                pkt_dstaddr=packet.dstaddr,
                traffic_path=hop.path if hop else None,
                reject_reason="BPA" if refusal and refusal.decider == "VPC Block Public Access" else None,
                next_hop_interface_id=(other.interface_id or None) if other and is_told else None,
                route=hop.route if hop else "",
                decisions=decisions,
            )
        )


def _shown(eni: Eni, address: str) -> str:
    """Return the ENI's side: its primary private IPv4, or the IPv6 address itself if the ENI has it."""
    if is_ipv6(address):
        return address if address in eni.ipv6_addresses else next(iter(eni.ipv6_addresses), address)
    return eni.private_ips[0] if eni.private_ips else address


def _refusal(decisions: tuple[Decision, ...]) -> Decision | None:
    return decisions[-1] if decisions and not decisions[-1].allowed else None


def _rejected(eni: Eni, refusal: Decision) -> Outcome:
    return Outcome("rejected", eni.interface_id or eni.subnet_id, refusal.sentence)


def _ended(ending: Ending, resource_id: str, why: str) -> Outcome:
    return Outcome(ending, resource_id, f"{ending.capitalize()}: {why}.")
