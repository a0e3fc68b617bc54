"""The correction of interfaces that replace those of AWS services in an emulator. Pure.

No EC2 call gives an interface the requester or the type of a service. The emulator's builder therefore tags
such an interface with the fields that AWS would return, and `as_aws` applies them to the response. No
interface on AWS itself has the tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AS_AWS = "vpcflow:as-aws"


_FLAGS = {"true": True, "false": False}


def as_aws(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an element of `DescribeNetworkInterfaces` with the fields from its tag."""
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
