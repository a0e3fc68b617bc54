"""The conversion of responses of ELBv2 and RDS, in boto3's shapes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.vpc.diagnosis.account.inventory import Database, Listener, LoadBalancer, Target, TargetGroup
from connectors.vpc.network import GroupId, SubnetId

Description = Mapping[str, Any]

_HALTED = frozenset(
    {"stopped", "stopping", "starting", "creating", "deleting", "deleted", "failed", "restore-error"}
    | {"inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"}
    | {"incompatible-network", "incompatible-parameters", "incompatible-restore", "storage-full"}
    | {"insufficient-capacity"}
)
_FULL = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
_RESPONDING = ("fixed-response", "redirect")


def target_group(
    described: Description, attributes: Mapping[str, str], health: Iterable[Description]
) -> TargetGroup:
    """Convert an element of `DescribeTargetGroups` with its attributes and the elements of target health.

    ELB guide, "Client IP preservation": the default is on for targets by instance id, and for UDP. For
    targets by address it is off with TCP and TLS.
    """
    protocol = described.get("Protocol", "")
    target_type = described.get("TargetType", "instance")
    is_network = protocol in ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
    by_default = target_type == "instance" or protocol in ("UDP", "TCP_UDP")
    keeps = attributes.get("preserve_client_ip.enabled", "true" if by_default else "false") == "true"
    crossing = attributes.get("load_balancing.cross_zone.enabled", "")
    port = int(described.get("Port") or 0)
    targets = tuple(
        Target(one["Target"]["Id"], int(one["Target"].get("Port") or port)) for one in _in_service(health)
    )
    return TargetGroup(
        arn=described["TargetGroupArn"],
        name=described.get("TargetGroupName", ""),
        targets=targets,
        keeps_client=is_network and keeps,
        is_cross_zone={"true": True, "false": False}.get(crossing),
    )


def _in_service(health: Iterable[Description]) -> Iterator[Description]:
    """Yield the targets that get requests: if none is healthy, all. ELB guide, "Health checks"."""
    states = [(one, (one.get("TargetHealth") or {}).get("State", "")) for one in health]
    has_healthy = any(state == "healthy" for _, state in states)
    for one, state in states:
        if state != "draining" and not (has_healthy and state == "unhealthy"):
            yield one


def listener(
    described: Description, rules: Iterable[Description], groups: Mapping[str, TargetGroup]
) -> Listener:
    """Convert an element of `DescribeListeners` with the elements of `DescribeRules`."""
    actions = list(described.get("DefaultActions") or ())
    actions += [action for rule in rules for action in rule.get("Actions") or ()]
    arns = [arn for action in actions for arn in _forwarded(action)]
    found = tuple(groups[arn] for arn in dict.fromkeys(arns) if arn in groups)
    is_answered = any(action.get("Type") in _RESPONDING for action in actions)
    return Listener(
        arn=described["ListenerArn"],
        protocol=described.get("Protocol", "TCP"),
        port=int(described.get("Port") or 0),
        groups=found,
        answers=is_answered and not found,
    )


def _forwarded(action: Description) -> list[str]:
    """Return the target groups of an action. A group of weight 0 gets no requests."""
    weighted = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    if not weighted:
        return [action["TargetGroupArn"]] if action.get("TargetGroupArn") else []
    return [one["TargetGroupArn"] for one in weighted if int(one.get("Weight", 1)) > 0]


def load_balancer(
    described: Description, attributes: Mapping[str, str], listeners: Sequence[Listener]
) -> LoadBalancer:
    """Convert an element of `DescribeLoadBalancers` of ELBv2.

    An Application Load Balancer always balances across zones: ELB guide, "Cross-zone load balancing".
    """
    kind = described.get("Type", "application")
    crossing = attributes.get("load_balancing.cross_zone.enabled", "false") == "true"
    return LoadBalancer(
        arn=described["LoadBalancerArn"],
        name=described["LoadBalancerName"],
        dns_name=described.get("DNSName", ""),
        kind=kind,
        is_public=described.get("Scheme", "internet-facing") != "internal",
        subnets=tuple(SubnetId(one["SubnetId"]) for one in described.get("AvailabilityZones") or ()),
        groups=tuple(map(GroupId, described.get("SecurityGroups") or ())),
        listeners=tuple(listeners),
        is_cross_zone=kind == "application" or crossing,
        is_running=(described.get("State") or {}).get("Code") not in ("failed",),
    )


def restricting_policies(endpoints: Iterable[Description]) -> frozenset[str]:
    """Return the VPC endpoints whose policy is not the default one, which allows everything."""
    return frozenset(
        one["VpcEndpointId"] for one in endpoints if not _allows_everything(one.get("PolicyDocument") or "")
    )


def _allows_everything(policy: str) -> bool:
    if not policy:
        return True
    try:
        statements = json.loads(policy).get("Statement") or []
    except (ValueError, AttributeError):
        return False
    statements = [statements] if isinstance(statements, dict) else statements
    return len(statements) == 1 and all(statements[0].get(key) == value for key, value in _FULL.items())


def database(described: Description) -> Database:
    """Convert an element of `DescribeDBInstances`."""
    endpoint = described.get("Endpoint") or {}
    subnets = (described.get("DBSubnetGroup") or {}).get("Subnets") or ()
    return Database(
        name=described["DBInstanceIdentifier"],
        dns_name=endpoint.get("Address", ""),
        port=int(endpoint.get("Port") or described.get("DbInstancePort") or 0) or 3306,
        is_public=bool(described.get("PubliclyAccessible", False)),
        is_running=described.get("DBInstanceStatus", "available") not in _HALTED,
        zone=described.get("AvailabilityZone", ""),
        subnets=tuple(SubnetId(one["SubnetIdentifier"]) for one in subnets),
        groups=tuple(
            GroupId(one["VpcSecurityGroupId"])
            for one in described.get("VpcSecurityGroups") or ()
            if one.get("Status", "active") != "removing"
        ),
        arn=described.get("DBInstanceArn", ""),
    )
