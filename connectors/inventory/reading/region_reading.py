"""One reading of an account and a Region: the network configuration, and the sources of owners.

`read_inventory` makes the calls of a diagnosis, so that the topic has exactly what a diagnosis reads. The
other calls find owners: load balancers, databases, caches, functions, tasks, clusters, and their tags.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from connectors import metrics
from connectors.inventory.call import Call
from connectors.inventory.network_at import NETWORK_SERVICES
from connectors.inventory.network_rows import CallAnswer
from connectors.inventory.reading.denials import Denials
from connectors.inventory.reading.owners import (
    CACHES,
    CLUSTERS,
    FUNCTIONS,
    TASKS,
    interfaces_of_task,
    needed_sources,
)
from connectors.inventory.reading.recorded_calls import HAS_FAILED, OK, RecordedCalls
from connectors.inventory.reading.sources import Description, Sources
from connectors.vpc.diagnosis.account.reading import read_inventory
from connectors.vpc.ec2.stand_ins import as_aws

log = structlog.get_logger()

TAGGED = ["elasticloadbalancing:loadbalancer", "rds:db", "elasticache:cluster", "lambda:function"]
TASKS_AT_ONCE = 100
"""DescribeTasks takes so many tasks (API reference)."""
CLUSTERS_AT_ONCE = 10
"""ECS clusters whose tasks are listed in one reading, if an interface belongs to an unknown task."""


@dataclass(frozen=True, slots=True)
class RegionReading:
    """The result of a reading. `at_s` is its time by AWS's clock, epoch seconds.

    `is_whole` is False if the interfaces were not listed, or an answer was not understood: some calls may
    then not have been made.
    `has_interfaces` is True if all interfaces were listed. `is_complete` is True if no call failed; a denied
    call is no failure. `calls` is the number of calls that were made, each page counted.
    """

    at_s: int
    sources: Sources
    answers: Mapping[Call, CallAnswer]
    is_whole: bool
    has_interfaces: bool
    is_complete: bool
    calls: int


class RegionReader:
    """The reader of one account and Region. `clients` returns the boto3 client of a service."""

    def __init__(self, clients: Callable[[str], Any], place: str, stop: threading.Event) -> None:
        denials = Denials(place, metrics.INVENTORY_DENIED)
        self._calls = RecordedCalls(clients, metrics.INVENTORY_CALLS, denials, stop)
        self._place = place
        self._with_task: set[str] = set()
        self._first_cluster = 0

    @property
    def denied(self) -> frozenset[str]:
        """The actions that AWS refuses."""
        return frozenset(self._calls.denials.actions)

    def read(self) -> RegionReading:
        """Read everything; blocks for seconds. Raises `Stopped`."""
        self._calls.begin()
        is_understood = self._read_network()
        sources = self._sources()
        used = self._calls.used
        interfaces = used.get(Call("ec2", "describe_network_interfaces"))
        has_interfaces = interfaces is not None and interfaces.outcome == OK
        is_whole = is_understood and has_interfaces  # The interfaces decide which services are read.
        answers = {
            call: CallAnswer(one.content, one.error, one.outcome != HAS_FAILED, one.is_complete)
            for call, one in used.items()
            if call.service in NETWORK_SERVICES
        }
        if is_whole:
            self._calls.finish()
        return RegionReading(
            at_s=interfaces.at_s if interfaces is not None and interfaces.at_s else int(time.time()),
            sources=sources,
            answers=answers,
            is_whole=is_whole,
            has_interfaces=has_interfaces,
            is_complete=is_whole and all(one.outcome != HAS_FAILED for one in used.values()),
            calls=self._calls.made,
        )

    def _read_network(self) -> bool:
        """Make the calls of a diagnosis; return whether all were made."""
        clients = [_Client(self._calls, service) for service in ("ec2", "elbv2", "rds")]
        try:
            read_inventory(*clients)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # An element without the fields that AWS documents; the other calls are made without the model.
            why = f"{type(error).__name__}: {error}"
            log.warning("network configuration not understood", place=self._place, error=why)
            return False
        return True

    def _sources(self) -> Sources:
        ec2 = self._ec2
        interfaces = [as_aws(one) for one in ec2("describe_network_interfaces", "NetworkInterfaces")]
        reservations = ec2("describe_instances", "Reservations")
        texts = {str(one["NetworkInterfaceId"]): str(one.get("Description") or "") for one in interfaces}
        needed = needed_sources(texts)
        balancers = self._listed("elbv2", "describe_load_balancers", "LoadBalancers")
        databases = self._listed("rds", "describe_db_instances", "DBInstances")
        caches = self._caches() if CACHES in needed else []
        functions = self._listed("lambda", "list_functions", "Functions") if FUNCTIONS in needed else []
        is_tagged = bool(balancers or databases or caches or functions)
        return Sources(
            interfaces=interfaces,
            instances=[one for some in reservations for one in some.get("Instances") or ()],
            subnets=ec2("describe_subnets", "Subnets"),
            nat_gateways=ec2("describe_nat_gateways", "NatGateways"),
            endpoints=ec2("describe_vpc_endpoints", "VpcEndpoints"),
            transit_gateway_attachments=ec2(
                "describe_transit_gateway_attachments", "TransitGatewayAttachments"
            ),
            transit_gateways=ec2("describe_transit_gateways", "TransitGateways"),
            addresses=ec2("describe_addresses", "Addresses"),
            load_balancers=balancers,
            databases=databases,
            caches=caches,
            functions=functions,
            tasks=self._tasks(texts) if TASKS in needed else (),
            clusters=self._listed("eks", "list_clusters", "clusters") if CLUSTERS in needed else (),
            tags=self._tags() if is_tagged else {},
            incomplete=self._incomplete(),
        )

    def _incomplete(self) -> frozenset[str]:
        """Return the operations that were not answered; tasks are unknown without any of ECS's calls."""
        found = self._calls.incomplete()
        return found | {TASKS} if any(name.startswith("ecs.") for name in found) else found

    def _ec2(self, operation: str, member: str) -> list[Description]:
        return self._listed("ec2", operation, member)

    def _listed(self, service: str, operation: str, member: str, **request: Any) -> list[Any]:
        return list(self._calls.call(service, operation, **request).get(member) or ())

    def _caches(self) -> list[Description]:
        """Return the caches, by the calls of `read_services`, so that a diagnosis of the past has them."""
        self._listed("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups")
        return self._listed("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True)

    def _tags(self) -> dict[str, dict[str, str]]:
        found = self._listed(
            "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", ResourceTypeFilters=TAGGED
        )
        return {
            str(one["ResourceARN"]): {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()}
            for one in found
        }

    def _tasks(self, texts: Mapping[str, str]) -> list[Description]:
        """Return all tasks. Some clusters list theirs again if an interface belongs to an unknown task."""
        clusters = self._listed("ecs", "list_clusters", "clusterArns")
        wanted = {eni for eni, text in texts.items() if text.startswith("arn:") and ":ecs:" in text}
        again = set(self._next(clusters)) if wanted - self._with_task else set()
        found: list[Description] = []
        for cluster in clusters:
            answer = self._calls.call("ecs", "list_tasks", again=cluster in again, cluster=cluster)
            arns = answer.get("taskArns") or ()
            for place in range(0, len(arns), TASKS_AT_ONCE):
                some = list(arns[place : place + TASKS_AT_ONCE])
                found += self._listed("ecs", "describe_tasks", "tasks", cluster=cluster, tasks=some)
        self._with_task = {eni for task in found for eni in interfaces_of_task(task)}
        return found

    def _next(self, clusters: Sequence[str]) -> list[str]:
        """Return the next clusters in turn."""
        first = self._first_cluster % len(clusters) if clusters else 0
        self._first_cluster = first + CLUSTERS_AT_ONCE
        return [*clusters[first:], *clusters[:first]][:CLUSTERS_AT_ONCE]


class _Client:
    """A client for `read_inventory`. A call that AWS refuses has its last answer, or an empty one."""

    def __init__(self, calls: RecordedCalls, service: str) -> None:
        self._calls, self._service = calls, service

    def can_paginate(self, _: str) -> bool:
        """Return False: an answer has all pages."""
        return False

    def __getattr__(self, operation: str) -> Callable[..., Mapping[str, Any]]:
        """Return the operation."""

        def call(**request: Any) -> Mapping[str, Any]:
            return self._calls.call(self._service, operation, **request)

        return call
