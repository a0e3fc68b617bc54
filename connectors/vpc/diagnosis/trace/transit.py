"""The path of a packet through a transit gateway: attachments, associations, routes, references. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.trace.filters import check_acl
from connectors.vpc.diagnosis.trace.findings import Loss, Trace, Undetermined
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId, Route, SubnetId, TransitGatewayAttachment, VpcId
from connectors.vpc.packets import Packet
from connectors.vpc.path.hops import Hop
from connectors.vpc.rules.routes import RoutingTable


@dataclass(frozen=True, slots=True)
class Carried:
    """The interface by which the packet leaves the transit gateway, and the loss of group references."""

    eni: Eni
    loss: Loss | None


def carry(estate: Estate, trace: Trace, eni: Eni, hop: Hop, packet: Packet) -> Carried | str | None:
    """Take the packet through a transit gateway.

    Return the interface where it enters the next VPC, the id of the attachment by which it leaves the estate,
    or None if the path is lost.
    """
    attachment = estate.attachment(hop.target, eni.vpc_id)
    table_id = hop.route.partition(":")[0]
    if attachment is None or not attachment.is_available or hop.target not in estate.transit_gateways:
        say = (
            f"The route of {table_id} to {hop.target} is a black hole: {eni.vpc_id} has no attachment to it."
        )
        trace.lose("BAD_STATE_ROUTE", table_id, say)
        return None
    zone = _zone(estate, eni.subnet_id)
    inside = _subnet_in(estate, attachment, zone)
    if inside is None:
        at = attachment.attachment_id
        say = f"{at} has no subnet in the Availability Zone {zone} of {eni.subnet_id}: add one."
        trace.blame("TGW_ROUTE_AZ_RESTRICTION", at, say)
        inside = min(attachment.subnets, default=None)
    if inside is not None:
        door = _door(estate, attachment, inside, eni.vpc_id)
        trace.step(door.interface_id, "network-interface")
        check_acl(estate, trace, door, "ingress", packet, None)
    trace.step(attachment.attachment_id, "transit-gateway-attachment")
    trace.step(hop.target, "transit-gateway")
    return onward(estate, trace, attachment, zone, packet)


def onward(
    estate: Estate, trace: Trace, attachment: TransitGatewayAttachment, zone: str, packet: Packet
) -> Carried | str | None:
    """Take the packet from an attachment by the transit gateway's route table. Return as `carry` does."""
    table = estate.attachment_routing(attachment)
    if table is None:
        at = attachment.attachment_id
        say = f"{at} is associated with no transit gateway route table: associate one."
        trace.lose("TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION", at, say)
        return None
    trace.take(table, number_of(packet.dstaddr), is_transit=True)
    to = _target(estate, trace, table, packet)
    if to is None:
        return None
    trace.step(table.route_table_id, "transit-gateway-route-table")
    trace.step(to.attachment_id, "transit-gateway-attachment")
    if to.resource_type != "vpc":
        return to.attachment_id
    out = _subnet_in(estate, to, zone) or min(to.subnets, default=None)
    if out is None:
        trace.lose("BAD_STATE_ATTACHMENT", to.attachment_id, f"{to.attachment_id} has no subnet: add one.")
        return None
    door = _door(estate, to, out, to.resource_id)
    trace.step(door.interface_id, "network-interface")
    return Carried(door, reference_loss(estate, attachment, to))


def _target(
    estate: Estate, trace: Trace, table: RoutingTable, packet: Packet
) -> TransitGatewayAttachment | None:
    """Return the attachment to which the transit gateway's route table sends the packet."""
    number, at = number_of(packet.dstaddr), table.route_table_id
    fitting = [(block.length, route) for block, route in table.entries if number in block]
    if not fitting:
        say = (
            f"Transit gateway route table {at} has no route for {packet.dstaddr}: add one, or a propagation."
        )
        trace.lose("TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT", at, say)
        return None
    length, route = fitting[0]
    to = estate.attachments.get(route.target)
    if not route.target and not route.is_blackhole:
        raise Undetermined(f"the endpoint does not describe where the route “{route.text}” of {at} leads")
    if to is not None and to.is_available and not route.is_blackhole:
        return to
    say = f"Transit gateway route table {at} sends {packet.dstaddr} into a black hole by “{route.text}”"
    code = "TGW_RTB_BAD_STATE_ROUTE"
    hidden = next((one for one in fitting[1:] if _works(estate, one[1])), None)
    if hidden:
        code = "TGW_RTB_HIGHER_PRIORITY_ROUTE" if hidden[0] == length else "TGW_RTB_MORE_SPECIFIC_ROUTE"
        say += f", which precedes “{hidden[1].text}”"
    trace.lose(code, at, f"{say}: delete it.")
    return None


def _works(estate: Estate, route: Route) -> bool:
    to = estate.attachments.get(route.target)
    return not route.is_blackhole and to is not None and to.is_available


def reference_loss(
    estate: Estate, attachment: TransitGatewayAttachment, to: TransitGatewayAttachment
) -> Loss | None:
    """Return why references to groups are lost: Transit Gateway guide, "Security group referencing"."""
    for one in (attachment, to):
        if not one.references_groups:
            return Loss("SG_REFERENCING_SUPPORT", one.attachment_id)
    gateway = estate.transit_gateways.get(attachment.transit_gateway_id)
    if gateway is None or not gateway.references_groups:
        return Loss("SG_REFERENCING_SUPPORT", attachment.transit_gateway_id)
    return None


def _door(estate: Estate, attachment: TransitGatewayAttachment, subnet_id: SubnetId, vpc_id: str) -> Eni:
    described = estate.attachment_eni(attachment, subnet_id)
    return described or Eni(EniId(""), subnet_id, VpcId(vpc_id), interface_type="transit_gateway")


def _subnet_in(estate: Estate, attachment: TransitGatewayAttachment, zone: str) -> SubnetId | None:
    return next((one for one in attachment.subnets if _zone(estate, one) == zone), None)


def _zone(estate: Estate, subnet_id: SubnetId) -> str:
    subnet = estate.subnets.get(subnet_id)
    return (subnet.zone_id or subnet.zone) if subnet else ""
