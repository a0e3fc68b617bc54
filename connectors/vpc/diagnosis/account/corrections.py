"""Corrections of an estate where moto describes a resource in a way that AWS does not. Pure.

On AWS itself they change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from connectors.vpc.addresses import IPV6_BEGINS, cidr, number_of
from connectors.vpc.estate import Estate
from connectors.vpc.network import ANY, Eni, NetworkAcl, NetworkAclEntry

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
