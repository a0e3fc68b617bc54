"""Where each interface of a topology is, what its address is, and what is written on it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.world.topology.file import read
from emulator.world.topology.interfaces import SubnetFull, interfaces
from emulator.world.topology.model import Instances, Interface, Subnet, Topology, Vpc
from emulator.world.topology.presets import PRESETS, preset
from tests.emulator.world.topology.topologies import NAME, placed

BLOCK = IPv4Network("10.0.0.0/27")
USABLE = [str(address) for address in BLOCK][4:-1]


def in_one_subnet(count: int, asked: list[str]) -> Topology:
    """Return a topology of so many instances, and an interface for each address."""
    return Topology(
        name="t",
        vpcs={
            "a": Vpc(
                cidrs=("10.0.0.0/16",),
                subnets={"s": Subnet(cidr=str(BLOCK))},
                instances={"i": Instances(subnets=("s",), count=count)},
                interfaces={
                    f"e{place}": Interface(subnet="s", address=address) for place, address in enumerate(asked)
                },
            )
        },
    )


@given(count=st.integers(1, len(USABLE)), asked=st.lists(st.sampled_from(USABLE), unique=True, max_size=10))
def test_every_interface_has_an_address_of_its_own_that_aws_would_give(count: int, asked: list[str]) -> None:
    topology = in_one_subnet(count, asked)
    if count + len(asked) > len(USABLE):
        with pytest.raises(SubnetFull, match="Subnet s has no address left"):
            interfaces(topology)
        return
    found = [one.address for one in interfaces(topology)]
    assert len(set(found)) == len(found) == count + len(asked)
    assert set(asked) <= set(found) <= set(USABLE)


@pytest.mark.parametrize("name", PRESETS)
def test_two_builds_talk_from_the_same_addresses(name: str) -> None:
    planned = interfaces(preset(name))
    assert planned == interfaces(preset(name))
    assert len({(one.vpc, one.name) for one in planned}) == len(planned)
    public = [one.public_ip for one in planned if one.public_ip]
    assert len(set(public)) == len(public)
    assert all(IPv4Address(address).is_global for address in public)


def test_what_is_several_goes_over_the_subnets_in_turn() -> None:
    text = placed(
        "instances: {i: {subnets: [one, two], count: 3}}\n"
        "databases: {d: {subnets: [one, two], instances: 2, multi_az: true}}\n"
        "caches: {c: {subnets: [two, one], nodes: 3}}\n"
        "functions: {f: {subnets: [one, two]}}"
    )
    places = {one.name: one.subnet for one in interfaces(read(text, NAME))}
    assert places == {
        "i-1": "one",
        "i-2": "two",
        "i-3": "one",
        "database/d-1": "one",
        "database/d-1-standby": "two",
        "database/d-2": "two",
        "database/d-2-standby": "one",
        "cache/c-001": "two",
        "cache/c-002": "one",
        "cache/c-003": "two",
        "function/f.one": "one",
        "function/f.two": "two",
    }


def test_a_single_instance_has_the_name_itself_and_the_address_it_asked_for() -> None:
    (one,) = interfaces(read(placed("instances: {i: {subnets: [two], address: 10.0.1.77}}"), NAME))
    assert (one.name, one.address, one.host) == ("i", "10.0.1.77", 77)


def test_network_load_balancers_may_have_no_groups_and_application_ones_have_the_default() -> None:
    text = placed(
        "load_balancers:\n  net: {type: network, subnets: [one]}\n  app: {subnets: [one, two]}\n"
        "  gwy: {type: gateway, subnets: [one]}"
    )
    found = {one.name: (one.has_groups, one.interface_type) for one in interfaces(read(text, NAME))}
    assert found["load-balancer/net.one"] == (False, "network_load_balancer")
    assert found["load-balancer/app.two"] == (True, "interface")
    assert found["load-balancer/gwy.one"] == (False, "gateway_load_balancer")
