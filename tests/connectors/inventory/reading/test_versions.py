"""The rows that a reading writes: changes only, each owner for its time, and nothing by half."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.inventory.directory import Directory
from connectors.inventory.reading.owners import DESCRIBE_INSTANCES
from connectors.inventory.reading.sources import Sources
from connectors.inventory.reading.versions import OpenVersions, Reading, open_versions
from connectors.inventory.rows import InterfaceRow, decode_interface, encode

ADDRESS = "10.0.0.5"


def time_of(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def eni(number: int, attached_s: int | None = None, **more: Any) -> dict[str, Any]:
    """Return an interface with the address, of the instance `i-<number>` if it is attached."""
    found: dict[str, Any] = {
        "NetworkInterfaceId": f"eni-{number}",
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "PrivateIpAddress": ADDRESS,
    }
    if attached_s is not None:
        found["Attachment"] = {"InstanceId": f"i-{number}", "AttachTime": time_of(attached_s)}
    return {**found, **more}


def instance(number: int, name: str = "", ended_s: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"InstanceId": f"i-{number}", "Tags": [{"Key": "Name", "Value": name}]}
    if ended_s is not None:
        found["State"] = {"Name": "terminated"}
        found["StateTransitionReason"] = f"User initiated ({time_of(ended_s):%Y-%m-%d %H:%M:%S} GMT)"
    return found


def reading(at_s: int, *, is_first: bool = False, since: int | None = None) -> Reading:
    return Reading("1", "eu-west-1", at_s, is_first, since)


def times(rows: list[InterfaceRow]) -> list[tuple[str, int, int | None]]:
    return [(row.id, row.valid_from, row.valid_to) for row in rows]


def test_the_first_reading_begins_at_the_attach_time_or_before_all_times() -> None:
    found = OpenVersions().changes(
        reading(1000, is_first=True), Sources(interfaces=[eni(1, 700), eni(2), eni(3, 2000)])
    )
    assert times(found) == [("i-1", 700, None), ("eni-2", 0, None), ("i-3", 1000, None)]


def test_the_first_reading_can_begin_earlier() -> None:
    found = OpenVersions().changes(reading(1000, is_first=True, since=100), Sources(interfaces=[eni(1, 700)]))
    assert times(found) == [("i-1", 100, None)]


def test_a_reading_without_a_change_writes_nothing() -> None:
    versions, sources = OpenVersions(), Sources(interfaces=[eni(1, 700)], instances=[instance(1, "web")])
    assert len(versions.changes(reading(1000), sources)) == 1
    assert versions.changes(reading(1060), sources) == []


def test_a_restart_writes_nothing_again() -> None:
    sources = Sources(
        interfaces=[eni(1, 700, Ipv6Addresses=[{"Ipv6Address": "2001:db8::1"}])],
        instances=[instance(1, "web")],
    )
    rows = OpenVersions().changes(reading(1000), sources)
    again = open_versions(decode_interface(encode(row)) for row in rows)
    assert again["1", "eu-west-1"].changes(reading(1060), sources) == []


def test_an_instance_that_is_replaced_within_a_minute_ends_when_it_was_terminated() -> None:
    versions = OpenVersions()
    versions.changes(reading(1000), Sources(interfaces=[eni(1, 700)], instances=[instance(1)]))
    found = versions.changes(
        reading(1060), Sources(interfaces=[eni(2, 1040)], instances=[instance(1, ended_s=1020), instance(2)])
    )
    assert sorted(times(found)) == [("i-1", 700, 1020), ("i-2", 1040, None)]


def test_an_interface_that_moves_to_another_instance_has_both_owners() -> None:
    versions = OpenVersions()
    versions.changes(reading(1000), Sources(interfaces=[eni(1, 700)]))
    moved = eni(1, Attachment={"InstanceId": "i-9", "AttachTime": time_of(1030)})
    found = versions.changes(reading(1060), Sources(interfaces=[moved]))
    assert times(found) == [("i-1", 700, 1030), ("i-9", 1030, None)]


def test_an_interface_that_outlives_its_instance_is_free_from_then_on() -> None:
    versions = OpenVersions()
    versions.changes(reading(1000), Sources(interfaces=[eni(1, 700)]))
    found = versions.changes(
        reading(1060), Sources(interfaces=[eni(1)], instances=[instance(1, ended_s=1020)])
    )
    assert times(found) == [("i-1", 700, 1020), ("eni-1", 1020, None)]


def test_an_interface_without_a_described_end_ends_with_the_reading() -> None:
    versions = OpenVersions()
    versions.changes(reading(1000), Sources(interfaces=[eni(1)]))
    assert times(versions.changes(reading(1060), Sources())) == [("eni-1", 1000, 1060)]
    assert versions.changes(reading(1120), Sources()) == []


def test_another_name_is_another_version_and_the_first_name_is_not() -> None:
    versions = OpenVersions()
    interfaces = [eni(1, 700)]
    versions.changes(reading(1000), Sources(interfaces=interfaces))
    named = versions.changes(reading(1060), Sources(interfaces=interfaces, instances=[instance(1, "web")]))
    assert [(row.name, row.valid_from, row.valid_to) for row in named] == [("web", 700, None)]
    renamed = versions.changes(reading(1120), Sources(interfaces=interfaces, instances=[instance(1, "app")]))
    assert [(row.name, row.valid_from, row.valid_to) for row in renamed] == [
        ("web", 700, 1120),
        ("app", 1120, None),
    ]


def test_a_denied_call_leaves_the_names_that_were_known() -> None:
    versions = OpenVersions()
    versions.changes(reading(1000), Sources(interfaces=[eni(1, 700)], instances=[instance(1, "web")]))
    denied = Sources(interfaces=[eni(1, 700)], incomplete=frozenset({DESCRIBE_INSTANCES}))
    assert versions.changes(reading(1060), denied) == []


def test_the_addresses_are_private_secondary_ipv6_and_public() -> None:
    described = eni(
        1,
        PrivateIpAddresses=[
            {"PrivateIpAddress": "10.0.0.9", "Association": {"PublicIp": "203.0.113.9"}},
            {"PrivateIpAddress": ADDRESS, "Primary": True},
        ],
        Association={"PublicIp": "203.0.113.1"},
        Ipv6Addresses=[{"Ipv6Address": "2001:db8::1"}],
    )
    elastic = {"NetworkInterfaceId": "eni-1", "PublicIp": "198.51.100.7"}
    subnets = [{"SubnetId": "subnet-1", "AvailabilityZoneId": "euw1-az1"}]
    (row,) = OpenVersions().changes(
        reading(1000), Sources(interfaces=[described], addresses=[elastic], subnets=subnets)
    )
    assert row.private == (ADDRESS, "10.0.0.9")
    assert row.ipv6 == ("2001:db8::1",)
    assert row.public == ("198.51.100.7", "203.0.113.1", "203.0.113.9")
    assert row.zone == "euw1-az1"


LIVES = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 60)), min_size=1, max_size=8)


@given(LIVES, st.integers(1, 60))
def test_the_owner_of_an_address_at_each_second_is_the_instance_of_that_second(
    lives: list[tuple[int, int]], offset: int
) -> None:
    """Instances follow each other on one address; every one lives through a reading, or longer."""
    spans, at_s = [], offset
    for lasts_s, pause_s in lives:
        ends = max(at_s + lasts_s, -(-(at_s + 1) // 60) * 60 + 1)  # after the next reading
        spans.append((at_s, ends))
        at_s = ends + pause_s
    versions, directory = OpenVersions(), Directory()
    for now in range(60, at_s + 121, 60):
        interfaces = [eni(n, begins) for n, (begins, ends) in enumerate(spans) if begins <= now < ends]
        over = [instance(n, ended_s=ends) for n, (_, ends) in enumerate(spans) if ends <= now]
        for row in versions.changes(reading(now), Sources(interfaces=interfaces, instances=over)):
            directory.apply(row.key, encode(row))
    for second in range(at_s + 60):
        wanted = [f"i-{n}" for n, (begins, ends) in enumerate(spans) if begins <= second < ends]
        owner = directory.address(ADDRESS, second, "vpc-1")
        assert ([owner.id] if owner else []) == wanted, second
