"""The conversion of `DescribeNetworkInterfaces` and `DescribeInstances` to the network model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.vpc.ec2.described import Description
from connectors.vpc.network import Eni, EniId, GroupId, SubnetId, VpcId


def eni(described: Description) -> Eni:
    """Read an element of `DescribeNetworkInterfaces`."""
    entries: Sequence[Description] = described.get("PrivateIpAddresses") or ()
    entries = sorted(entries, key=lambda one: not one.get("Primary"))
    primary = described.get("PrivateIpAddress")
    privates = dict.fromkeys(one for one in (primary, *(e["PrivateIpAddress"] for e in entries)) if one)
    attachment = described.get("Attachment") or {}
    return Eni(
        interface_id=EniId(described["NetworkInterfaceId"]),
        subnet_id=SubnetId(described.get("SubnetId", "")),
        vpc_id=VpcId(described.get("VpcId", "")),
        private_ips=tuple(privates),
        ipv6_addresses=tuple(one["Ipv6Address"] for one in described.get("Ipv6Addresses") or ()),
        public_ips=tuple(_public_ips(described, entries)),
        groups=tuple(GroupId(one["GroupId"]) for one in described.get("Groups") or ()),
        description=described.get("Description", ""),
        interface_type=_interface_type(described),
        requester_id=described.get("RequesterId", ""),
        is_requester_managed=described.get("RequesterManaged", False),
        source_dest_check=described.get("SourceDestCheck", True),
        instance_id=attachment.get("InstanceId") or "",
        device_index=int(attachment.get("DeviceIndex") or 0),
        owner_id=described.get("OwnerId", ""),
        tags=tuple((tag["Key"], tag["Value"]) for tag in described.get("TagSet") or ()),
    )


def is_running(described: Description) -> bool:
    """Return whether an element of `Instances` of `DescribeInstances` is running."""
    return str((described.get("State") or {}).get("Name", "running")) == "running"


def _public_ips(described: Description, entries: Sequence[Description]) -> Iterator[tuple[str, str]]:
    seen = set()
    for one in (*entries, described):
        public = (one.get("Association") or {}).get("PublicIp")
        private = one.get("PrivateIpAddress")
        if public and private and public not in seen:
            seen.add(public)
            yield private, public


# AWS's description identifies the type if an emulator reports `InterfaceType` as "interface".
_TYPES_BY_DESCRIPTION = {
    "Interface for NAT Gateway nat-": "nat_gateway",
    "Network Interface for Transit Gateway Attachment tgw-attach-": "transit_gateway",
    "VPC Endpoint Interface vpce-": "vpc_endpoint",
    "ELB net/": "network_load_balancer",
    "ELB gwy/": "gateway_load_balancer",
    "AWS Lambda VPC ENI": "lambda",
}


def _interface_type(described: Description) -> str:
    # The SDK's enumeration has `natGateway`, the API returns `nat_gateway`.
    given = str(described.get("InterfaceType") or "interface").replace("natGateway", "nat_gateway")
    if given != "interface":
        return given
    text = str(described.get("Description") or "")
    return next((kind for start, kind in _TYPES_BY_DESCRIPTION.items() if text.startswith(start)), given)
