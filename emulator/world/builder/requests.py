"""The conversion of a topology's rules and network ACL entries to the shapes of the EC2 API. Pure."""

from __future__ import annotations

from typing import Any

from connectors.vpc.network import ANY, ICMP, ICMPV6, TCP, UDP
from emulator.world.topology.lines import Entry, Rule

# Rules take these protocols by name and all others by number, which then have no ports: IpPermission.
_PROTOCOLS = {ANY: "-1", ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6"}


def permission(rule: Rule, group_id: str = "") -> dict[str, Any]:
    """Return an `IpPermission`. `group_id` is the id of the rule's peer if the peer is a group."""
    found: dict[str, Any] = {"IpProtocol": _PROTOCOLS.get(rule.protocol, str(rule.protocol))}
    if rule.protocol in (ICMP, TCP, UDP, ICMPV6):
        found |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
    if group_id:
        return found | {"UserIdGroupPairs": [{"GroupId": group_id}]}
    if ":" in rule.peer:
        return found | {"Ipv6Ranges": [{"CidrIpv6": rule.peer}]}
    return found | {"IpRanges": [{"CidrIp": rule.peer}]}


def acl_entry(entry: Entry) -> dict[str, Any]:
    """Return the arguments of `CreateNetworkAclEntry` without the ACL's id."""
    rule = entry.rule
    request: dict[str, Any] = {
        "RuleNumber": entry.number,
        "Egress": entry.is_egress,
        "RuleAction": "allow" if entry.allows else "deny",
        "Protocol": str(rule.protocol),
        "Ipv6CidrBlock" if ":" in rule.peer else "CidrBlock": rule.peer,
    }
    if rule.protocol in (ICMP, ICMPV6):
        request["IcmpTypeCode"] = {"Type": rule.from_port, "Code": rule.to_port}
    elif rule.protocol in (TCP, UDP):
        request["PortRange"] = {"From": rule.from_port, "To": rule.to_port}
    return request
