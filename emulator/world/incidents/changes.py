"""The EC2 calls that incidents make, applied to an estate that has no EC2 behind it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.vpc.addresses import cidr
from connectors.vpc.estate import Estate
from connectors.vpc.network import NetworkAclEntry, Route, SecurityGroupRule
from emulator.world.incidents.incident import Ec2Call

Request = Mapping[str, Any]


def changed(estate: Estate, changes: Iterable[Ec2Call]) -> Estate:
    """Return the estate after some of the EC2 calls that incidents make."""
    for change in changes:
        estate = _CALLS[change.operation](estate, change.request)
    return estate


def _rules(request: Request) -> list[SecurityGroupRule]:
    return [
        SecurityGroupRule(6, permission["FromPort"], permission["ToPort"], group_id=pair["GroupId"])
        for permission in request["IpPermissions"]
        for pair in permission["UserIdGroupPairs"]
    ]


def _revoke(estate: Estate, request: Request) -> Estate:
    gone = _rules(request)
    groups = [
        replace(one, ingress=tuple(rule for rule in one.ingress if rule not in gone))
        if one.group_id == request["GroupId"]
        else one
        for one in estate.resources.security_groups
    ]
    return estate.with_changes(security_groups=tuple(groups))


def _authorize(estate: Estate, request: Request) -> Estate:
    groups = [
        replace(one, ingress=(*one.ingress, *_rules(request))) if one.group_id == request["GroupId"] else one
        for one in estate.resources.security_groups
    ]
    return estate.with_changes(security_groups=tuple(groups))


def _add_entry(estate: Estate, request: Request) -> Estate:
    ports = request["PortRange"]
    entry = NetworkAclEntry(
        request["RuleNumber"],
        request["Egress"],
        request["RuleAction"] == "allow",
        int(request["Protocol"]),
        cidr(request["CidrBlock"]),
        ports["From"],
        ports["To"],
    )
    acls = [
        replace(one, entries=(*one.entries, entry)) if one.network_acl_id == request["NetworkAclId"] else one
        for one in estate.resources.network_acls
    ]
    return estate.with_changes(network_acls=tuple(acls))


def _delete_entry(estate: Estate, request: Request) -> Estate:
    gone = (request["NetworkAclId"], request["RuleNumber"], request["Egress"])
    acls = [
        replace(
            one,
            entries=tuple(e for e in one.entries if (one.network_acl_id, e.number, e.is_egress) != gone),
        )
        for one in estate.resources.network_acls
    ]
    return estate.with_changes(network_acls=tuple(acls))


def _with_routes(estate: Estate, request: Request, added: tuple[Route, ...]) -> Estate:
    block = cidr(request["DestinationCidrBlock"])
    tables = [
        replace(one, routes=(*(route for route in one.routes if route.destination != block), *added))
        if one.route_table_id == request["RouteTableId"]
        else one
        for one in estate.resources.route_tables
    ]
    return estate.with_changes(route_tables=tuple(tables))


def _create_route(estate: Estate, request: Request) -> Estate:
    return _with_routes(
        estate, request, (Route(request["NatGatewayId"], cidr(request["DestinationCidrBlock"])),)
    )


_CALLS: dict[str, Callable[[Estate, Request], Estate]] = {
    "revoke_security_group_ingress": _revoke,
    "authorize_security_group_ingress": _authorize,
    "create_network_acl_entry": _add_entry,
    "delete_network_acl_entry": _delete_entry,
    "delete_route": lambda estate, request: _with_routes(estate, request, ()),
    "create_route": _create_route,
}
