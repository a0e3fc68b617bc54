"""The owner of an interface and of an address at each second, from rows in any order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.inventory.directory import Directory
from connectors.inventory.rows import InterfaceRow, PrefixRow, encode

SECONDS = range(60)
VPCS = ("vpc-a", "vpc-b", "vpc-c")
ADDRESSES = ("10.0.0.5", "10.0.0.6", "2001:db8::5")


@st.composite
def rows(draw: st.DrawFn) -> list[InterfaceRow]:
    found = {}
    for number in range(draw(st.integers(1, 12))):
        begins = draw(st.integers(0, 50))
        row = InterfaceRow(
            eni=f"eni-{draw(st.integers(0, 4))}",
            valid_from=begins,
            valid_to=draw(st.none() | st.integers(begins, 59)),
            vpc=draw(st.sampled_from(VPCS)),
            id=f"i-{number}",
            private=tuple(draw(st.lists(st.sampled_from(ADDRESSES), max_size=2))),
        )
        found[row.key] = row
    return list(found.values())


def brute_force(rows: Sequence[InterfaceRow], address: str, at_s: int, vpc: str) -> str | None:
    """Return the id of the owner by going through every row."""
    valid = [
        row
        for row in rows
        if address in row.private and row.valid_from <= at_s and (row.valid_to is None or at_s < row.valid_to)
    ]
    valid.sort(key=lambda row: (row.valid_from, row.key))
    if inside := [row for row in valid if row.vpc == vpc]:
        return inside[-1].id
    return valid[-1].id if len({row.vpc for row in valid}) == 1 else None


@given(rows(), st.randoms(use_true_random=False), st.data())
def test_rows_in_any_order_give_the_owners_of_a_brute_force(rows, random, data) -> None:  # type: ignore[no-untyped-def]
    directory = Directory()
    shuffled = list(rows)
    random.shuffle(shuffled)
    outdated = data.draw(st.lists(st.sampled_from(rows), max_size=3))
    for row in outdated:  # A compacted topic may still have the older message of a key.
        directory.apply(row.key, encode(InterfaceRow(row.eni, row.valid_from, private=ADDRESSES)))
    for row in shuffled:
        directory.apply(row.key, encode(row))
    for address in ADDRESSES:
        for vpc in ("", *VPCS):
            for at_s in SECONDS:
                found = directory.address(address, at_s, vpc)
                assert (found.id if found else None) == brute_force(rows, address, at_s, vpc)
    for row in rows:
        directory.apply(row.key, None)
    assert len(directory) == 0
    assert directory.address(ADDRESSES[0], 30) is None


def directory_of(*rows: InterfaceRow | PrefixRow) -> Directory:
    found = Directory()
    for row in rows:
        found.apply(row.key, encode(row))
    return found


def test_an_address_used_again_within_a_minute_has_each_owner_for_its_time() -> None:
    directory = directory_of(
        InterfaceRow("eni-a", 10, 20, vpc="vpc-a", id="i-a", private=("10.0.0.5",)),
        InterfaceRow("eni-b", 40, None, vpc="vpc-a", id="i-b", private=("10.0.0.5",)),
    )
    owners = [directory.address("10.0.0.5", at_s, "vpc-a") for at_s in SECONDS]
    expected = [None] * 10 + ["i-a"] * 10 + [None] * 20 + ["i-b"] * 20
    assert [owner.id if owner else None for owner in owners] == expected


def test_a_version_without_a_known_end_ends_where_the_next_owner_of_the_address_begins() -> None:
    directory = directory_of(
        InterfaceRow("eni-a", 10, 60, vpc="vpc-a", id="i-a", private=("10.0.0.5",)),
        InterfaceRow("eni-b", 40, None, vpc="vpc-a", id="i-b", private=("10.0.0.5",)),
    )
    owners = [directory.address("10.0.0.5", at_s, "vpc-a") for at_s in (39, 40)]
    assert [owner.id for owner in owners if owner] == ["i-a", "i-b"]


def test_an_interface_has_its_owner_of_each_time_and_the_nearest_one_otherwise() -> None:
    directory = directory_of(
        InterfaceRow("eni-a", 10, 20, id="i-a"), InterfaceRow("eni-a", 20, 30, id="i-b", name="web")
    )
    labels = [owner.label for at_s in (0, 10, 19, 20, 99) if (owner := directory.interface("eni-a", at_s))]
    assert labels == ["i-a", "i-a", "i-a", "web", "web"]
    assert directory.interface("eni-x", 10) is None


def test_an_address_outside_has_the_longest_block_then_country_and_system() -> None:
    directory = Directory(lambda address: ("DE", "AS64496 Example") if address == "192.0.2.1" else ("", ""))
    services = PrefixRow(
        "aws",
        "aws-service",
        (("52.216.0.0/15", "S3", "S3", "us-east-1"), ("52.216.0.0/14", "AMAZON", "AMAZON", "us-east-1")),
        rank=9,
    )
    user = PrefixRow("file", "prefix-list", (("52.216.0.0/15", "office", "Office", ""),))
    for row in (services, user):
        directory.apply(row.key, encode(row))
    assert [
        (owner.kind, owner.label) if (owner := directory.address(address, 0)) else None
        for address in ("52.216.1.1", "52.218.1.1", "192.0.2.1", "192.0.2.2", "-", "")
    ] == [
        ("prefix-list", "Office"),
        ("aws-service", "AMAZON"),
        ("internet", "192.0.2.1"),
        None,
        None,
        None,
    ]
    directory.apply(user.key, None)
    owner = directory.address("52.216.1.1", 0)
    assert owner is not None
    assert (owner.id, owner.region) == ("S3", "us-east-1")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"interface|eni-a|1", b"not JSON"),
        (b"interface|eni-a|1", b"[]"),
        (b"interface|eni-a|1", b'{"eni": "eni-a"}'),
        (b"interface|eni-a|1", b'{"eni": "eni-a", "valid_from": "soon"}'),
        (b"interface|eni-a|1", b'{"eni": "eni-a", "valid_from": 1, "tags": 7}'),
        (b"prefixes|a", b'{"source": "a", "kind": "prefix-list", "entries": [["10.0.0.0/8"]]}'),
        (b"prefixes|a", b"\x78damaged"),
        (b"else", b"{}"),
        (None, b"{}"),
    ],
)
def test_a_foreign_message_is_counted_and_ignored(key: bytes | None, value: bytes) -> None:
    directory = Directory()
    directory.apply(key, value)
    assert (directory.foreign, len(directory)) == (1, 0)


def test_a_wrong_block_of_a_list_leaves_the_others() -> None:
    entries = (("10.0.0.0/33", "a", "a", ""), ("10.0.0.0/8", "b", "b", ""))
    owner = directory_of(PrefixRow("file", "prefix-list", entries)).address("10.1.1.1", 0)
    assert owner is not None
    assert owner.id == "b"
