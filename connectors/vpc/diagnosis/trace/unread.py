"""The evaluation of resources that the caller may not read. Pure.

A resource that was not read is unknown, not absent: it is no cause. `require` ends a walk that meets one.
"""

from __future__ import annotations

from connectors.vpc.diagnosis.trace.findings import TracedConnection, Undetermined
from connectors.vpc.estate import Estate

PREFIX_LISTS = ("describe_managed_prefix_lists", "get_managed_prefix_list_entries")
_TRANSIT = (
    "describe_transit_gateways",
    "describe_transit_gateway_vpc_attachments",
    "describe_transit_gateway_route_tables",
    "search_transit_gateway_routes",
    "get_transit_gateway_route_table_associations",
    "get_transit_gateway_route_table_propagations",
)
_OF_TARGETS = {
    "igw": ("describe_internet_gateways",),
    "eigw": ("describe_egress_only_internet_gateways",),
    "vgw": ("describe_vpn_gateways",),
    "nat": ("describe_nat_gateways",),
    "pcx": ("describe_vpc_peering_connections",),
    "vpce": ("describe_vpc_endpoints",),
    "tgw": _TRANSIT,
}
_BLOCK = ("describe_vpc_block_public_access_options", "describe_vpc_block_public_access_exclusions")


def require(estate: Estate, target: str) -> None:
    """Raise `Undetermined` if the target of a route was not read."""
    for operation in _OF_TARGETS.get(target.partition("-")[0], ()):
        if operation in estate.resources.unread:
            raise Undetermined(f"{operation} is denied, so {target} is unknown")


def require_routes(estate: Estate, table_id: str) -> None:
    """Raise `Undetermined` if a route table without a fitting route has prefix lists that were not read."""
    unread = [one for one in PREFIX_LISTS if one in estate.resources.unread]
    tables = (one for one in estate.resources.route_tables if one.route_table_id == table_id)
    if unread and any(route.prefix_list_id for table in tables for route in table.routes):
        raise Undetermined(f"{unread[0]} is denied, so the prefix lists of {table_id} are unknown")


def require_table(estate: Estate, subnet_id: str) -> None:
    """Raise `Undetermined` if route tables were not read."""
    if "describe_route_tables" in estate.resources.unread:
        raise Undetermined(f"describe_route_tables is denied, so the routes of {subnet_id} are unknown")


def note_groups(connection: TracedConnection, interface_id: str, groups: list[str]) -> None:
    """Note that groups of an interface, or their prefix lists, were not read."""
    names = ", ".join(groups)
    say = f"the security groups {names} of {interface_id} cannot be read"
    if say not in connection.unknown:
        connection.unknown.append(say)


def note_acl(connection: TracedConnection, subnet_id: str) -> None:
    """Note that the network ACL of a subnet was not read."""
    say = f"describe_network_acls is denied, so the network ACL of {subnet_id} is unknown"
    if "describe_network_acls" in connection.estate.resources.unread and say not in connection.unknown:
        connection.unknown.append(say)


def note_block(connection: TracedConnection) -> None:
    """Note that VPC Block Public Access was not read."""
    for operation in _BLOCK:
        say = f"{operation} is denied, so VPC Block Public Access is taken as off."
        if operation in connection.estate.resources.unread and say not in connection.notes:
            connection.notes.append(say)
