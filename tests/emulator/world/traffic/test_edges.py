"""Who talks to whom is read from the rules: nobody tries what no rule is for, and everybody has reasons."""

from __future__ import annotations

import polars as pl
import pytest

from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni
from emulator.world.simulation import World
from emulator.world.traffic import profiles
from emulator.world.traffic.edges import CLIENTS_MAX, Edge, edges
from tests.connectors.vpc.estates import eni, estate
from tests.emulator.world.worlds import RDS, played

SERVER, SERVER_V6 = "10.0.2.60", "2001:db8:a:2::60"


def served(*rules: str, **enis: Eni) -> list[Edge]:
    """Return the edges to a server in its own group, which lets in what some rules say."""
    server = eni("server", "subnet-data", SERVER, "sg-server", ipv6_addresses=(SERVER_V6,))
    made = estate({"sg-server": (rules, ("all 0.0.0.0/0",))}, enis={"eni-server": server, **enis})
    return [edge for edge in edges(made) if set(edge.destinations) <= {SERVER, SERVER_V6}]


def clients(found: list[Edge]) -> set[tuple[str, str]]:
    return {(edge.origin, edge.destinations[0]) for edge in found}


def test_a_rule_for_a_group_makes_its_members_clients_by_both_families() -> None:
    found = served("tcp 5432 sg-app")
    apps = {("eni-app", SERVER), ("eni-app", SERVER_V6), ("eni-worker", SERVER)}
    assert clients(found) == apps
    assert {edge.port for edge in found} == {5432}
    assert {edge.profile for edge in found} == {profiles.DATABASE, profiles.BATCH}


@pytest.mark.parametrize(("block", "family"), [("10.0.1.5/32", SERVER), ("2001:db8:a:1::/64", SERVER_V6)])
def test_a_rule_for_a_block_is_used_by_addresses_of_its_family_only(block: str, family: str) -> None:
    assert clients(served(f"tcp 443 {block}")) == {("eni-app", family)}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("icmp sg-app", {("eni-app", SERVER), ("eni-worker", SERVER)}),
        ("icmp 8/0 sg-app", {("eni-app", SERVER), ("eni-worker", SERVER)}),
        ("icmpv6 128/0 sg-app", {("eni-app", SERVER_V6)}),
        ("icmp 3/4 sg-app", set()),
        ("esp sg-app", set()),
    ],
)
def test_pings_are_asked_where_they_are_let_in_and_what_nobody_speaks_is_no_edge(
    rule: str, expected: set[tuple[str, str]]
) -> None:
    found = served(rule)
    assert clients(found) == expected
    assert {edge.profile.name for edge in found} <= {"ping"}


def test_databases_and_endpoints_only_answer() -> None:
    rds = eni("rds", "subnet-data", "10.0.2.61", "sg-open", **RDS)
    balancer = eni(
        "alb", "subnet-data", "10.0.2.62", "sg-open", description="ELB app/a/b", is_requester_managed=True
    )
    found = served("tcp 443 10.0.2.61/32", "tcp 443 10.0.2.62/32", "tcp 443 10.0.1.50/32", **{
        "eni-rds": rds, "eni-alb": balancer})  # fmt: skip
    assert clients(found) == {("eni-alb", SERVER)}
    assert {edge.profile for edge in found} == {profiles.TIER, profiles.HEALTH}


def test_a_server_has_few_clients_however_many_may_come() -> None:
    many = {f"eni-job{n}": eni(f"job{n}", "subnet-private", f"10.0.1.{100 + n}") for n in range(40)}
    assert len(served("tcp 9000 10.0.0.0/16", **many)) == CLIENTS_MAX


def test_every_edge_has_chances_of_its_own() -> None:
    keys = [edge.key for edge in edges(estate())]
    assert len(set(keys)) == len(keys) > 40


def test_the_same_estate_has_the_same_edges_in_the_same_order() -> None:
    made = estate()
    turned = made.with_changes(enis=made.resources.enis[::-1])
    assert edges(turned) == edges(made)


def test_edges_inside_are_let_in() -> None:
    """What is rejected is noise, late packets, and what an ACL or a missing answer is to blame for."""
    made: Estate = estate()
    found = played(World(made, 1, 1000), 2)
    inside = found.filter(pl.col("srcaddr").str.contains(r"^(10\.|2001:db8:)"), pl.col("action") == "REJECT")
    assert set(inside.filter(pl.col("flow-direction") == "ingress")["tcp-flags"]) <= {0, 1}
