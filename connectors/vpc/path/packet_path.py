"""The path of one packet through the network, and the flow-log record of each interface on it.

On egress AWS evaluates the security groups, then the subnet's network ACL; on ingress the network ACL, then
the groups (`checkpoints`). A packet that is rejected on egress reaches no other interface. If routing loses
an accepted packet, its records stay ACCEPT: flow logs report groups, ACLs and Block Public Access only.

Invariant: a walk ends after `MAX_HOPS` interfaces, also if the routes form a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.decisions import Decision, Ending, PacketPath, PathOutcome, Record
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, TCP, UDP, Eni, EniId, SubnetId, TransitGatewayAttachment, VpcId
from connectors.vpc.packets import Direction, Leg, Packet
from connectors.vpc.path import hops
from connectors.vpc.path.checkpoints import Checkpoint, End, Memory, internet_block
from connectors.vpc.path.hops import Hop
from connectors.vpc.path.recording import ObservationPoint, recorded, refusal_of
from connectors.vpc.rules import internet, unlogged

MAX_HOPS = 16
"""The number of interfaces on a path from which on the routes are taken to form a loop."""


@dataclass(slots=True)
class Walk:
    """The walk of one packet. Call `from_interface` or `from_outside` once.

    In the methods, `sender` is the interface that sent the packet if rules that refer to groups still apply
    to it, else None.
    """

    estate: Estate
    leg: Leg
    memory: Memory
    is_mirrored: bool = False
    records: list[Record] = field(default_factory=list)
    entered: int = 0

    def from_interface(self, eni: Eni, packet: Packet) -> PacketPath:
        """Send the packet from an interface."""
        why = unlogged.reason(packet, self.estate.reserved.get(eni.vpc_id, {}))
        if why:
            return self._path(_ended("unlogged", eni.interface_id, why))
        if not eni.is_running:
            return self._path(_ended("lost", eni.interface_id, f"{eni.instance_id} is not running"))
        if eni.source_dest_check and packet.srcaddr not in eni.addresses:
            # AWS does not document it; we assume that the check drops packets before they are logged.
            why = f"{eni.interface_id} checks sources and this one is not its own"
            return self._path(_ended("lost", eni.interface_id, why))
        return self._path(self._leave(eni, packet, eni))

    def from_outside(self, gateway_id: str, vpc_id: VpcId | None, packet: Packet) -> PacketPath:
        """Admit the packet by a gateway or a transit gateway attachment. An empty id is the internet."""
        attachment = self.estate.attachments.get(gateway_id)
        if attachment:
            return self._path(self._through_transit(attachment, packet, None, ""))
        if gateway_id.startswith("igw-") or not gateway_id:
            return self._path(self._from_internet(packet))
        why = unlogged.reason(packet, self.estate.reserved.get(vpc_id or "", {}))
        if why:
            return self._path(_ended("unlogged", gateway_id, why))
        return self._path(self._from_gateway(gateway_id, vpc_id or "", packet))

    def _path(self, outcome: PathOutcome) -> PacketPath:
        return PacketPath(tuple(self.records), outcome)

    def _leave(self, eni: Eni, packet: Packet, sender: Eni | None) -> PathOutcome:
        hop = hops.from_subnet(self.estate, eni, packet.dstaddr, packet.protocol)
        is_neighbour = hop.way == "interface" and hop.eni is not None
        neighbour = hop.eni.subnet_id if is_neighbour and hop.eni else eni.subnet_id if hop.stays else None
        is_told_apart = hop.path in (hops.SAME_VPC, hops.PEERED) and not hop.is_detour
        checkpoint = Checkpoint(self.estate, self.memory, self.leg, eni, "egress")
        decisions = checkpoint.ask(packet, hop.eni if is_told_apart else None, neighbour)
        if hop.way in ("internet", "egress-only") and not refusal_of(decisions):
            decisions = self._blocked(eni, "egress", hop.target, decisions)
        self._note(eni, "egress", packet, decisions, hop, self._next(eni, hop))
        refusal = refusal_of(decisions)
        return _rejected(eni, refusal) if refusal else self._follow(eni, hop, packet, sender)

    def _follow(self, eni: Eni, hop: Hop, packet: Packet, sender: Eni | None) -> PathOutcome:
        if hop.eni and hop.way == "interface":
            return self._enter(hop.eni, packet, sender, eni)
        if hop.eni and hop.way == "peering":
            # Rules cannot refer to a group across Regions: Peering guide, “Update your security groups”.
            is_near = hop.path == hops.PEERED
            return self._enter(hop.eni, packet, sender if is_near else None, eni if is_near else None)
        if hop.way == "transit":
            return self._to_transit(eni, hop.target, packet, sender)
        if hop.way == "internet":
            return self._to_internet(eni.vpc_id, hop.target, packet)
        if hop.way in ("outside", "egress-only"):
            return self._exit(hop.target, eni.vpc_id, packet)
        return _ended("lost", hop.target or eni.subnet_id, hop.why)

    def _enter(
        self, eni: Eni, packet: Packet, sender: Eni | None, last: Eni | None, by: str = ""
    ) -> PathOutcome:
        self.entered += 1
        if self.entered > MAX_HOPS:
            return _ended("lost", eni.interface_id, "the routes form a loop")
        if not eni.is_running:
            return _ended("lost", eni.interface_id, f"{eni.instance_id} is not running")
        neighbour: SubnetId | None = last.subnet_id if last else None
        checkpoint = Checkpoint(self.estate, self.memory, self.leg, eni, "ingress")
        decisions = self._blocked(eni, "ingress", by, ()) if by else ()
        decisions = decisions or checkpoint.ask(packet, sender, neighbour)
        self._note(eni, "ingress", packet, decisions, None, last)
        refusal = refusal_of(decisions)
        return _rejected(eni, refusal) if refusal else self._pass_on(eni, packet)

    def _pass_on(self, eni: Eni, packet: Packet) -> PathOutcome:
        """Deliver the packet to an interface, or forward it as a NAT gateway or an appliance does."""
        if eni.interface_id in self.estate.nat_of_eni:
            return self._translate(eni, packet)
        if packet.dstaddr in eni.addresses:
            self.memory.end = End(packet, eni)
            return _ended("delivered", eni.interface_id, f"it reached {eni.interface_id}")
        if eni.source_dest_check and eni.interface_type != "gateway_load_balancer_endpoint":
            why = f"{eni.interface_id} checks destinations and this one is not its own"
            return _ended("lost", eni.interface_id, why)
        return self._leave(eni, packet, None)

    def _translate(self, eni: Eni, packet: Packet) -> PathOutcome:
        nat_id = self.estate.nat_of_eni[eni.interface_id].nat_gateway_id
        if packet.protocol not in (TCP, UDP, ICMP):
            return _ended("lost", nat_id, f"{nat_id} translates TCP, UDP and ICMP only")
        if packet.dstaddr not in eni.addresses:
            if self.leg == "response":
                return _ended("lost", nat_id, f"{nat_id} never saw the connection that this answers")
            self.memory.translated[eni.interface_id] = packet.srcaddr
            return self._leave(eni, packet.sent_from(eni.private_ips[0]), None)
        client = self.memory.translated.get(eni.interface_id)
        if client is None or self.leg == "request":
            return _ended("lost", nat_id, f"{nat_id} drops what no connection from inside asked for")
        return self._leave(eni, packet.sent_to(client), None)

    def _to_internet(self, vpc_id: VpcId, gateway_id: str, packet: Packet) -> PathOutcome:
        """Translate the packet's source, whichever interface handed the packet over."""
        if not is_ipv6(packet.srcaddr):
            source = self.estate.eni_at(vpc_id, number_of(packet.srcaddr))
            public = dict(source.public_ips).get(packet.srcaddr) if source else None
            if public is None:
                return _ended("lost", gateway_id, "the packet's source has no public address")
            packet = packet.sent_from(public)
        number = number_of(packet.dstaddr)
        if internet.is_private(number):
            return _ended("lost", gateway_id, f"{gateway_id} carries nothing to private addresses")
        if self.estate.public(number):
            return self._from_internet(packet)
        return self._exit(gateway_id, vpc_id, packet)

    def _from_internet(self, packet: Packet) -> PathOutcome:
        if internet.is_private(number_of(packet.srcaddr)):
            return _ended("lost", "internet", "nothing comes from the internet with a private source")
        found = self.estate.public(number_of(packet.dstaddr))
        if found is None:
            return _ended("lost", "internet", "no interface has the public address")
        eni, address = found
        gateway_id = self.estate.internet_gateway(eni.vpc_id)
        if not gateway_id:
            return _ended("lost", eni.vpc_id, f"{eni.vpc_id} has no internet gateway")
        if is_ipv6(packet.srcaddr):
            back = hops.from_subnet(self.estate, eni, packet.srcaddr, packet.protocol)
            if back.way == "egress-only":
                return _ended("lost", back.target, f"{back.target} lets nothing in that was not asked for")
        return self._from_gateway(gateway_id, eni.vpc_id, packet.sent_to(address))

    def _from_gateway(self, gateway_id: str, vpc_id: str, packet: Packet) -> PathOutcome:
        hop = hops.from_gateway(self.estate, gateway_id, vpc_id, packet.dstaddr)
        if hop.eni is None:
            return _ended("lost", hop.target or vpc_id, hop.why)
        by = gateway_id if gateway_id.startswith(("igw-", "eigw-")) else ""
        return self._enter(hop.eni, packet, None, None, by)

    def _to_transit(self, eni: Eni, gateway_id: str, packet: Packet, sender: Eni | None) -> PathOutcome:
        self.entered += 1
        if self.entered > MAX_HOPS:
            return _ended("lost", gateway_id, "the routes form a loop")
        attachment = self.estate.attachment(gateway_id, eni.vpc_id)
        is_there = gateway_id in self.estate.transit_gateways
        if attachment is None or not attachment.is_available or not is_there:
            return _ended("lost", gateway_id, f"{eni.vpc_id} is not attached to {gateway_id} (a black hole)")
        zone = self._zone(eni.subnet_id)
        inside = self._subnet_in(attachment, zone)
        if inside is None:
            why = f"{attachment.attachment_id} has no subnet in the sender's Availability Zone"
            return _ended("lost", attachment.attachment_id, why)
        door = self._door(attachment, inside, eni.vpc_id)
        # The ACL applies towards the gateway even in one subnet: Transit Gateway guide, “Network ACLs”.
        decisions = Checkpoint(self.estate, self.memory, self.leg, door, "ingress").ask(packet, None, None)
        self._note(door, "ingress", packet, decisions, None, eni)
        refusal = refusal_of(decisions)
        return (
            _rejected(door, refusal) if refusal else self._through_transit(attachment, packet, sender, zone)
        )

    def _through_transit(
        self, attachment: TransitGatewayAttachment, packet: Packet, sender: Eni | None, zone: str
    ) -> PathOutcome:
        gateway = self.estate.transit_gateways.get(attachment.transit_gateway_id)
        table = self.estate.attachment_routing(attachment)
        if table is None:
            why = f"{attachment.attachment_id} is associated with no transit gateway route table"
            return _ended("lost", attachment.attachment_id, why)
        table_id, route = table.route_table_id, table.lookup(number_of(packet.dstaddr))
        if route and not route.target and not route.is_blackhole:
            why = f"where “{route.text}” of {table_id} leads is not described"
            return _ended("unknown", table_id, why)
        to = self.estate.attachments.get(route.target) if route else None
        if to is None or not to.is_available or route is None or route.is_blackhole:
            what = f"sends it into a black hole by “{route.text}”" if route else "has no route for it"
            return _ended("lost", table_id, f"transit gateway route table {table_id} {what}")
        if to.resource_type != "vpc":
            return self._exit(to.attachment_id, None, packet)
        if not to.subnets:
            return _ended("lost", to.attachment_id, f"{to.attachment_id} is in no subnet")
        # Without appliance mode the packet stays in its zone if the attachment has a subnet there: the
        # example of the VPC guide, “Traffic through a transit gateway”.
        out = self._subnet_in(to, zone) or min(to.subnets)
        knows = gateway is not None and gateway.references_groups
        keeps = knows and attachment.references_groups and to.references_groups
        return self._leave(self._door(to, out, to.resource_id), packet, sender if keeps else None)

    def _door(self, attachment: TransitGatewayAttachment, subnet_id: SubnetId, vpc_id: str) -> Eni:
        """Return the attachment's interface; if none is described, one without an id, which is not logged."""
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

    def _exit(self, gateway_id: str, vpc_id: VpcId | None, packet: Packet) -> PathOutcome:
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
        """Record the packet at an interface, unless AWS does not log it there."""
        is_copy, self.is_mirrored = self.is_mirrored, False  # a mirrored packet is not logged at its source
        at = ObservationPoint(self.leg, eni, direction, other)
        if not is_copy and at.is_logged:
            self.records.append(recorded(at, packet, decisions, hop))


def _rejected(eni: Eni, refusal: Decision) -> PathOutcome:
    return PathOutcome("rejected", eni.interface_id or eni.subnet_id, refusal.sentence)


def _ended(ending: Ending, resource_id: str, why: str) -> PathOutcome:
    return PathOutcome(ending, resource_id, f"{ending.capitalize()}: {why}.")
