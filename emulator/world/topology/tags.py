"""The tags of the resources that `building` creates: owner, name, and AWS's own description. Pure.

No call sets the requester or the type of a service's interface, and moto chooses the address of a NAT
gateway's. So a tag holds the fields that AWS would return in `DescribeNetworkInterfaces`, and `as_aws`
applies them to the response. No resource on AWS itself has the tag.
"""

from __future__ import annotations

from emulator.world.topology.interfaces import PlannedEni

TOPOLOGY = "vpcflow:topology"
"""On everything built: the topology's name."""
BUILT = "vpcflow:built"
"""On each VPC, when all is built: the digest of what was described."""


def name_tag(vpc: str, name: str) -> str:
    """Return the tag `Name` of a resource in a VPC."""
    return f"{vpc}/{name}"


def as_aws_tag(eni: PlannedEni) -> str:
    """Return the tag's value for an interface, or an empty text if an ordinary response is right."""
    fields = {
        "InterfaceType": eni.interface_type if eni.interface_type != "interface" else "",
        "RequesterId": eni.requester_id,
        "RequesterManaged": str(eni.is_requester_managed).lower() if eni.requester_id else "",
        "SourceDestCheck": "" if eni.source_dest_check or eni.maker == "instance" else "false",
        "PrivateIpAddress": eni.address if eni.maker in ("nat-gateway", "endpoint") else "",
        "Groups": "" if eni.has_groups else "none",
    }
    return " ".join(f"{field}={value}" for field, value in fields.items() if value)
