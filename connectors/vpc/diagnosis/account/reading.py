"""The reader of everything that a diagnosis needs, from EC2, ELBv2 and RDS.

A call that the endpoint does not implement or the caller may not make is in `Inventory.unread`. Only the
essential calls of EC2 must succeed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connectors.vpc.diagnosis.account import described
from connectors.vpc.diagnosis.account.corrections import placed, with_ipv6_rules
from connectors.vpc.diagnosis.account.inventory import Database, Inventory, LoadBalancer, TargetGroup
from connectors.vpc.ec2.reading import read

_AT_ONCE = 4


def read_inventory(ec2: Any, elbv2: Any, rds: Any) -> Inventory:
    """Read the account. Raises botocore's errors if EC2 is unreachable or denies an essential call."""
    unread: dict[str, str] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        network = pool.submit(read, ec2)
        databases = pool.submit(_databases, rds, unread)
        balancers = pool.submit(_load_balancers, elbv2, unread)
        found = network.result()
    estate, moved = placed(with_ipv6_rules(found.estate))
    return Inventory(
        estate=estate,
        instances={one.instance_id: one.state for one in found.instances.values()},
        load_balancers=balancers.result(),
        databases=databases.result(),
        moved=moved,
        unread={**found.missing, **unread},
    )


def _pages(client: Any, unread: dict[str, str], operation: str, key: str, **request: Any) -> list[Any]:
    try:
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**request)
            return [one for page in pages for one in page.get(key) or ()]
        return list(getattr(client, operation)(**request).get(key) or ())
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        unread[operation] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return []


def _databases(rds: Any, unread: dict[str, str]) -> tuple[Database, ...]:
    found = _pages(rds, unread, "describe_db_instances", "DBInstances")
    return tuple(described.database(one) for one in found if one.get("DBSubnetGroup"))


def _load_balancers(elbv2: Any, unread: dict[str, str]) -> tuple[LoadBalancer, ...]:
    balancers = _pages(elbv2, unread, "describe_load_balancers", "LoadBalancers")
    groups = {one.arn: one for one in _target_groups(elbv2, unread)} if balancers else {}
    return tuple(_load_balancer(elbv2, unread, one, groups) for one in balancers)


def _load_balancer(
    elbv2: Any, unread: dict[str, str], one: Mapping[str, Any], groups: Mapping[str, TargetGroup]
) -> LoadBalancer:
    arn = one["LoadBalancerArn"]
    listeners = [
        described.listener(
            listener,
            _pages(elbv2, unread, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]),
            groups,
        )
        for listener in _pages(elbv2, unread, "describe_listeners", "Listeners", LoadBalancerArn=arn)
    ]
    attributes = _pages(elbv2, unread, "describe_load_balancer_attributes", "Attributes", LoadBalancerArn=arn)
    return described.load_balancer(one, _by_key(attributes), listeners)


def _target_groups(elbv2: Any, unread: dict[str, str]) -> list[TargetGroup]:
    found = []
    for one in _pages(elbv2, unread, "describe_target_groups", "TargetGroups"):
        arn = one["TargetGroupArn"]
        attributes = _pages(
            elbv2, unread, "describe_target_group_attributes", "Attributes", TargetGroupArn=arn
        )
        health = _pages(
            elbv2, unread, "describe_target_health", "TargetHealthDescriptions", TargetGroupArn=arn
        )
        found.append(described.target_group(one, _by_key(attributes), health))
    return found


def _by_key(attributes: list[Any]) -> dict[str, str]:
    return {one["Key"]: str(one.get("Value", "")) for one in attributes}
