"""Both directions of one connection between two interfaces, or an interface and the internet. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.diagnosis.trace.attempt import Attempt, AttemptFindings, is_service
from connectors.vpc.diagnosis.trace.filters import not_preserved
from connectors.vpc.diagnosis.trace.findings import (
    FIRST_PORT_OF_HOSTS,
    FIRST_PORT_OF_SERVICES,
    Cause,
    PathComponent,
    Trace,
    TracedConnection,
    Undetermined,
)
from connectors.vpc.diagnosis.trace.joins import are_connected, peerings_between, transit_between
from connectors.vpc.diagnosis.trace.public_hosts import is_outside
from connectors.vpc.diagnosis.trace.walk import PacketTracer
from connectors.vpc.diagnosis.trace.what_if import misleading_route
from connectors.vpc.estate import Estate
from connectors.vpc.packets import Packet
from connectors.vpc.path.checkpoints import End

_SERVICE_KINDS = frozenset({"load-balancer", "function"})
_KEPT_ROUTES = ("BAD_STATE", "PCX_", "TGW_", "MORE_", "HIGHER_", "INGRESS_", "VPCE_")


def examine(
    estate: Estate, attempt: Attempt, aliases: Mapping[str, PathComponent], *, explains: bool = True
) -> AttemptFindings:
    """Follow a connection in both directions. `explains`: look for a route that misleads the packet.

    Raises `Undetermined` if the path leads where nothing is described, unless a cause is known before.
    """
    first_port = _first_port(attempt, aliases)
    connection = TracedConnection(estate, aliases=dict(aliases), first_port=first_port, explains=explains)
    is_private = not is_outside(estate, attempt.dstaddr)
    forward = Trace(connection, "request", attempt.source, attempt.destination if is_private else None)
    forward.client, forward.client_eni = attempt.client, attempt.client_eni
    back = Trace(connection, "response", attempt.destination)
    back.client = attempt.client
    try:
        found = _followed(estate, attempt, forward, back)
    except Undetermined as why:
        if not (forward.causes or back.causes):
            raise
        connection.notes.append(f"The path cannot be followed further: {why}.")
        found = AttemptFindings(attempt, (*forward.causes, *back.causes), tuple(forward.path), ())
    if connection.unknown and not found.causes:
        raise Undetermined("; ".join(connection.unknown))
    notes = [*connection.notes, *(f"Unknown: {one}." for one in connection.unknown)]
    return replace(found, notes=tuple(notes), peers=connection.peers)


def _followed(estate: Estate, attempt: Attempt, forward: Trace, back: Trace) -> AttemptFindings:
    _send(estate, forward, attempt)
    _check_arrival(estate, forward, attempt)
    if forward.causes and not forward.connection.explains:
        return AttemptFindings(attempt, tuple(forward.causes), (), ())
    if forward.is_lost:
        _explain_request(estate, forward, attempt)
    if forward.is_lost and _is_disconnected(estate, forward, attempt):
        return AttemptFindings(attempt, (_disconnected(attempt),), tuple(forward.path), ())
    if any(cause.code.startswith("IGW_SOURCE_") for cause in forward.causes):
        return AttemptFindings(
            attempt, tuple(forward.causes), tuple(forward.path), ()
        )  # no such client exists
    if forward.is_lost:
        _resume(estate, forward, attempt)
    back.ports = forward.connection.answered_ports
    _answer(estate, forward, back, attempt)
    causes = (*forward.causes, *back.causes)
    end = forward.end
    return_path = () if forward.causes else tuple(back.path)
    return AttemptFindings(
        attempt,
        causes,
        tuple(forward.path),
        return_path,
        end.eni if end else None,
        end.packet.srcaddr if end else "",
    )


def _first_port(attempt: Attempt, aliases: Mapping[str, PathComponent]) -> int:
    """Return the lowest port from which the source opens connections."""
    source = attempt.source
    if source is None:
        return FIRST_PORT_OF_SERVICES
    stands_for = aliases.get(source.interface_id)
    opens = is_service(source) or (stands_for is not None and stands_for.kind in _SERVICE_KINDS)
    return FIRST_PORT_OF_SERVICES if opens and not attempt.client else FIRST_PORT_OF_HOSTS


def _send(estate: Estate, trace: Trace, attempt: Attempt) -> None:
    walk, to, packet = PacketTracer(estate, trace), attempt.destination, attempt.packet
    if attempt.source:
        walk.from_interface(attempt.source, packet)
        return
    assert to is not None
    trace.loss = not_preserved()
    if not is_outside(estate, attempt.srcaddr):
        gateway = next((one for one in estate.gateways if _is_vgw(estate, one, to.vpc_id)), "")
        if gateway:
            walk.from_gateway(gateway, to.vpc_id, packet.sent_to(to.private_ips[0]))
            return
    trace.step("internet", "internet")
    found = estate.public(number_of(attempt.dstaddr))
    if found is None or found[0].interface_id != to.interface_id:
        at = trace.named(to)
        say = f"{at} has no public IPv4 address for the internet to use: associate an Elastic IP address."
        trace.blame("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", at, say)
        walk.to_vpc(to, packet)
    else:
        walk.from_internet(packet)


def _is_vgw(estate: Estate, gateway_id: str, vpc_id: str) -> bool:
    return gateway_id.startswith("vgw-") and estate.is_attached(gateway_id, vpc_id)


def _check_arrival(estate: Estate, trace: Trace, attempt: Attempt) -> None:
    """Add a cause if the request ended at another host than the destination."""
    end, to = trace.end, attempt.destination
    if end is None or to is None or (end.eni and end.eni.interface_id == to.interface_id):
        return
    table = estate.routing(attempt.source.subnet_id) if attempt.source else None
    where = trace.named(end.eni) if end.eni else end.gateway_id
    at = table.route_table_id if table else where
    say = f"The routes lead {attempt.dstaddr} to {where}, which is not the destination: add a route in {at}."
    trace.end = None
    trace.lose("NO_ROUTE_TO_DESTINATION", at, say)


def _explain_request(estate: Estate, trace: Trace, attempt: Attempt) -> None:
    """Replace the cause of a lost request by the route that misleads it, if there is one."""

    def arrives(other: Estate) -> bool:
        again = Trace(TracedConnection(other), "request", attempt.source, trace.target)
        _send(other, again, attempt)
        _check_arrival(other, again, attempt)
        return again.end is not None

    trace.replace_last(misleading_route(estate, trace, arrives))


def _explain_response(estate: Estate, back: Trace, attempt: Attempt, start: End, answer: Packet) -> None:
    """Replace the cause of a lost response by the route that misleads it, if there is one."""

    def arrives(other: Estate) -> bool:
        connection = TracedConnection(other, translated=dict(back.connection.translated))
        again = Trace(connection, "response", attempt.destination)
        assert start.eni
        PacketTracer(other, again).from_interface(start.eni, answer)
        _check_return(other, again, attempt, start)
        return again.end is not None

    if start.eni:
        back.replace_last(misleading_route(estate, back, arrives))


def _is_disconnected(estate: Estate, trace: Trace, attempt: Attempt) -> bool:
    source, to = attempt.source, attempt.destination
    if not source or not to or source.vpc_id == to.vpc_id or is_outside(estate, attempt.dstaddr):
        return False
    is_route = any(cause.code.startswith(_KEPT_ROUTES) for cause in trace.causes[-1:])
    return not is_route and not are_connected(estate, source.vpc_id, to.vpc_id)


def _disconnected(attempt: Attempt) -> Cause:
    assert attempt.source
    assert attempt.destination
    first, second = attempt.source.vpc_id, attempt.destination.vpc_id
    say = (
        f"Nothing joins {first} and {second}: create a VPC peering connection or transit gateway attachments."
    )
    return Cause("DISCONNECTED_VPCS", first, "forward", say, eni=attempt.destination)


def _resume(estate: Estate, trace: Trace, attempt: Attempt) -> None:
    """Evaluate the arrival at the destination if the path to it is lost but its last hop is known."""
    source, to, packet = attempt.source, attempt.destination, attempt.packet
    if to is None:
        gateway_id = estate.internet_gateway(source.vpc_id) if source else ""
        trace.end = End(packet, None, gateway_id, source.vpc_id if source else None)
        return
    walk = PacketTracer(estate, trace)
    if source is None or (is_outside(estate, attempt.dstaddr) and not is_ipv6(attempt.dstaddr)):
        if to.private_ips:
            trace.loss = trace.loss or not_preserved()
            walk.arrive(to, packet.sent_to(to.private_ips[0]), None)
        return
    if source.vpc_id == to.vpc_id:
        walk.arrive(to, packet, source)
        return
    peerings = peerings_between(estate, source.vpc_id, to.vpc_id, ended=True)
    is_transit, loss = transit_between(estate, source.vpc_id, to.vpc_id)
    if peerings and not peerings[0].is_active and not is_transit:
        at = peerings[0].peering_id
        if not any(cause.code == "BAD_STATE_ROUTE" for cause in trace.causes):
            trace.blame("BAD_STATE", at, f"VPC peering connection {at} is not accepted: accept it.")
    if peerings and not peerings[0].is_inter_region:
        walk.arrive(to, packet, source)
    elif peerings or is_transit:
        trace.loss = loss or (None if is_transit else not_preserved())
        walk.arrive(to, packet, None if trace.loss else source)


def _answer(estate: Estate, forward: Trace, back: Trace, attempt: Attempt) -> None:
    """Follow the response from the end of the request."""
    end, source = forward.end, attempt.source
    answer = end.packet.answer() if end else None
    if end is None or answer is None:
        return
    walk = PacketTracer(estate, back)
    if end.eni:
        walk.from_interface(end.eni, answer)
    elif end.gateway_id.startswith("tgw-attach-"):
        walk.from_attachment(end.gateway_id, answer)
    elif forward.is_lost:
        back.is_lost = True
    else:
        if end.gateway_id.startswith(("igw-", "eigw-")):
            back.step("internet", "internet")
        found = estate.public(number_of(answer.dstaddr))
        packet = answer.sent_to(found[1]) if found else answer
        walk.from_gateway(end.gateway_id, end.vpc_id or "", packet)
    _check_return(estate, back, attempt, end)
    if back.is_lost and back.causes and back.connection.explains:
        _explain_response(estate, back, attempt, end, answer)
    if back.is_lost and source:
        PacketTracer(estate, back).arrive(source, _to_source(attempt, answer), None)


def _to_source(attempt: Attempt, answer: Packet) -> Packet:
    return answer.sent_to(attempt.srcaddr)


def _check_return(estate: Estate, back: Trace, attempt: Attempt, start: End) -> None:
    """Add a cause if the response ended elsewhere than at the source."""
    end, source = back.end, attempt.source
    if end is None:
        return
    if source:
        is_there = end.eni is not None and end.eni.interface_id == source.interface_id
    else:
        is_there = end.eni is None and (
            not is_outside(estate, attempt.srcaddr) or end.gateway_id.startswith("igw-")
        )
    if is_there or back.causes:
        return
    table = estate.routing(start.eni.subnet_id) if start.eni else None
    where = back.named(end.eni) if end.eni else end.gateway_id
    at = table.route_table_id if table else where
    say = f"{at} sends the response to {where}, which is not the source: add a route to {attempt.srcaddr}."
    back.end = None
    back.lose("NO_ROUTE_TO_DESTINATION", at, say)
