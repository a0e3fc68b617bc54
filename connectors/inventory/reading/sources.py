"""The answers of AWS from which owners of interfaces are derived. Pure.

`Sources` indexes the elements of the responses, in boto3's shapes, by the ids that interfaces refer to. An
operation in `incomplete` was denied or failed: an owner that depends on it may lack its id, name or tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.vpc.ec2.stand_ins import AS_AWS

Description = Mapping[str, Any]
Descriptions = Sequence[Description]


@dataclass(frozen=True, slots=True)
class Sources:
    """The elements of the responses. `tags` maps the ARN of a resource to its tags.

    `tasks` are elements of ECS's `DescribeTasks`; `instances` are those of all reservations.
    """

    interfaces: Descriptions = ()
    instances: Descriptions = ()
    subnets: Descriptions = ()
    nat_gateways: Descriptions = ()
    endpoints: Descriptions = ()
    transit_gateway_attachments: Descriptions = ()
    transit_gateways: Descriptions = ()
    addresses: Descriptions = ()
    load_balancers: Descriptions = ()
    databases: Descriptions = ()
    caches: Descriptions = ()
    functions: Descriptions = ()
    tasks: Descriptions = ()
    clusters: Sequence[str] = ()
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()


def tags_of(described: Description) -> dict[str, str]:
    """Return the tags of an element, by key, without the tag that only an emulator's interfaces have."""
    listed = described.get("TagSet") or described.get("Tags") or described.get("TagList") or ()
    tags = {
        str(tag.get("Key", tag.get("key", ""))): str(tag.get("Value", tag.get("value", ""))) for tag in listed
    }
    tags.pop(AS_AWS, None)
    return tags


def by(field_name: str, described: Iterable[Description]) -> dict[str, Description]:
    """Return elements by the value of a field; an element without the field is left out."""
    return {str(one[field_name]): one for one in described if one.get(field_name)}
