"""The AWS CLI command for a cause in a route table: a missing, broken or misleading route. Pure."""

from __future__ import annotations

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.diagnosis.trace.findings import Cause
from connectors.vpc.diagnosis.trace.joins import peerings_between
from connectors.vpc.diagnosis.trace.public_hosts import is_public
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, Route

_OPTIONS = {
    "igw": "gateway-id",
    "vgw": "gateway-id",
    "nat": "nat-gateway-id",
    "pcx": "vpc-peering-connection-id",
    "tgw": "transit-gateway-id",
    "eigw": "egress-only-internet-gateway-id",
}


def missing_route(estate: Estate, cause: Cause) -> str:
    """Return the command that adds a route for a packet."""
    eni, packet = cause.eni, cause.packet
    table = estate.routing(eni.subnet_id) if eni else None
    if eni is None or packet is None or table is None:
        return ""
    at = cause.component if cause.component.startswith("rtb-") else table.route_table_id
    block, target = _way(estate, eni, packet.dstaddr, is_response=cause.direction == "return")
    return _route_command("create-route", at, block, target) if target else ""


def broken_route(estate: Estate, cause: Cause) -> str:
    """Return the command that repairs the target of a black hole, or replaces it."""
    eni, packet = cause.eni, cause.packet
    if eni is None or packet is None:
        return ""
    route = _chosen(estate, cause)
    target = route.target if route else ""
    peering = estate.peerings.get(target)
    if peering:
        accept = f"aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id {target}"
        return accept if peering.is_pending else ""
    return _repaired(estate, eni, target) or _replaced(estate, cause, eni, route)


def _repaired(estate: Estate, eni: Eni, target: str) -> str:
    """Return the command that makes the target of a route work again."""
    kind = target.partition("-")[0]
    owner = next(
        (one for one in estate.resources.enis if target in (one.interface_id, one.instance_id)), None
    )
    if kind in ("eni", "i") and owner:
        start = f"aws ec2 start-instances --instance-ids {owner.instance_id}"
        return start if owner.instance_id and not owner.is_running else ""
    if kind == "igw" and not estate.internet_gateway(eni.vpc_id):
        return f"aws ec2 attach-internet-gateway --internet-gateway-id {target} --vpc-id {eni.vpc_id}"
    if kind == "vgw":
        return f"aws ec2 attach-vpn-gateway --vpn-gateway-id {target} --vpc-id {eni.vpc_id}"
    if kind == "tgw" and target in estate.transit_gateways:
        return (
            f"aws ec2 create-transit-gateway-vpc-attachment --transit-gateway-id {target} --vpc-id"
            f" {eni.vpc_id} --subnet-ids {eni.subnet_id}"
        )
    return ""


def _replaced(estate: Estate, cause: Cause, eni: Eni, route: Route | None) -> str:
    """Return the command that replaces the target of a route by one that works."""
    _, other = _way(estate, eni, cause.packet.dstaddr, is_response=False) if cause.packet else ("", "")
    block = route.destination.text if route and route.destination else ""
    return _route_command("replace-route", cause.component, block, other) if other and block else ""


def deleted_route(estate: Estate, cause: Cause) -> str:
    """Return the command that deletes the route that precedes a working one."""
    route = _chosen(estate, cause)
    if route is None or route.destination is None:
        return ""
    block = route.destination.text
    if cause.code.startswith("TGW_"):
        return (
            "aws ec2 delete-transit-gateway-route --transit-gateway-route-table-id"
            f" {cause.component} --destination-cidr-block {block}"
        )
    return f"aws ec2 delete-route --route-table-id {cause.component} --{_family(block)} {block}"


def _chosen(estate: Estate, cause: Cause) -> Route | None:
    """Return the route that the table of a cause chooses for its packet."""
    if cause.packet is None:
        return None
    number = number_of(cause.packet.dstaddr)
    for attachment in estate.resources.attachments:
        table = estate.attachment_routing(attachment)
        if table and table.route_table_id == cause.component:
            return table.lookup(number)
    for subnet in estate.resources.subnets:
        table = estate.routing(subnet.subnet_id)
        if table and table.route_table_id == cause.component:
            return table.lookup(number)
    return None


def _way(estate: Estate, eni: Eni, address: str, *, is_response: bool) -> tuple[str, str]:
    """Return a block with an address, and a target in the VPC of an interface that leads there."""
    number = number_of(address)
    for vpc in estate.resources.vpcs:
        block = next((one for one in vpc.cidrs if number in one), None)
        if block is None or vpc.vpc_id == eni.vpc_id:
            continue
        peering = next(iter(peerings_between(estate, eni.vpc_id, vpc.vpc_id)), None)
        shared = (one for one in estate.transit_gateways if _joins(estate, one, eni.vpc_id, vpc.vpc_id))
        target = peering.peering_id if peering and peering.is_active else next(shared, "")
        return block.text, target
    if not is_public(number):
        return "", ""
    everywhere = "::/0" if is_ipv6(address) else "0.0.0.0/0"
    gateway = estate.internet_gateway(eni.vpc_id)
    nats = [
        one.nat_gateway_id
        for one in estate.resources.nat_gateways
        if one.vpc_id == eni.vpc_id and one.is_public and one.is_available
    ]
    is_own = bool(eni.public_ips) or is_response or is_ipv6(address) or eni.interface_type == "nat_gateway"
    return everywhere, gateway if is_own or not nats else nats[0]


def _joins(estate: Estate, gateway_id: str, first: str, second: str) -> bool:
    return bool(estate.attachment(gateway_id, first) and estate.attachment(gateway_id, second))


def _route_command(verb: str, table_id: str, block: str, target: str) -> str:
    option = _OPTIONS.get(target.partition("-")[0])
    if not option:
        return ""
    return f"aws ec2 {verb} --route-table-id {table_id} --{_family(block)} {block} --{option} {target}"


def _family(block: str) -> str:
    return "destination-ipv6-cidr-block" if is_ipv6(block) else "destination-cidr-block"
