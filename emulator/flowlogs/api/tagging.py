"""`CreateTags`, `DeleteTags` and `DescribeTags` for flow logs.

One call may name resources of several types. Flow log ids begin with `fl-`; all other ids are forwarded to
moto first. If moto refuses them, the flow logs stay unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from emulator.flowlogs.api import errors
from emulator.flowlogs.api.describing import passes
from emulator.flowlogs.api.query import Kept, Parameters, Xml
from emulator.flowlogs.api.validation import check_tags
from emulator.flowlogs.flow_log import FlowLog, FlowLogs
from emulator.flowlogs.service_client import ServiceClient, ServiceError, content
from emulator.http.messages import Outgoing
from emulator.scope import Scope

RESOURCE_TYPE = "vpc-flow-log"
_OURS = re.compile(r"ResourceId\.\d+")


def is_ours(asked: Parameters) -> bool:
    """Return True if a call that changes tags names a flow log."""
    return any(one.startswith("fl-") for one in asked.texts("ResourceId"))


async def create_tags(flow_logs: FlowLogs, client: ServiceClient, asked: Parameters, scope: Scope) -> None:
    """Add tags or change their values. Raises `Refused`, and `ServiceError` with moto's error."""
    ours = _ours(flow_logs, asked, scope)
    wanted = {tag.text("Key"): tag.text("Value") for tag in asked.structures("Tag")}
    if not wanted:
        raise errors.missing("Tag")
    for one in ours:
        check_tags({**one.tags, **wanted})
    await _others(client, asked, scope)
    for one in ours:
        one.tags.update(wanted)


async def delete_tags(flow_logs: FlowLogs, client: ServiceClient, asked: Parameters, scope: Scope) -> None:
    """Remove the named tags, or all tags if none is named. Raises the errors of `create_tags`.

    If a named tag has a value, it is removed only if the values are equal.
    """
    ours = _ours(flow_logs, asked, scope)
    named = {tag.text("Key"): tag.values.get("Value") for tag in asked.structures("Tag")}
    await _others(client, asked, scope)
    for one in ours:
        one.tags = {
            key: value
            for key, value in one.tags.items()
            if named and (key not in named or named[key] not in {None, value})
        }


async def describe_tags(
    flow_logs: FlowLogs, client: ServiceClient, asked: Parameters, scope: Scope
) -> Mapping[str, Xml]:
    """Return moto's tags, followed by the tags of flow logs. Raises `ServiceError`."""
    answer = await client.ec2(scope, asked.values)
    if answer.status != 200:
        raise ServiceError("DescribeTags", answer)
    filters = [(one.text("Name"), one.texts("Value")) for one in asked.structures("Filter")]
    ours = [
        _item(key, one.flow_log_id, RESOURCE_TYPE, value)
        for one in flow_logs.of(scope)
        for key, value in one.tags.items()
        if _passes(one.flow_log_id, key, value, filters)
    ]
    return {"tagSet": [*_items(answer), *ours]}


def _ours(flow_logs: FlowLogs, asked: Parameters, scope: Scope) -> list[FlowLog]:
    ids = [one for one in asked.texts("ResourceId") if one.startswith("fl-")]
    found = [one for flow_log_id in ids if (one := flow_logs.get(scope, flow_log_id)) is not None]
    if len(found) < len(ids):
        raise errors.not_found([one for one in ids if flow_logs.get(scope, one) is None])
    if asked.flag("DryRun"):
        raise errors.dry_run()
    return found


async def _others(client: ServiceClient, asked: Parameters, scope: Scope) -> None:
    """Forward the part of a call that names other resources to moto, if there is any."""
    rest = [one for one in asked.texts("ResourceId") if not one.startswith("fl-")]
    if not rest:
        return
    form = {name: value for name, value in asked.values.items() if not _OURS.fullmatch(name)}
    form |= {f"ResourceId.{number}": one for number, one in enumerate(rest, 1)}
    answer = await client.ec2(scope, form)
    if answer.status != 200:
        raise ServiceError(asked.text("Action"), answer)


def _passes(resource_id: str, key: str, value: str, filters: Sequence[tuple[str, list[str]]]) -> bool:
    given = {"key": key, "value": value, "resource-id": resource_id, "resource-type": RESOURCE_TYPE}
    given[f"tag:{key}"] = value
    return all(passes([given[name]] if name in given else [], patterns) for name, patterns in filters)


def _items(answer: Outgoing) -> list[Mapping[str, Xml]]:
    found: list[Mapping[str, Xml]] = []
    for item in ElementTree.fromstring(content(answer)).iterfind("./{*}tagSet/{*}item"):
        text = {child.tag.rpartition("}")[2]: child.text or "" for child in item}
        found.append(_item(text["key"], text["resourceId"], text["resourceType"], text.get("value", "")))
    return found


def _item(key: str, resource_id: str, resource_type: str, value: str) -> Mapping[str, Xml]:
    return {"key": key, "resourceId": resource_id, "resourceType": resource_type, "value": Kept(value)}
