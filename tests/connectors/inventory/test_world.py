"""The shop of the emulator, whose instances are replaced: both ends of every record have the right owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.inventory.directory import Directory
from connectors.inventory.reading.sources import Sources
from connectors.inventory.reading.versions import OpenVersions, Reading
from connectors.inventory.rows import encode
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId
from emulator.world.simulation import World
from emulator.world.topology.described import ACCOUNT_ID, REGION, resources
from emulator.world.topology.presets import preset
from tests.emulator.world.worlds import FIRST, table

MINUTES = 5
READ_AT_S = 37
"""The second of each minute in which the inventory is read."""
REPLACED_EVERY = 2
"""Of so many instances one is replaced at the end of each minute."""


def replaced(eni: Eni, minute: int, number: int) -> Eni:
    """Return the interface at an address in a minute: that of a new instance, if it was replaced."""
    if not eni.instance_id or number % REPLACED_EVERY or not minute:
        return eni
    return replace(
        eni, interface_id=EniId(f"{eni.interface_id}-{minute}"), instance_id=f"{eni.instance_id}-{minute}"
    )


def described(eni: Eni, since_s: int) -> dict[str, Any]:
    """Return an interface in the shape of `DescribeNetworkInterfaces`."""
    public = dict(eni.public_ips)
    found: dict[str, Any] = {
        "NetworkInterfaceId": eni.interface_id,
        "VpcId": eni.vpc_id,
        "SubnetId": eni.subnet_id,
        "Description": eni.description,
        "PrivateIpAddress": eni.private_ips[0],
        "PrivateIpAddresses": [
            {"PrivateIpAddress": one, **({"Association": {"PublicIp": public[one]}} if one in public else {})}
            for one in eni.private_ips
        ],
        "Ipv6Addresses": [{"Ipv6Address": one} for one in eni.ipv6_addresses],
        "Groups": [{"GroupId": one} for one in eni.groups],
    }
    if eni.instance_id:
        time = datetime.fromtimestamp(since_s, UTC)
        found["Attachment"] = {"InstanceId": eni.instance_id, "AttachTime": time}
    return found


def ended(enis: Sequence[Eni], at_s: int) -> list[dict[str, Any]]:
    reason = f"User initiated ({datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} GMT)"
    return [
        {"InstanceId": one.instance_id, "State": {"Name": "terminated"}, "StateTransitionReason": reason}
        for one in enis
    ]


@pytest.mark.bulk
def test_both_ends_of_every_record_have_the_owner_of_their_second() -> None:
    first = resources(preset("shop"))
    states = [
        [replaced(eni, minute, number) for number, eni in enumerate(first.enis)] for minute in range(MINUTES)
    ]
    assert len({one.interface_id for state in states for one in state}) > len(first.enis) + 10
    versions, directory = OpenVersions(), Directory()
    records = []
    gone: list[dict[str, Any]] = []
    since = dict.fromkeys((one.interface_id for one in first.enis), FIRST * 60 - 3600)
    for minute, state in enumerate(states):
        begins = (FIRST + minute) * 60
        before = {one.interface_id: one for one in states[minute - 1]} if minute else {}
        now = {one.interface_id for one in state}
        gone += ended([one for name, one in before.items() if name not in now], begins)
        since |= dict.fromkeys(now - since.keys(), begins)
        # A world of its own for each minute: no flow goes on over the end of its instance.
        world = World(Estate(replace(first, enis=tuple(state))), 1 + minute, 100)
        records.append((state, table(world, world.minute(FIRST + minute))))
        sources = Sources(
            interfaces=[described(one, since[one.interface_id]) for one in state], instances=gone
        )
        reading = Reading(ACCOUNT_ID, REGION, begins + READ_AT_S, minute == 0)
        for row in versions.changes(reading, sources):
            directory.apply(row.key, encode(row))
    checked = sum(_checked(directory, state, frame.to_dicts()) for state, frame in records)
    assert checked > 1000


def _checked(directory: Directory, state: Sequence[Eni], rows: Sequence[Mapping[str, Any]]) -> int:
    """Compare every record with the interfaces of its minute; return the number of ends of instances."""
    by_id = {one.interface_id: one for one in state}
    owners = {(one.vpc_id, address): one for one in state for address in one.addresses}
    count = 0
    for row in rows:
        eni, at_s = by_id[EniId(row["interface-id"])], row["start"]
        owner = directory.interface(eni.interface_id, at_s)
        assert owner is not None
        assert owner.id == (eni.instance_id or owner.id)
        for end in ("srcaddr", "dstaddr"):
            wanted = owners.get((eni.vpc_id, row[end]))
            found = directory.address(row[end], at_s, eni.vpc_id)
            if wanted is not None:
                assert found is not None, (row, wanted)
                assert found.eni == wanted.interface_id
                count += bool(wanted.instance_id)
    return count
