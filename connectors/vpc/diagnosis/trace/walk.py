"""One direction of a connection, followed through the network, with every cause that stops it. Pure.

`path.packet_path` answers what AWS does with a packet and ends at the first rejection. This walk continues
behind a rejection as if it were repaired. If the path itself is lost (no route, a black hole), it ends.

Invariant: a walk ends after `MAX_HOPS` interfaces, also if the routes form a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.diagnosis.trace.filters import check_acl, check_groups, not_preserved
from connectors.vpc.diagnosis.trace.findings import Trace, Undetermined
from connectors.vpc.diagnosis.trace.gateways import (
    check_block,
    check_redirection,
    detached_gateway,
    endpoint_of,
    rfc_of,
    with_public_source,
)
from connectors.vpc.diagnosis.trace.hidden_routes import failed_route, precedence
from connectors.vpc.diagnosis.trace.public_hosts import is_public
from connectors.vpc.diagnosis.trace.states import check_state, is_attached
from connectors.vpc.diagnosis.trace.transit import Carried, carry, onward
from connectors.vpc.diagnosis.trace.unread import note_block, require, require_routes, require_table
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, TCP, UDP, Eni, VpcId
from connectors.vpc.packets import Packet
from connectors.vpc.path import hops
from connectors.vpc.path.checkpoints import End
from connectors.vpc.path.hops import Hop
from connectors.vpc.path.packet_path import MAX_HOPS
from connectors.vpc.rules import internet

KINDS = {
    "igw": "internet-gateway",
    "eigw": "egress-only-internet-gateway",
    "vgw": "virtual-private-gateway",
    "nat": "nat-gateway",
    "pcx": "vpc-peering-connection",
    "vpce": "vpc-endpoint",
    "tgw": "transit-gateway",
}

_PRIVATE_EXITS = ("vgw-", "tgw-attach-", "lgw-", "arn:")


@dataclass(slots=True)
class PacketTracer:
    """The walk of one packet. Call one of the `from_…` methods once; the findings are in `trace`.

    `table_id` is the last route table that forwarded the packet.
    """

    estate: Estate
    trace: Trace
    entered: int = 0
    table_id: str = ""

    def from_interface(self, eni: Eni, packet: Packet) -> None:
        """Send the packet from an interface."""
        self.trace.step(eni.interface_id, "network-interface")
        check_state(self.trace, eni)
        if eni.interface_type == "vpc_endpoint" and self.trace.leg == "request":
            say = f"{eni.interface_id} belongs to a VPC endpoint, which opens no connections."
            self.trace.blame("VPCE_INTRA_VPC_TRAFFIC", endpoint_of(self.estate, eni), say)
        if eni.source_dest_check and packet.srcaddr not in eni.addresses:
            say = f"{eni.interface_id} sends only from its own addresses, not from {packet.srcaddr}."
            self.trace.blame("ENI_ADDRESS_RESTRICTION", self.trace.named(eni), say)
        self._leave(eni, packet, eni)

    def from_gateway(self, gateway_id: str, vpc_id: str, packet: Packet) -> None:
        """Admit the packet to a VPC by a gateway; the destination is an address inside the VPC."""
        trace = self.trace
        trace.step(gateway_id, KINDS.get(gateway_id.partition("-")[0], "gateway"))
        hop = hops.from_gateway(self.estate, gateway_id, vpc_id, packet.dstaddr)
        if hop.eni is None:
            trace.lose(hop.code, hop.at, f"{_sentence(hop.why)}")
            return
        self._enter(hop.eni, packet, None, None, gateway_id)

    def from_internet(self, packet: Packet) -> None:
        """Admit the packet from the internet to the interface with the public destination address."""
        found = self.estate.public(number_of(packet.dstaddr))
        if found is None:
            say = f"No interface has the public address {packet.dstaddr}."
            self.trace.lose("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", packet.dstaddr, say)
            return
        eni, address = found
        self.to_vpc(eni, packet.sent_to(address))

    def to_vpc(self, eni: Eni, packet: Packet) -> None:
        """Admit the packet from the internet to an interface, by the internet gateway of its VPC."""
        trace, gateway_id = self.trace, self.estate.internet_gateway(eni.vpc_id)
        if not gateway_id:
            require(self.estate, "igw-")
            trace.pause(eni, packet)
            detached = detached_gateway(self.estate, eni)
            if detached:
                say = (
                    f"{detached}, to which the route table leads, is not attached to {eni.vpc_id}: attach it."
                )
                trace.lose("BAD_STATE_ATTACHMENT", detached, say)
                return
            say = f"{eni.vpc_id} has no internet gateway: attach one."
            trace.lose("NO_PATH", eni.vpc_id, say)
            return
        number = number_of(packet.srcaddr)
        if internet.is_private(number):
            code = f"IGW_SOURCE_ADDRESS_NOT_IN_{rfc_of(number)}_INGRESS"
            say = f"{gateway_id} accepts no packet from the private address {packet.srcaddr}."
            trace.lose(code, gateway_id, say)
            return
        trace.loss = trace.loss or not_preserved()
        self.from_gateway(gateway_id, eni.vpc_id, packet)

    def from_attachment(self, attachment_id: str, packet: Packet) -> None:
        """Admit the packet by a transit gateway attachment that leads out of the estate."""
        attachment = self.estate.attachments[attachment_id]
        found = onward(self.estate, self.trace, attachment, "", packet)
        if isinstance(found, Carried):
            self._leave(found.eni, packet, None)

    def arrive(self, eni: Eni, packet: Packet, sender: Eni | None) -> None:
        """Evaluate the arrival at the destination when the path to it is lost."""
        self._enter(eni, packet, sender, None)

    def _leave(self, eni: Eni, packet: Packet, sender: Eni | None) -> None:
        estate, trace = self.estate, self.trace
        trace.pause(eni, packet)
        hop = hops.from_subnet(estate, eni, packet.dstaddr, packet.protocol)
        self._require(eni, hop)
        is_neighbour = hop.way == "interface" and hop.eni is not None
        neighbour = hop.eni.subnet_id if is_neighbour and hop.eni else eni.subnet_id if hop.stays else None
        knows_peer = hop.path in (hops.SAME_VPC, hops.PEERED) and not hop.is_detour
        peer = hop.eni if knows_peer else trace.target if hop.way == "nowhere" else None
        check_groups(estate, trace, eni, "egress", packet, peer)
        check_acl(estate, trace, eni, "egress", packet, neighbour)
        if hop.way in ("internet", "egress-only"):
            check_block(estate, trace, eni, hop.target, "egress")
        trace.pause(eni, packet)
        if hop.route:
            self.table_id = hop.route.partition(":")[0]
            trace.step(self.table_id, "route-table", f"route “{hop.route.partition(': ')[2]}”")
            trace.take(estate.routing(eni.subnet_id), number_of(packet.dstaddr))
        self._follow(eni, hop, packet, sender)

    def _require(self, eni: Eni, hop: Hop) -> None:
        """Raise `Undetermined` if the next hop depends on what the caller may not read."""
        if hop.code == "NO_ROUTE_TO_DESTINATION":
            require_table(self.estate, eni.subnet_id)
            require_routes(self.estate, hop.at)
        if hop.way == "internet":
            note_block(self.trace.connection)
        require(self.estate, hop.target)

    def _follow(self, eni: Eni, hop: Hop, packet: Packet, sender: Eni | None) -> None:
        trace = self.trace
        if hop.way == "nowhere":
            trace.lose(*failed_route(self.estate, eni, hop, packet))
        elif hop.eni and hop.is_detour and not is_attached(trace, hop.eni):
            say = f"The route of {self.table_id} to {hop.target} is a black hole: attach it to an instance."
            trace.lose("BAD_STATE_ROUTE", self.table_id, say)
        elif hop.eni and hop.way == "interface":
            if hop.target != "local" and not hop.target.startswith("nat-"):
                trace.step(hop.target, KINDS.get(hop.target.partition("-")[0], "network-interface"))
            self._enter(hop.eni, packet, sender, eni)
        elif hop.eni and hop.way == "peering":
            trace.step(hop.target, "vpc-peering-connection")
            is_near = hop.path == hops.PEERED
            if not is_near:
                trace.loss = not_preserved(hop.target)
            self._enter(hop.eni, packet, sender if is_near else None, None)
        elif hop.way == "transit":
            self._to_transit(eni, hop, packet, sender)
        elif hop.way == "internet":
            self._to_internet(eni, hop.target, packet)
        elif hop.target.startswith("pcx-"):
            raise Undetermined(f"the VPC at the other end of {hop.target} is in another account or Region")
        else:
            trace.step(hop.target, KINDS.get(hop.target.partition("-")[0], "gateway"))
            self._exit(hop.target, eni.vpc_id, packet)

    def _enter(self, eni: Eni, packet: Packet, sender: Eni | None, last: Eni | None, by: str = "") -> None:
        estate, trace = self.estate, self.trace
        if self._is_loop(eni, packet):
            return
        trace.pause(eni, packet)
        trace.step(eni.interface_id, "network-interface")
        nat = estate.nat_of_eni.get(eni.interface_id)
        trace.step(nat.nat_gateway_id if nat else "", "nat-gateway")
        if eni.interface_type == "vpc_endpoint":
            trace.step(endpoint_of(self.estate, eni), "vpc-endpoint")
        check_state(trace, eni)
        if by.startswith(("igw-", "eigw-")):
            check_block(estate, trace, eni, by, "ingress")
        check_acl(estate, trace, eni, "ingress", packet, last.subnet_id if last else None)
        check_groups(estate, trace, eni, "ingress", packet, sender)
        if nat:
            self._translate(eni, packet)
        elif trace.leg == "response" and eni.interface_id in trace.connection.translated:
            self._leave(eni, packet.sent_to(trace.connection.translated[eni.interface_id]), None)
        elif packet.dstaddr in eni.addresses:
            trace.end = End(packet, eni)
        else:
            self._forward(eni, packet)

    def _is_loop(self, eni: Eni, packet: Packet) -> bool:
        """Count a hop. After `MAX_HOPS` of them, the path is lost."""
        self.entered += 1
        if self.entered <= MAX_HOPS:
            return False
        table = self.estate.routing(eni.subnet_id)
        at = table.route_table_id if table else eni.subnet_id
        self.trace.lose("NO_ROUTE_TO_DESTINATION", at, f"The routes of {at} form a loop to {packet.dstaddr}.")
        return True

    def _forward(self, eni: Eni, packet: Packet) -> None:
        """Forward the packet as an appliance does."""
        checked, mark = self.trace.connection.checked, f"forwarding {eni.interface_id}"
        is_checking = eni.source_dest_check and eni.interface_type != "gateway_load_balancer_endpoint"
        if is_checking and mark not in checked:
            checked.add(mark)
            say = f"{eni.interface_id} drops packets for other hosts: disable its source/destination check."
            self.trace.blame("ENI_SOURCE_DEST_CHECK_RESTRICTION", eni.interface_id, say)
        self.trace.loss = not_preserved()
        self._leave(eni, packet, None)

    def _translate(self, eni: Eni, packet: Packet) -> None:
        trace, nat = self.trace, self.estate.nat_of_eni[eni.interface_id]
        translated = trace.connection.translated
        if packet.protocol not in (TCP, UDP, ICMP):
            say = f"{nat.nat_gateway_id} translates TCP, UDP and ICMP over IPv4 only."
            trace.lose("PROTOCOL_RESTRICTION", nat.nat_gateway_id, say)
        elif packet.dstaddr not in eni.addresses and trace.leg == "response":
            say = f"{self.table_id} routes the response to {nat.nat_gateway_id}, which never saw the request"
            trace.lose("NO_ROUTE_TO_DESTINATION", self.table_id, f"{say}: route it back as the request came.")
        elif packet.dstaddr not in eni.addresses:
            translated[eni.interface_id] = packet.srcaddr
            trace.connection.translate()
            trace.loss = not_preserved()
            self._leave(eni, packet.sent_from(eni.private_ips[0]), None)
        elif trace.leg == "response" and eni.interface_id in translated:
            trace.ports = trace.connection.client_ports
            self._leave(eni, packet.sent_to(translated[eni.interface_id]), None)
        else:
            say = f"{nat.nat_gateway_id} accepts no connection from outside."
            trace.lose("NO_POSSIBLE_DESTINATION", nat.nat_gateway_id, say)

    def _to_internet(self, eni: Eni, gateway_id: str, packet: Packet) -> None:
        trace = self.trace
        check_redirection(self.estate, trace, eni, gateway_id, packet)
        if not is_ipv6(packet.srcaddr):
            packet = with_public_source(self.estate, trace, eni, gateway_id, packet)
        number = number_of(packet.dstaddr)
        if internet.is_private(number):
            found = precedence(self.estate, eni, packet)
            if found:
                trace.lose(found.code, found.table_id, found.sentence)
                return
            code = f"IGW_DESTINATION_ADDRESS_NOT_IN_{rfc_of(number)}_EGRESS"
            say = f"{gateway_id} carries nothing to the private address {packet.dstaddr}: add a route to it."
            trace.lose(code, gateway_id, say)
            return
        trace.step(gateway_id, "internet-gateway")
        if self.estate.public(number):
            trace.loss = not_preserved()
            self.from_internet(packet)
            return
        self._exit(gateway_id, eni.vpc_id, packet)

    def _to_transit(self, eni: Eni, hop: Hop, packet: Packet, sender: Eni | None) -> None:
        if self._is_loop(eni, packet):
            return
        found = carry(self.estate, self.trace, eni, hop, packet)
        if isinstance(found, Carried):
            self.trace.loss = self.trace.loss or found.loss
            self._leave(found.eni, packet, None if found.loss else sender)
        elif found:
            self._exit(found, None, packet)

    def _exit(self, gateway_id: str, vpc_id: VpcId | None, packet: Packet) -> None:
        if gateway_id.startswith(("igw-", "eigw-")):
            self.trace.step("internet", "internet")
        elif gateway_id.startswith(_PRIVATE_EXITS) and is_public(number_of(packet.dstaddr)):
            raise Undetermined(
                f"the packet to {packet.dstaddr} leaves by {gateway_id}, whose other side is not described"
            )
        self.trace.end = End(packet, None, gateway_id, vpc_id)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
