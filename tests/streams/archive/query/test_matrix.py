"""The matrix counts each conversation once, at the side of its source, with its path and its cost."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams.archive import made
from tests.streams.archive.archived import ALL_TIMES, archive, inventory

GB = 2**30
HOSTS = {
    "10.0.0.1": {"eni": "eni-1", "vpc": "vpc-1", "zone": "use1-az1", "region": "us-east-1"},
    "10.0.0.2": {"eni": "eni-2", "vpc": "vpc-1", "zone": "use1-az1", "region": "us-east-1"},
    "10.0.0.3": {"eni": "eni-3", "vpc": "vpc-1", "zone": "use1-az2", "region": "us-east-1"},
    "10.1.0.1": {"eni": "eni-4", "vpc": "vpc-2", "zone": "use1-az2", "region": "us-east-1"},
    "10.2.0.1": {"eni": "eni-5", "vpc": "vpc-3", "zone": "usw2-az1", "region": "us-west-2"},
    "10.0.9.9": {"eni": "eni-nat", "vpc": "vpc-1", "zone": "use1-az1", "region": "us-east-1"}
    | {"kind": "nat-gateway"},
}
ROWS = [
    {"kind": "instance", "name": host["eni"], "private": [address], "valid_from": -9} | host
    for address, host in HOSTS.items()
]


def both_ends(window: int, source: str, destination: str, **values: Any) -> list[made.Row]:
    """Return the records of both ends; the source logs one more byte than the destination."""
    size = values.pop("bytes", GB)
    return [
        made.conversation(window, HOSTS[source]["eni"], source, destination, bytes=size, **values),
        made.conversation(window, HOSTS[destination]["eni"], source, destination, bytes=size - 1, **values)
        | {"direction": "ingress"},
    ]


def paths(root: Path, rows: list[made.Row]) -> dict[str, tuple[int, float]]:
    """Return bytes and cost in cents by path."""
    session = archive(root, [([], rows)])
    inventory(root, ROWS)
    found = session.run("SELECT path, sum(bytes)::BIGINT, sum(cost) FROM matrix GROUP BY ALL", ALL_TIMES)
    return {path: (size, round(100 * cost, 3)) for path, size, cost in found.rows}


@pytest.mark.parametrize(
    ("source", "destination", "path", "cents"),
    [
        ("10.0.0.1", "10.0.0.2", "zone", 0),
        ("10.0.0.1", "10.0.0.3", "cross-zone", 2),
        ("10.0.0.1", "10.1.0.1", "peering", 2),
        ("10.0.0.3", "10.1.0.1", "peering", 0),  # in one zone
        ("10.0.0.1", "10.2.0.1", "cross-region", 2),
    ],
)
def test_a_conversation_counts_once_with_its_path(
    tmp_path: Path, source: str, destination: str, path: str, cents: float
) -> None:
    assert paths(tmp_path, both_ends(0, source, destination)) == {path: (GB, cents)}


def test_the_destination_counts_if_only_it_logs(tmp_path: Path) -> None:
    _, ingress = both_ends(0, "10.0.0.1", "10.0.0.2")
    assert paths(tmp_path, [ingress]) == {"zone": (GB - 1, 0)}


def test_both_ends_may_see_a_conversation_in_different_windows(tmp_path: Path) -> None:
    (egress, _), (_, ingress) = both_ends(0, "10.0.0.1", "10.0.0.2"), both_ends(1, "10.0.0.1", "10.0.0.2")
    assert paths(tmp_path, [egress, ingress]) == {"zone": (GB, 0)}


def test_what_the_destination_rejects_is_rejected_and_costs_nothing(tmp_path: Path) -> None:
    egress, ingress = both_ends(0, "10.0.0.1", "10.0.0.3")
    session = archive(tmp_path, [([], [egress, dict(ingress) | {"action": "REJECT"}])])
    inventory(tmp_path, ROWS)
    assert session.run("SELECT action, bytes, cost FROM matrix", ALL_TIMES).rows == [("REJECT", GB, 0)]


def test_a_nat_gateway_hides_no_end_and_adds_its_price(tmp_path: Path) -> None:
    """The instance, the leg of the gateway to it, and the leg with the gateway's own address; both ways."""
    inside, outside, nat = "10.0.0.1", "198.51.100.7", "10.0.9.9"
    out = [
        made.conversation(0, "eni-1", inside, outside, bytes=GB),
        made.conversation(0, "eni-nat", inside, nat, bytes=GB, pkt_source=inside, pkt_destination=outside)
        | {"direction": "ingress"},
        made.conversation(0, "eni-nat", nat, outside, bytes=GB),
    ]
    back = [
        made.conversation(0, "eni-nat", outside, nat, bytes=GB, direction="ingress"),
        made.conversation(0, "eni-nat", nat, inside, bytes=GB, pkt_source=outside, pkt_destination=inside),
        made.conversation(0, "eni-1", outside, inside, bytes=GB, direction="ingress"),
    ]
    assert paths(tmp_path, out + back) == {
        "to internet": (GB, pytest.approx(9 + 4.5)),
        "from internet": (GB, pytest.approx(4.5)),
    }


def test_the_rest_beyond_the_largest_conversations_has_no_ends(tmp_path: Path) -> None:
    rows = both_ends(0, "10.0.0.1", "10.0.0.2")
    rows.append(made.conversation(0, "eni-1", "", "", is_other=True, port=-1, bytes=7))
    assert paths(tmp_path, rows) == {"zone": (GB, 0)}


@given(st.integers(0, 10_000))
def test_any_conversations_count_once_whoever_logs_them(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Of each conversation, one end or both have logged; a third interface on the way may log it too."""
    chance, rows, wanted = random.Random(seed), [], {}
    for port in range(1, 9):
        source, destination = chance.sample([address for address in HOSTS if address != "10.0.9.9"], 2)
        size = chance.randrange(2, 1000)
        egress, ingress = both_ends(chance.randrange(60), source, destination, bytes=size, port=port)
        on_the_way = [dict(egress) | {"eni": "eni-tgw"}, dict(ingress) | {"eni": "eni-tgw"}]
        logged = chance.choice(([egress], [ingress], [egress, ingress]))
        rows += [*logged, *(on_the_way if logged[0] is egress else on_the_way[1:])]
        wanted[source, destination, port] = size if logged[0] is egress else size - 1
    chance.shuffle(rows)
    session = archive(tmp_path_factory.mktemp("archive"), [([], rows)])
    found = session.run("SELECT source, destination, port, bytes FROM matrix", ALL_TIMES).rows
    assert {row[:3]: row[3] for row in found} == wanted
    assert len(found) == len(wanted)
