"""The network of a topology without EC2: the same as what is read back after it was built through the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import IPv6Address
from typing import Any

import pytest

from connectors.vpc.addresses import IPV6_BEGINS, number_of
from connectors.vpc.estate import Estate, Resources
from connectors.vpc.network import LAST_ACL_RULE
from emulator.world.topology.described import resources
from emulator.world.topology.ids import id_of
from emulator.world.topology.presets import PRESETS, preset
from emulator.world.traffic.edges import edges
from tests.emulator.world.stages import Stage

_KINDS = {
    "natgateway": "nat-gateway",
    "vpc-peering-connection": "peering",
    "vpc-endpoint": "endpoint",
    "transit-gateway-attachment": "attachment",
}
"""The kinds that `DescribeTags` names otherwise."""
_OF_ALL = ("peering", "transit-gateway")
_MOTO_REQUESTER = "AIDAIT2UOQQY3AUEMOTO"
_ID = re.compile(r"\b(?:eni|vpc|subnet|i|rtb|acl|sg|igw|eigw|nat|pcx|tgw|tgw-rtb|tgw-attach|vpce|pl)-\w+")
_NOT_COMPARED = ("owner_id", "tags", "zone_id", "rule_id")
_COMPARED = (
    *("vpcs", "subnets", "enis", "route_tables", "network_acls", "security_groups", "gateways"),
    *("nat_gateways", "peerings", "endpoints", "attachments"),
    *("transit_gateways", "transit_gateway_route_tables"),
)


def ids(stage: Stage) -> Iterator[tuple[str, str]]:
    """Yield the id of everything that was built, with its id in the described network."""
    for (tagged, name), made in stage.built.ids.items():
        kind = _KINDS.get(tagged, tagged)
        if kind == "elastic-ip":
            continue
        vpc, _, own = name.rpartition("/") if "/" not in name else name.partition("/")
        unnamed = kind in ("internet-gateway", "egress-only-internet-gateway")
        yield made, id_of(kind, "" if unnamed else own, "" if kind in _OF_ALL else vpc)
    found, vpcs = (
        stage.estate.resources,
        {stage.built.id("vpc", one): one for one in stage.built.topology.vpcs},
    )
    defaults = {
        "route-table": [(one.route_table_id, one.vpc_id) for one in found.route_tables if one.is_main],
        "network-acl": [(one.network_acl_id, one.vpc_id) for one in found.network_acls if one.is_default],
        "security-group": [(g.group_id, g.vpc_id) for g in found.security_groups if g.name == "default"],
    }
    for kind, those in defaults.items():
        yield from ((made, id_of(kind, "", vpcs[vpc])) for made, vpc in those if vpc in vpcs)
    for one in found.prefix_lists:
        yield one.prefix_list_id, id_of("prefix-list", one.name.rpartition(".")[2])


def canonical(found: Resources, known: dict[str, str], ipv6: dict[int, int]) -> dict[str, set[str]]:
    """Return each list as a set of texts, with known ids, moved IPv6 blocks, and lists in order.

    Only resources of which every id is known are kept: an account has a default VPC as well.
    """

    def text(value: Any) -> Any:
        if isinstance(value, dict):
            if {"first", "last", "text"} <= set(value):
                return moved(value["text"])
            return {key: text(one) for key, one in value.items() if key not in _NOT_COMPARED}
        if isinstance(value, tuple | list):
            # moto's own network ACLs lack the last rule, which denies.
            kept = [one for one in value if not isinstance(one, dict) or one.get("number", 0) < LAST_ACL_RULE]
            return sorted((text(one) for one in kept), key=repr)
        return moved(value) if isinstance(value, str) else value

    def moved(value: str) -> str:
        value = _ID.sub(lambda found: known.get(found[0], "unknown"), value)
        value = value.replace("eu-west-1", "us-east-1").replace(_MOTO_REQUESTER, "")
        address, slash, length = value.partition("/")
        try:
            number = number_of(address)
        except ValueError:
            return value
        for old, new in ipv6.items():
            if old <= number < old + (1 << 72):
                return f"{IPv6Address(number - old + new - IPV6_BEGINS)}{slash}{length}"
        return value

    made = {name: {repr(text(asdict(one))) for one in getattr(found, name)} for name in _COMPARED}
    # moto's default groups let nothing in; AWS's let their members in (VPC guide, "Default security groups").
    left_out = ("unknown", "'name': 'default'")
    return {
        name: {one for one in texts if not any(word in one for word in left_out)}
        for name, texts in made.items()
    }


@pytest.mark.moto
def test_a_described_network_is_the_one_that_is_read_back(stage: Stage) -> None:
    found, expected = resources(stage.built.topology), stage.estate.resources
    known = dict(ids(stage))
    blocks = {
        one.cidrs[-1].first: other.cidrs[-1].first
        for one in expected.vpcs
        for other in found.vpcs
        if known.get(one.vpc_id) == other.vpc_id and ":" in one.cidrs[-1].text
    }
    mine = canonical(found, {value: value for value in known.values()}, {})
    theirs = canonical(expected, known, blocks)
    for name in _COMPARED:
        assert sorted(mine[name] - theirs[name]) == sorted(theirs[name] - mine[name]), name
    assert mine["enis"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_interfaces_and_traffic(name: str) -> None:
    estate = Estate(resources(preset(name)))
    assert len({eni.interface_id for eni in estate.resources.enis}) == len(estate.resources.enis)
    assert len(edges(estate)) > len(estate.resources.enis)
