"""The differences between two described networks, as one line for each resource. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from connectors.vpc.estate import Resources

_IDS = (
    "interface_id",
    "subnet_id",
    "route_table_id",
    "network_acl_id",
    "group_id",
    "nat_gateway_id",
    "peering_id",
    "prefix_list_id",
    "endpoint_id",
    "attachment_id",
    "gateway_id",
    "transit_gateway_id",
    "vpc_id",
)


def changes(before: Resources, after: Resources) -> list[str]:
    """Return a line for each resource that was added, deleted or changed, with the parts that differ."""
    found: list[str] = []
    for one in fields(Resources):
        old, new = getattr(before, one.name), getattr(after, one.name)
        if old == new:
            continue
        if isinstance(old, tuple) and isinstance(new, tuple):
            found += _listed(_by_id(old), _by_id(new))
        else:
            found.append(f"{one.name.replace('_', ' ')}: {old} → {new}")
    return found


def _by_id(resources: tuple[Any, ...]) -> dict[str, Any]:
    return {_id(one): one for one in resources}


def _id(resource: Any) -> str:
    return next((str(getattr(resource, name)) for name in _IDS if hasattr(resource, name)), repr(resource))


def _listed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for resource_id in sorted(old.keys() | new.keys()):
        if resource_id not in new:
            yield f"{resource_id} deleted"
        elif resource_id not in old:
            yield f"{resource_id} added"
        elif old[resource_id] != new[resource_id]:
            yield f"{resource_id} changed: {'; '.join(_parts(old[resource_id], new[resource_id]))}"


def _parts(old: Any, new: Any) -> Iterator[str]:
    for one in fields(old):
        first, second = getattr(old, one.name), getattr(new, one.name)
        if first == second:
            continue
        if isinstance(first, tuple) and isinstance(second, tuple):
            yield from (f"- {_text(each)}" for each in first if each not in second)
            yield from (f"+ {_text(each)}" for each in second if each not in first)
        else:
            yield f"{one.name} {first} → {second}"


def _text(part: Any) -> str:
    return str(getattr(part, "text", part))
