"""The next hop of a packet from a subnet or a gateway, by its route table.

Delivery inside the packet's own subnet needs no route. `packet_path` evaluates groups, ACLs and translation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from connectors.vpc.addresses import number_of
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, TCP, Eni, EniId, Route
from connectors.vpc.rules.routes import RoutingTable

Way = Literal["interface", "internet", "egress-only", "peering", "transit", "outside", "nowhere"]

# The field `traffic-path`: VPC guide, "Flow log records". Code 2 is an internet gateway or a gateway endpoint
# (instances without Nitro). Not documented: egress-only gateways are 8, local and carrier gateways 6.
SAME_VPC, EITHER_GATEWAY, VPN, PEERED, PEERED_FAR, LOCAL_ZONE, ENDPOINT, INTERNET = range(1, 9)
_ENDPOINT_PROTOCOL = "VPCE_GATEWAY_PROTOCOL_RESTRICTION"
_WAYS: dict[str, Way] = {"igw": "internet", "eigw": "egress-only", "vgw": "outside"}
_OUTSIDE_PATHS = {"vgw": VPN, "lgw": LOCAL_ZONE, "cagw": LOCAL_ZONE}


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop. `eni` is the next interface, if it is in this VPC or in a peered one.

    `stays`: the packet does not leave the sender's subnet. `is_detour`: the interface forwards packets (an
    appliance, a NAT gateway). `route` is the route with its table. If there is no next hop, `why` is the
    reason, and `code` the Reachability Analyzer code for the component `at`.
    """

    way: Way
    target: str = ""
    eni: Eni | None = None
    is_detour: bool = False
    stays: bool = False
    path: int | None = None
    route: str = ""
    why: str = ""
    code: str = ""
    at: str = ""


def from_subnet(estate: Estate, sender: Eni, dstaddr: str, protocol: int) -> Hop:
    """Return the next hop of a packet that an interface sends."""
    number = number_of(dstaddr)
    subnet = estate.subnets.get(sender.subnet_id)
    if subnet and any(number in block for block in subnet.cidrs):
        return replace(_inside(estate, sender.vpc_id, number, ""), stays=True)
    table = estate.routing(sender.subnet_id)
    if table is None:
        why = f"no route table is known for {sender.subnet_id}"
        return Hop("nowhere", why=why, code="NO_ROUTE_TO_DESTINATION", at=sender.subnet_id)
    return routed(estate, table, sender, number, protocol)


def from_gateway(estate: Estate, gateway_id: str, vpc_id: str, dstaddr: str) -> Hop:
    """Return the next hop of a packet that a gateway admits to a VPC: by its route table, or delivery.

    An internet gateway hands packets to a middlebox only if its interface has a public address: VPC guide,
    "Gateway route tables". A Gateway Load Balancer endpoint needs none.
    """
    number = number_of(dstaddr)
    table = estate.edge_routing(gateway_id)
    route = table.lookup(number) if table else None
    if not (table and route and route.target.startswith(("eni-", "vpce-"))):
        return _inside(estate, vpc_id, number, "")
    hop = _to_interface(estate, route, table.route_table_id, f"{table.route_table_id}: {route.text}")
    is_unnamed = hop.eni is not None and not (hop.eni.public_ips or hop.eni.ipv6_addresses)
    if is_unnamed and gateway_id.startswith("igw-") and route.target.startswith("eni-"):
        why = f"{route.target} has no public address"
        return Hop(
            "nowhere",
            route.target,
            route=hop.route,
            why=why,
            code="INGRESS_RTB_NO_PUBLIC_IP",
            at=route.target,
        )
    return hop


def routed(estate: Estate, table: RoutingTable, sender: Eni, number: int, protocol: int) -> Hop:
    """Return the next hop of a packet by a route table."""
    route, table_id = table.lookup(number), table.route_table_id
    if route is None:
        why = f"route table {table_id} has no route for the destination"
        return Hop("nowhere", why=why, code="NO_ROUTE_TO_DESTINATION", at=table_id)
    line = f"{table_id}: {route.text}"
    if route.is_blackhole:
        why = f"route table {table_id} sends it into a black hole by “{route.text}”"
        return Hop("nowhere", route.target, route=line, why=why, code="BAD_STATE_ROUTE", at=table_id)
    if route.target == "local":
        return _inside(estate, sender.vpc_id, number, line)
    if route.target.startswith("vpce-") and _is_gateway_endpoint(estate, route.target):
        path = ENDPOINT if sender.is_nitro else EITHER_GATEWAY
        if protocol not in (TCP, ICMP):
            # Reachability Analyzer guide, "Explanation codes": VPCE_GATEWAY_PROTOCOL_RESTRICTION.
            why, code = f"gateway endpoint {route.target} carries TCP and ICMP only", _ENDPOINT_PROTOCOL
            return Hop("nowhere", route.target, path=path, route=line, why=why, code=code, at=route.target)
        return Hop("outside", route.target, path=path, route=line)
    return _by_target(estate, route, table_id, sender, number)


def _by_target(estate: Estate, route: Route, table_id: str, sender: Eni, number: int) -> Hop:
    target, line = route.target, f"{table_id}: {route.text}"
    kind = target.partition("-")[0]
    if kind in _WAYS:
        path = _OUTSIDE_PATHS.get(kind) or (INTERNET if sender.is_nitro else EITHER_GATEWAY)
        if not estate.is_attached(target, sender.vpc_id):
            why = f"{target} is not attached to {sender.vpc_id} (a black hole)"
            return replace(_black_hole(route, table_id, why), path=path)
        return Hop(_WAYS[kind], target, path=path, route=line)
    if kind == "pcx":
        return _peered(estate, route, table_id, sender, number)
    if kind == "tgw":
        return Hop("transit", target, route=line)
    if kind in ("eni", "i", "nat", "vpce"):
        return _to_interface(estate, route, table_id, line)
    return Hop("outside", target, path=_OUTSIDE_PATHS.get(kind), route=line)


def _black_hole(route: Route, table_id: str, why: str) -> Hop:
    line = f"{table_id}: {route.text}"
    return Hop("nowhere", route.target, route=line, why=why, code="BAD_STATE_ROUTE", at=table_id)


def _is_gateway_endpoint(estate: Estate, endpoint_id: str) -> bool:
    endpoint = estate.endpoints.get(endpoint_id)
    return endpoint is None or endpoint.endpoint_type == "Gateway"


def _inside(estate: Estate, vpc_id: str, number: int, line: str) -> Hop:
    eni = estate.eni_at(vpc_id, number)
    if eni is None:
        why = f"no interface in {vpc_id} has the destination address"
        code = "NO_POSSIBLE_DESTINATION"
        return Hop("nowhere", "local", path=SAME_VPC, route=line, why=why, code=code, at=vpc_id)
    return Hop("interface", "local", eni, path=SAME_VPC, route=line)


def _to_interface(estate: Estate, route: Route, table_id: str, line: str) -> Hop:
    target = route.target
    nat = estate.nat_gateways.get(target)
    endpoint = estate.endpoints.get(target)
    if nat:
        eni = estate.enis.get(nat.interface_id) if nat.is_available else None
    elif endpoint:
        eni = next((estate.enis[one] for one in endpoint.interface_ids if one in estate.enis), None)
    elif target.startswith("i-"):
        eni = next((one for one in estate.resources.enis if one.instance_id == target), None)
    else:
        eni = estate.enis.get(EniId(target))
    if eni is None or not eni.is_running:
        state = "not there" if eni is None else "not running"
        return _black_hole(route, table_id, f"the route's target {target} is {state} (a black hole)")
    return Hop("interface", target, eni, is_detour=True, path=SAME_VPC, route=line)


def _peered(estate: Estate, route: Route, table_id: str, sender: Eni, number: int) -> Hop:
    peering_id, line = route.target, f"{table_id}: {route.text}"
    peering = estate.peerings.get(peering_id)
    if peering is None or not peering.is_active:
        why = f"peering connection {peering_id} is not active (a black hole)"
        return _black_hole(route, table_id, why)
    path = PEERED_FAR if peering.is_inter_region else PEERED
    other = peering.other(sender.vpc_id)
    vpc = estate.vpcs.get(other)
    if vpc is None:
        return Hop("outside", peering_id, path=path, route=line)  # another account's VPC, not described to us
    eni = estate.eni_at(other, number)
    if eni is not None:
        return Hop("peering", peering_id, eni, path=path, route=line)
    code, why = "NO_POSSIBLE_DESTINATION", f"no interface in {other} has the destination address"
    if not any(number in block for block in vpc.cidrs):
        code = "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
        why = f"the destination is not in {other}: peering is not transitive"
    return Hop("nowhere", peering_id, path=path, route=line, why=why, code=code, at=peering_id)
