"""The reader of the caches, functions and tasks of an account: ElastiCache, Lambda, ECS.

A diagnosis reads them only if an end is a name that nothing else has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.vpc.diagnosis.account.inventory import ServiceResource
from connectors.vpc.diagnosis.account.reading import pages
from connectors.vpc.network import GroupId, SubnetId

_TASKS_AT_ONCE = 100  # DescribeTasks takes a hundred.


def read_services(
    elasticache: Any, functions: Any, ecs: Any, unread: dict[str, str]
) -> tuple[ServiceResource, ...]:
    """Return the services of the account. A call that fails is in `unread`, with the reason."""
    return (*_caches(elasticache, unread), *_functions(functions, unread), *_tasks(ecs, unread))


def _caches(client: Any, unread: dict[str, str]) -> Iterator[ServiceResource]:
    groups = {
        one["CacheSubnetGroupName"]: tuple(SubnetId(each["SubnetIdentifier"]) for each in one["Subnets"])
        for one in pages(client, unread, "describe_cache_subnet_groups", "CacheSubnetGroups")
    }
    for one in pages(client, unread, "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True):
        yield cache(one, groups)


def cache(one: Mapping[str, Any], groups: Mapping[str, tuple[SubnetId, ...]]) -> ServiceResource:
    """Convert an element of `DescribeCacheClusters`. The name of its replication group is a name too."""
    name, group = one["CacheClusterId"], one.get("ReplicationGroupId") or ""
    nodes = one.get("CacheNodes") or ()
    endpoints = [one.get("ConfigurationEndpoint"), *(node.get("Endpoint") for node in nodes)]
    port = next((int(each["Port"]) for each in endpoints if each and each.get("Port")), 0)
    return ServiceResource(
        kind="cache",
        names=(name, group) if group else (name,),
        arn=one.get("ARN", ""),
        subnets=groups.get(one.get("CacheSubnetGroupName", ""), ()),
        groups=tuple(GroupId(each["SecurityGroupId"]) for each in one.get("SecurityGroups") or ()),
        descriptions=(f"ElastiCache {name}", f"ElastiCache {name}-", f"ElastiCache+{name}"),
        port=port or (11211 if one.get("Engine") == "memcached" else 6379),
        is_running=one.get("CacheClusterStatus", "available") not in ("deleted", "deleting", "creating"),
    )


def _functions(client: Any, unread: dict[str, str]) -> Iterator[ServiceResource]:
    for one in pages(client, unread, "list_functions", "Functions"):
        name, network = one["FunctionName"], one.get("VpcConfig") or {}
        yield ServiceResource(
            kind="function",
            names=(name,),
            arn=one.get("FunctionArn", ""),
            subnets=tuple(map(SubnetId, network.get("SubnetIds") or ())),
            groups=tuple(map(GroupId, network.get("SecurityGroupIds") or ())),
            descriptions=(f"AWS Lambda VPC ENI-{name}-", f"AWS Lambda VPC ENI-{name}"),
        )


def _tasks(client: Any, unread: dict[str, str]) -> Iterator[ServiceResource]:
    for cluster in pages(client, unread, "list_clusters", "clusterArns"):
        arns = pages(client, unread, "list_tasks", "taskArns", cluster=cluster)
        for place in range(0, len(arns), _TASKS_AT_ONCE):
            some = arns[place : place + _TASKS_AT_ONCE]
            for one in pages(client, unread, "describe_tasks", "tasks", cluster=cluster, tasks=some):
                yield task(one)


def task(one: Mapping[str, Any]) -> ServiceResource:
    """Convert an element of `DescribeTasks`. The name of its service is a name too."""
    arn = one["taskArn"]
    service = str(one.get("group", "")).partition("service:")[2]
    details = [
        (each["name"], each["value"])
        for attachment in one.get("attachments") or ()
        for each in attachment.get("details") or ()
    ]
    return ServiceResource(
        kind="task",
        names=(arn.rpartition("/")[2], service) if service else (arn.rpartition("/")[2],),
        arn=arn,
        subnets=tuple(SubnetId(value) for key, value in details if key == "subnetId"),
        interfaces=tuple(value for key, value in details if key == "networkInterfaceId"),
        is_running=one.get("lastStatus", "RUNNING") in ("RUNNING", "ACTIVATING", "PENDING", "PROVISIONING"),
    )
