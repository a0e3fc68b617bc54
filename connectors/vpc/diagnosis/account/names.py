"""The names of resources: of load balancers, databases, services, and the tags of EC2. Pure.

The name of a load balancer and the id of a database precede tags with the same value. A name that several
resources of one rank have is ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.vpc.diagnosis.account.inventory import (
    Database,
    Inventory,
    LoadBalancer,
    ServiceResource,
    TaggedResource,
)
from connectors.vpc.ec2.described_estate import Answers

SHOWN_MAX = 8
"""The candidates that a message lists."""


Candidate = LoadBalancer | Database | ServiceResource | TaggedResource


def tagged(answers: Answers) -> dict[str, tuple[TaggedResource, ...]]:
    """Return the resources by the value of their tag `Name`, and by each tag as `key=value`.

    Terminated instances are left out, as are interfaces of instances, which often copy their tags.
    """
    found: dict[str, list[TaggedResource]] = {}
    for one, described in _described(answers):
        for tag in described.get("Tags") or described.get("TagSet") or ():
            key, value = tag.get("Key", ""), tag.get("Value", "")
            for name in ((value,) if key == "Name" else ()) + (f"{key}={value}",):
                found.setdefault(name, []).append(one)
    return {name: tuple(dict.fromkeys(some)) for name, some in found.items() if name}


def _described(answers: Answers) -> Iterator[tuple[TaggedResource, Mapping[str, Any]]]:
    for one in answers.instances:
        if (one.get("State") or {}).get("Name") != "terminated":
            yield TaggedResource("instance", one["InstanceId"]), one
    for one in answers.subnets:
        yield TaggedResource("subnet", one["SubnetId"]), one
    for one in answers.network_interfaces:
        if not (one.get("Attachment") or {}).get("InstanceId"):
            yield TaggedResource("network-interface", one["NetworkInterfaceId"]), one


def candidates(inventory: Inventory, text: str) -> tuple[Candidate, ...]:
    """Return the resources with a name, an ARN or a DNS name, those of the first rank only."""
    by_name: list[Candidate] = [
        *(one for one in inventory.load_balancers if text in (one.name, one.dns_name, one.arn)),
        *(one for one in inventory.databases if text in (one.name, one.dns_name, one.arn)),
    ]
    services = tuple(one for one in inventory.services if text in one.names or text == one.arn)
    return tuple(by_name) or tuple(inventory.tags.get(text, ())) or services


def listed(found: Iterable[Candidate]) -> str:
    """Return candidates as a list for a person."""
    texts = [f"{_kind(one)} {_id(one)}" for one in found]
    more = f" and {len(texts) - SHOWN_MAX} more" if len(texts) > SHOWN_MAX else ""
    return ", ".join(texts[:SHOWN_MAX]) + more


def _kind(one: Candidate) -> str:
    if isinstance(one, LoadBalancer):
        return "load balancer"
    return "RDS instance" if isinstance(one, Database) else one.kind.replace("-", " ")


def _id(one: Candidate) -> str:
    if isinstance(one, TaggedResource):
        return one.resource_id
    return one.arn or one.name
