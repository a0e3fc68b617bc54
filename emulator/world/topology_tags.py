"""What the tags say of what `building` built: whose it is, its name, and what AWS would have answered. Pure.

An interface that stands in for a service's own cannot be given that service's requester or type by any call,
and moto invents the address of a NAT gateway's. So a tag tells what AWS would say, in the words of
`DescribeNetworkInterfaces`, and `as_aws` puts it over the answer. Nothing on AWS itself has the tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.world.topology_interfaces import PlannedEni

TOPOLOGY = "vpcflow:topology"
"""On everything built: the topology's name."""
BUILT = "vpcflow:built"
"""On each VPC, when all is built: the digest of what was described."""
AS_AWS = "vpcflow:as-aws"

_FLAGS = {"true": True, "false": False}


def name_tag(vpc: str, name: str) -> str:
    """Return the tag `Name` of something in a VPC."""
    return f"{vpc}/{name}"


def as_aws_tag(eni: PlannedEni) -> str:
    """Return the tag's value for an interface, or nothing when an ordinary answer is right."""
    fields = {
        "InterfaceType": eni.interface_type if eni.interface_type != "interface" else "",
        "RequesterId": eni.requester_id,
        "RequesterManaged": str(eni.is_requester_managed).lower() if eni.requester_id else "",
        "SourceDestCheck": "" if eni.source_dest_check or eni.maker == "instance" else "false",
        "PrivateIpAddress": eni.address if eni.maker in ("nat-gateway", "endpoint") else "",
        "Groups": "" if eni.has_groups else "none",
    }
    return " ".join(f"{field}={value}" for field, value in fields.items() if value)


def as_aws(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an element of `DescribeNetworkInterfaces` as AWS would have answered it."""
    tags = {tag["Key"]: tag["Value"] for tag in described.get("TagSet") or ()}
    if not tags.get(AS_AWS):
        return described
    given = dict(word.split("=", 1) for word in tags[AS_AWS].split() if "=" in word)
    over: dict[str, Any] = {field: value for field, value in given.items() if field not in ("Groups",)}
    for flag in ("RequesterManaged", "SourceDestCheck"):
        if flag in over:
            over[flag] = _FLAGS.get(over[flag], True)
    if given.get("Groups") == "none":
        over["Groups"] = []
    if "PrivateIpAddress" in over:
        over["PrivateIpAddresses"] = [_moved(described, over["PrivateIpAddress"])]
    return {**described, **over}


def _moved(described: Mapping[str, Any], address: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"Primary": True, "PrivateIpAddress": address}
    for one in (*(described.get("PrivateIpAddresses") or ()), described):
        if one.get("Association"):
            entry["Association"] = one["Association"]
    return entry
