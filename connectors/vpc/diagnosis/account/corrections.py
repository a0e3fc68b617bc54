"""Corrections of an estate where moto describes a resource in a way that AWS does not. Pure.

On AWS itself they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from connectors.vpc.addresses import IPV6_BEGINS, cidr, number_of
from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.estate import Estate
from connectors.vpc.network import ANY, Eni, EniId, NetworkAcl, NetworkAclEntry, Subnet

_IPV6_RULE = 101


def placed(estate: Estate) -> tuple[Estate, dict[tuple[str, int], Eni]]:
    """Give interfaces outside their subnet a free address inside it.

    moto chooses addresses for NAT gateways and endpoints that no subnet contains; AWS takes them from the
    subnet. Return the estate, and (VPC id, number of the replaced address) → interface.
    """
    enis = {eni.interface_id: eni for eni in estate.resources.enis}
    moved: dict[tuple[str, int], Eni] = {}
    taken = {(eni.vpc_id, address) for eni in enis.values() for address in eni.private_ips}
    for eni in list(enis.values()):
        subnet = estate.subnets.get(eni.subnet_id)
        if subnet is None or not eni.private_ips or not subnet.cidrs:
            continue
        old = eni.private_ips[0]
        if any(number_of(old) in block for block in subnet.cidrs):
            continue
        network = ip_network(subnet.cidrs[0].text)
        hosts = (str(network[-2 - back]) for back in range(network.num_addresses - 6))
        new = next((one for one in hosts if (eni.vpc_id, one) not in taken), old)
        taken.add((eni.vpc_id, new))
        publics = tuple((new if private == old else private, public) for private, public in eni.public_ips)
        enis[eni.interface_id] = replace(eni, private_ips=(new, *eni.private_ips[1:]), public_ips=publics)
        moved[eni.vpc_id, number_of(old)] = enis[eni.interface_id]
    return (estate.with_changes(enis=tuple(enis.values())) if moved else estate), moved


def with_endpoint_interfaces(
    estate: Estate, endpoints: Iterable[Mapping[str, Any]]
) -> tuple[Estate, dict[str, PathComponent]]:
    """Give endpoints an interface in each of their subnets if none is described.

    moto makes none for a Gateway Load Balancer endpoint. Return the estate, and interface id → endpoint.
    """
    added: list[Eni] = []
    known = dict(estate.endpoints)
    for described in endpoints:
        endpoint = known.get(described["VpcEndpointId"])
        if endpoint is None or endpoint.interface_ids or endpoint.endpoint_type != "GatewayLoadBalancer":
            continue
        subnets = [one for one in map(estate.subnets.get, described.get("SubnetIds") or ()) if one]
        made = [_endpoint_interface(endpoint.endpoint_id, subnet) for subnet in subnets]
        added += made
        ids = tuple(eni.interface_id for eni in made)
        known[endpoint.endpoint_id] = replace(endpoint, interface_ids=ids)
    if not added:
        return estate, {}
    changed = estate.with_changes(enis=(*estate.resources.enis, *added), endpoints=tuple(known.values()))
    names = {eni.interface_id: eni.interface_id.partition("@")[0] for eni in added}
    return changed, {eni_id: PathComponent(name, "vpc-endpoint") for eni_id, name in names.items()}


def _endpoint_interface(endpoint_id: str, subnet: Subnet) -> Eni:
    network = ip_network(subnet.cidrs[0].text)
    return Eni(
        EniId(f"{endpoint_id}@{subnet.subnet_id}"),
        subnet.subnet_id,
        subnet.vpc_id,
        (str(network[-3]),),
        interface_type="gateway_load_balancer_endpoint",
        source_dest_check=False,
    )


def with_ipv6_rules(estate: Estate) -> Estate:
    """Add the IPv6 rules of default network ACLs.

    VPC guide, "Default network ACL": AWS adds them to a VPC with an IPv6 block. moto has no IPv6 rule at all.
    """
    acls = estate.resources.network_acls
    added = tuple(_with_ipv6(estate, acl) for acl in acls)
    return estate if added == acls else estate.with_changes(network_acls=added)


def _with_ipv6(estate: Estate, acl: NetworkAcl) -> NetworkAcl:
    vpc = estate.vpcs.get(acl.vpc_id)
    has_ipv6 = vpc is not None and any(block.first >= IPV6_BEGINS for block in vpc.cidrs)
    if not (acl.is_default and has_ipv6) or any(one.cidr.first >= IPV6_BEGINS for one in acl.entries):
        return acl
    everything = cidr("::/0")
    rules = (NetworkAclEntry(_IPV6_RULE, way, True, ANY, everything) for way in (False, True))
    return replace(acl, entries=(*acl.entries, *rules))
