"""The conditions of internet gateways: public sources, symmetric routing, Block Public Access. Pure."""

from __future__ import annotations

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.trace.findings import Trace
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId
from connectors.vpc.packets import Direction, Packet
from connectors.vpc.path.checkpoints import internet_block
from connectors.vpc.rules import internet


def with_public_source(estate: Estate, trace: Trace, eni: Eni, gateway_id: str, packet: Packet) -> Packet:
    """Translate the source as the internet gateway does.

    An appliance with a public address is taken for a NAT instance if the source itself has none: VPC
    guide, "NAT instances".
    """
    source = estate.eni_at(eni.vpc_id, number_of(packet.srcaddr))
    public = dict(source.public_ips).get(packet.srcaddr) if source else None
    if public is not None:
        return packet.sent_from(public)
    if trace.leg == "response":
        return packet
    is_appliance = source is None or source.interface_id != eni.interface_id
    if is_appliance and eni.public_ips and eni.interface_id not in estate.nat_of_eni:
        trace.connection.translated[eni.interface_id] = packet.srcaddr
        trace.connection.translate()
        return packet.sent_from(eni.public_ips[0][1])
    nat = estate.nat_of_eni.get((source or eni).interface_id)
    at = nat.nat_gateway_id if nat else trace.named(eni if is_appliance else source or eni)
    say = f"{at} has no public IPv4 address for {gateway_id}: associate an Elastic IP address."
    trace.blame("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", at, say)
    return packet


def check_redirection(estate: Estate, trace: Trace, eni: Eni, gateway_id: str, packet: Packet) -> None:
    """Check that a subnet whose inbound traffic passes a middlebox does not bypass it.

    VPC guide, "Gateway route tables": asymmetric routing is not supported.
    """
    edge = estate.edge_routing(gateway_id)
    route = edge.lookup(number_of(packet.srcaddr)) if edge else None
    if not route or not route.target.startswith(("eni-", "vpce-")):
        return
    endpoint = estate.endpoints.get(route.target)
    middleboxes = endpoint.interface_ids if endpoint else (EniId(route.target),)
    table = estate.routing(eni.subnet_id)
    if eni.interface_id not in middleboxes and table:
        say = (
            f"Inbound traffic passes {route.target}, but {table.route_table_id} sends outbound traffic "
            f"directly to {gateway_id}: route it to {route.target}."
        )
        trace.blame("INGRESS_RTB_TRAFFIC_REDIRECTION", table.route_table_id, say)


def check_block(estate: Estate, trace: Trace, eni: Eni, gateway_id: str, direction: Direction) -> None:
    """Check VPC Block Public Access at an interface that uses an internet or egress-only gateway."""
    if internet_block(estate, eni, direction, trace.leg, gateway_id):
        say = f"VPC Block Public Access stops traffic of {eni.vpc_id} with {gateway_id}: add an exclusion."
        trace.blame("VPC_BLOCK_PUBLIC_ACCESS_ENABLED", eni.vpc_id, say)


def rfc_of(number: int) -> str:
    """Return the RFC that reserves a private address, as the codes name it."""
    return "RFC6598" if any(number in block for block in internet.RFC6598) else "RFC1918"


def detached_gateway(estate: Estate, eni: Eni) -> str:
    """Return the internet gateway in the route table of an interface, or an empty text."""
    table = estate.routing(eni.subnet_id)
    targets = (route.target for _, route in table.entries) if table else iter(())
    return next((target for target in targets if target.startswith("igw-")), "")


def endpoint_of(estate: Estate, eni: Eni) -> str:
    """Return the VPC endpoint to which an interface belongs, or the interface itself."""
    found = (one for one in estate.resources.endpoints if eni.interface_id in one.interface_ids)
    return next((one.endpoint_id for one in found), eni.interface_id)
