"""The owner of a network interface, derived from its description and the answers of other services. Pure.

AWS has no field for the owner. An instance is in the attachment. Services write the owner in the description
of the interface, in forms that AWS documents only in part ("VPC guide, Requester-managed network
interfaces"); the forms here were seen on 2026-11-30 in public outputs of `DescribeNetworkInterfaces`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.inventory.reading.sources import Description, Sources, by, tags_of

_TERMINATED = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")
_GONE = frozenset({"shutting-down", "terminated"})

SUBNETS = "ec2.describe_subnets"
DESCRIBE_INSTANCES = "ec2.describe_instances"
LOAD_BALANCERS = "elbv2.describe_load_balancers"
DATABASES = "rds.describe_db_instances"
CACHES = "elasticache.describe_cache_clusters"
FUNCTIONS = "lambda.list_functions"
TASKS = "ecs.describe_tasks"
CLUSTERS = "eks.list_clusters"
TAGS = "resourcegroupstaggingapi.get_resources"


@dataclass(frozen=True, slots=True)
class DerivedOwner:
    """The owner of an interface. `since` is when it got the interface, epoch seconds, None if not described.

    `source` is the operation that describes the owner, empty if none is needed.
    """

    kind: str
    id: str = ""
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    since: int | None = None
    source: str = ""


class Owners:
    """The owners of all interfaces of one account and Region."""

    def __init__(self, sources: Sources) -> None:
        self._tags = sources.tags
        self._clusters = sources.clusters
        self._instances = by("InstanceId", sources.instances)
        self._gateways = by("NatGatewayId", sources.nat_gateways)
        self._endpoints = by("VpcEndpointId", sources.endpoints)
        self._attachments = by("TransitGatewayAttachmentId", sources.transit_gateway_attachments)
        self._transit_gateways = by("TransitGatewayId", sources.transit_gateways)
        self._balancers = {
            str(one["LoadBalancerArn"]).partition("loadbalancer/")[2]: one for one in sources.load_balancers
        }
        self._zones = {str(one["SubnetId"]): one.get("AvailabilityZone", "") for one in sources.subnets}
        self._databases = sources.databases
        self._caches = by("CacheClusterId", sources.caches)
        self._functions = by("FunctionName", sources.functions)
        self._tasks = {str(eni): task for task in sources.tasks for eni in interfaces_of_task(task)}

    def of(self, eni: Description) -> DerivedOwner:
        """Return the owner of an element of `DescribeNetworkInterfaces`."""
        attachment = eni.get("Attachment") or {}
        instance = str(attachment.get("InstanceId") or "")
        # moto keeps the attachment of a terminated instance; AWS detaches or deletes the interface.
        if instance and self._state(instance) != "terminated":
            return self._instance(instance, attachment)
        text = str(eni.get("Description") or "")
        since = seconds(attachment.get("AttachTime"))
        for pattern, derive in _BY_DESCRIPTION:
            if match := pattern.match(text):
                return _with_defaults(derive(self, match, eni), eni, since)
        name = _name(tags_of(eni)) or text
        return DerivedOwner("interface", str(eni["NetworkInterfaceId"]), name, tags_of(eni), since)

    def ended_at(self, instance_id: str) -> int | None:
        """Return when an instance was terminated, epoch seconds; None if it runs or AWS does not say."""
        if self._state(instance_id) not in _GONE:
            return None
        instance = self._instances.get(instance_id, {})
        match = _TERMINATED.search(str(instance.get("StateTransitionReason") or ""))
        return int(datetime.fromisoformat(f"{match[1]}+00:00").timestamp()) if match else None

    def _state(self, instance_id: str) -> str:
        return str((self._instances.get(instance_id, {}).get("State") or {}).get("Name", ""))

    def _instance(self, instance: str, attachment: Description) -> DerivedOwner:
        tags = tags_of(self._instances.get(instance, {}))
        since = seconds(attachment.get("AttachTime"))
        return DerivedOwner("instance", instance, _name(tags), tags, since, DESCRIBE_INSTANCES)

    def _nat_gateway(self, match: re.Match[str], _: Description) -> DerivedOwner:
        found = self._gateways.get(match[1], {})
        tags = tags_of(found)
        return DerivedOwner("nat-gateway", match[1], _name(tags), tags, seconds(found.get("CreateTime")))

    def _endpoint(self, match: re.Match[str], _: Description) -> DerivedOwner:
        found = self._endpoints.get(match[1], {})
        tags = tags_of(found)
        name = _name(tags) or str(found.get("ServiceName", ""))
        return DerivedOwner("endpoint", match[1], name, tags, seconds(found.get("CreationTimestamp")))

    def _transit_gateway(self, match: re.Match[str], _: Description) -> DerivedOwner:
        attachment = self._attachments.get(match[1], {})
        gateway = str(attachment.get("TransitGatewayId", ""))
        tags = tags_of(self._transit_gateways.get(gateway, {})) or tags_of(attachment)
        since = seconds(attachment.get("CreationTime"))
        return DerivedOwner("transit-gateway", gateway or match[1], _name(tags), tags, since)

    def _load_balancer(self, match: re.Match[str], _: Description) -> DerivedOwner:
        found = self._balancers.get(match[1], {})
        arn = str(found.get("LoadBalancerArn", "")) or match[1]
        since = seconds(found.get("CreatedTime"))
        return DerivedOwner("load-balancer", arn, match[2], self._tags.get(arn, {}), since, LOAD_BALANCERS)

    def _classic(self, match: re.Match[str], _: Description) -> DerivedOwner:
        return DerivedOwner("load-balancer", match[1], match[1])

    def _database(self, _: re.Match[str], eni: Description) -> DerivedOwner:
        """Return the only RDS instance with the subnet, zone and groups of the interface, if there is one."""
        found = [one for one in self._databases if self._is_in(one, eni)]
        if len(found) != 1:
            return DerivedOwner("database", source=DATABASES)
        database, arn = found[0], str(found[0].get("DBInstanceArn", ""))
        tags = tags_of(database) or self._tags.get(arn, {})
        name = str(database["DBInstanceIdentifier"])
        return DerivedOwner("database", arn or name, name, tags, None, DATABASES)

    def _is_in(self, database: Description, eni: Description) -> bool:
        subnets = (database.get("DBSubnetGroup") or {}).get("Subnets") or ()
        groups = {one["VpcSecurityGroupId"] for one in database.get("VpcSecurityGroups") or ()}
        zones = {database.get("AvailabilityZone"), database.get("SecondaryAvailabilityZone")} - {None, ""}
        zone = eni.get("AvailabilityZone") or self._zones.get(str(eni.get("SubnetId")), "")
        return (
            any(one.get("SubnetIdentifier") == eni.get("SubnetId") for one in subnets)
            and groups == {one["GroupId"] for one in eni.get("Groups") or ()}
            and (not zones or zone in zones)
        )

    def _cache(self, match: re.Match[str], _: Description) -> DerivedOwner:
        found = self._caches.get(match[1], {})
        arn = str(found.get("ARN", "")) or match[1]
        name = str(found.get("ReplicationGroupId") or match[1])
        since = seconds(found.get("CacheClusterCreateTime"))
        return DerivedOwner("cache", arn, name, self._tags.get(arn, {}), since, CACHES)

    def _function(self, match: re.Match[str], _: Description) -> DerivedOwner:
        found = self._functions.get(match[1], {})
        arn = str(found.get("FunctionArn", "")) or match[1]
        return DerivedOwner("function", arn, match[1], self._tags.get(arn, {}), None, FUNCTIONS)

    def _task(self, match: re.Match[str], eni: Description) -> DerivedOwner:
        task = self._tasks.get(str(eni["NetworkInterfaceId"]), {})
        arn = str(task.get("taskArn", "")) or match[0]
        own, tags = tags_of(eni), tags_of({"Tags": task.get("tags") or ()})
        group = str(task.get("group", "")).partition(":")[2]
        name = (
            group
            or own.get("aws:ecs:serviceName", "")
            or str(task.get("taskDefinitionArn", "")).rpartition("/")[2]
        )
        return DerivedOwner("task", arn, name, tags or own, seconds(task.get("createdAt")), TASKS)

    def _cluster(self, match: re.Match[str], _: Description) -> DerivedOwner:
        name = next((one for one in self._clusters if one == match[1]), match[1])
        return DerivedOwner("cluster", name, name, {}, None, CLUSTERS)


_Derive = Callable[[Owners, "re.Match[str]", Description], DerivedOwner]
_BY_DESCRIPTION: tuple[tuple[re.Pattern[str], _Derive], ...] = (
    (re.compile(r"Interface for NAT Gateway (nat-\w+)"), Owners._nat_gateway),
    (re.compile(r"VPC Endpoint Interface (vpce-\w+)"), Owners._endpoint),
    (
        re.compile(r"Network Interface for Transit Gateway Attachment (tgw-attach-\w+)"),
        Owners._transit_gateway,
    ),
    (re.compile(r"ELB ((?:app|net|gwy)/([^/]+)/\w+)"), Owners._load_balancer),
    (re.compile(r"ELB ([\w-]+)$"), Owners._classic),
    (re.compile(r"RDSNetworkInterface"), Owners._database),
    (re.compile(r"ElastiCache[ +](?:for )?([\w-]+)"), Owners._cache),
    (re.compile(r"AWS Lambda VPC ENI-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"), Owners._function),
    (re.compile(r"arn:aws[\w-]*:ecs:[\w-]+:\d+:attachment/[\w-]+"), Owners._task),
    (re.compile(r"Amazon EKS ([\w-]+)"), Owners._cluster),
)


def needed_sources(texts: Mapping[str, str]) -> frozenset[str]:
    """Return the operations that describe owners of interfaces; `texts` maps interface id to description."""
    found: set[str] = set()
    starts = {
        "ElastiCache": CACHES,
        "AWS Lambda VPC ENI": FUNCTIONS,
        "arn:aws": TASKS,
        "Amazon EKS ": CLUSTERS,
    }
    for text in texts.values():
        found.update(operation for start, operation in starts.items() if text.startswith(start))
    return frozenset(found)


def seconds(value: Any) -> int | None:
    """Return a time of boto3's as epoch seconds; None if there is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _with_defaults(owner: DerivedOwner, eni: Description, since: int | None) -> DerivedOwner:
    """Add the interface's own id, name, tags and attach time where the owner has none."""
    tags = owner.tags or tags_of(eni)
    return DerivedOwner(
        owner.kind,
        owner.id or str(eni["NetworkInterfaceId"]),
        owner.name or _name(tags_of(eni)),
        tags,
        owner.since if owner.since is not None else since,
        owner.source,
    )


def _name(tags: Mapping[str, str]) -> str:
    return tags.get("Name", "")


def interfaces_of_task(task: Description) -> list[str]:
    """Return the interfaces of an ECS task, from its attachments."""
    details = [
        detail
        for attachment in task.get("attachments") or ()
        for detail in attachment.get("details") or ()
        if detail.get("name") == "networkInterfaceId"
    ]
    return [str(detail["value"]) for detail in details if detail.get("value")]
