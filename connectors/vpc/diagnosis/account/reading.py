"""The reader of everything that a diagnosis needs, from EC2, ELBv2 and RDS, and later from other services.

A call that the endpoint does not implement or the caller may not make is in `Inventory.unread`. Only the
essential calls of EC2 must succeed. A denied call is also in the estate's `unread`, so that what it describes
counts as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connectors.vpc.diagnosis.account import described
from connectors.vpc.diagnosis.account.corrections import placed, with_endpoint_interfaces, with_ipv6_rules
from connectors.vpc.diagnosis.account.inventory import Database, Inventory, LoadBalancer, TargetGroup
from connectors.vpc.diagnosis.account.names import tagged
from connectors.vpc.diagnosis.account.permissions import ESSENTIAL_CALLS
from connectors.vpc.ec2.reading import read

_AT_ONCE = 4
DENIED = re.compile("UnauthorizedOperation|AccessDenied|AuthFailure|not authorized")


def read_inventory(ec2: Any, elbv2: Any, rds: Any) -> Inventory:
    """Read the account. Raises botocore's errors if EC2 is unreachable or denies an essential call."""
    unread: dict[str, str] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        network = pool.submit(read, ec2, None, ESSENTIAL_CALLS)
        databases = pool.submit(_databases, rds, unread)
        balancers = pool.submit(_load_balancers, elbv2, unread)
        found = network.result()
    unread |= found.missing
    denied = frozenset(one for one, reason in unread.items() if DENIED.search(reason))
    estate, aliases = with_endpoint_interfaces(
        found.estate.with_changes(unread=denied), found.answers.vpc_endpoints
    )
    estate, moved = placed(with_ipv6_rules(estate))
    return Inventory(
        estate=estate,
        instances={one.instance_id: one.state for one in found.instances.values()},
        load_balancers=balancers.result(),
        databases=databases.result(),
        moved=moved,
        unread=unread,
        tags=tagged(found.answers),
        policies=described.restricting_policies(found.answers.vpc_endpoints),
        aliases=aliases,
    )


def pages(client: Any, unread: dict[str, str], operation: str, key: str, **request: Any) -> list[Any]:
    """Return the elements of all pages of a call, or none if it fails; the reason is then in `unread`."""
    try:
        if client.can_paginate(operation):
            found = client.get_paginator(operation).paginate(**request)
            return [one for page in found for one in page.get(key) or ()]
        return list(getattr(client, operation)(**request).get(key) or ())
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        unread[operation] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return []


def _databases(rds: Any, unread: dict[str, str]) -> tuple[Database, ...]:
    found = pages(rds, unread, "describe_db_instances", "DBInstances")
    return tuple(described.database(one) for one in found if one.get("DBSubnetGroup"))


def _load_balancers(elbv2: Any, unread: dict[str, str]) -> tuple[LoadBalancer, ...]:
    balancers = pages(elbv2, unread, "describe_load_balancers", "LoadBalancers")
    if not balancers:
        return ()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        groups = {one.arn: one for one in _target_groups(elbv2, unread, pool)}
        return tuple(pool.map(lambda one: _load_balancer(elbv2, unread, one, groups), balancers))


def _load_balancer(
    elbv2: Any, unread: dict[str, str], one: Mapping[str, Any], groups: Mapping[str, TargetGroup]
) -> LoadBalancer:
    arn = one["LoadBalancerArn"]
    listeners = [
        described.listener(
            listener,
            pages(elbv2, unread, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]),
            groups,
        )
        for listener in pages(elbv2, unread, "describe_listeners", "Listeners", LoadBalancerArn=arn)
    ]
    attributes = pages(elbv2, unread, "describe_load_balancer_attributes", "Attributes", LoadBalancerArn=arn)
    return described.load_balancer(one, _by_key(attributes), listeners)


def _target_groups(elbv2: Any, unread: dict[str, str], pool: ThreadPoolExecutor) -> list[TargetGroup]:
    def group(one: Mapping[str, Any]) -> TargetGroup:
        arn = one["TargetGroupArn"]
        attributes = pages(
            elbv2, unread, "describe_target_group_attributes", "Attributes", TargetGroupArn=arn
        )
        health = pages(
            elbv2, unread, "describe_target_health", "TargetHealthDescriptions", TargetGroupArn=arn
        )
        return described.target_group(one, _by_key(attributes), health)

    return list(pool.map(group, pages(elbv2, unread, "describe_target_groups", "TargetGroups")))


def _by_key(attributes: list[Any]) -> dict[str, str]:
    return {one["Key"]: str(one.get("Value", "")) for one in attributes}
