"""The answer of `DescribeFlowLogs`: filters, pages and fields. Pure.

Filter values may contain the wildcards `*` and `?`, as in all EC2 calls. Pages are in the order of creation.
The pagination token names the last flow log of a page, so that deletions between two calls skip no flow log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pybase64 import urlsafe_b64decode, urlsafe_b64encode

from emulator.flowlogs.api import errors
from emulator.flowlogs.api.query import Parameters, Xml, tag_set, time
from emulator.flowlogs.flow_log import FlowLog

RESULTS_MAX = 1000  # API reference, "MaxResults" and "FlowLogIds"
_FILTERS = frozenset(
    {"deliver-log-status", "log-destination-type", "flow-log-id", "log-group-name", "resource-id"}
    | {"traffic-type", "tag-key"}
)


def described(flow_logs: Sequence[FlowLog], asked: Parameters) -> Mapping[str, Xml]:
    """Return the answer for an account's flow logs in a Region. Raises `Refused`."""
    filters = _filters(asked)
    found = [
        one
        for one in _named(flow_logs, asked)
        if all(passes(one.values(name) or (), patterns) for name, patterns in filters)
    ]
    found.sort(key=_place)
    after = _after(asked.text("NextToken"))
    rest = found if after is None else [one for one in found if _place(one) > after]
    size = _page_size(asked.text("MaxResults"))
    token = _token(rest[size - 1]) if len(rest) > size else ""
    return {"flowLogSet": [shown(one) for one in rest[:size]], "nextToken": token}


def shown(flow_log: FlowLog) -> Mapping[str, Xml]:
    """Return one flow log as EC2 describes it."""
    settings, options = flow_log.settings, flow_log.settings.options
    return {
        "creationTime": time(flow_log.created_ms),
        "deliverLogsErrorMessage": flow_log.error,
        "deliverLogsPermissionArn": settings.permission_arn,
        "deliverCrossAccountRole": settings.cross_account_role,
        "deliverLogsStatus": flow_log.status,
        "flowLogId": flow_log.flow_log_id,
        "flowLogStatus": "ACTIVE",
        "logGroupName": settings.log_group_name,
        "resourceId": flow_log.resource_id,
        "trafficType": settings.traffic_type,
        "logDestinationType": settings.destination_type,
        "logDestination": settings.log_destination,
        "logFormat": settings.log_format,
        "tagSet": tag_set(flow_log.tags),
        "maxAggregationInterval": settings.interval_s,
        "destinationOptions": {
            "fileFormat": options.file_format,
            "hiveCompatiblePartitions": options.hive_compatible_partitions,
            "perHourPartition": options.per_hour_partition,
        }
        if options is not None
        else {},
        "tagFieldSpecificationSet": [
            {"resourceType": one.resource_type, "tagKeySet": list(one.tag_keys)}
            for one in settings.tag_fields
        ],
    }


def named_ids(asked: Parameters) -> list[str]:
    """Return the flow log ids in a request, without duplicates. Raises `Refused`."""
    ids = list(dict.fromkeys(asked.texts("FlowLogId")))
    if len(ids) > RESULTS_MAX:
        raise errors.value(f"FlowLogIds may have {RESULTS_MAX} members at most.")
    for one in ids:
        if not (one.startswith("fl-") and one[3:].isalnum() and one.isascii()):
            raise errors.invalid_format("flowLogId", one)
    return ids


def passes(given: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return True if at least one value matches at least one pattern of a filter."""
    escaped = [one.replace("[", "[[]") for one in patterns]  # EC2's only wildcards are `*` and `?`.
    return any(fnmatchcase(value, pattern) for value in given for pattern in escaped)


def _named(flow_logs: Sequence[FlowLog], asked: Parameters) -> Sequence[FlowLog]:
    if not (ids := named_ids(asked)):
        return flow_logs
    by_id = {one.flow_log_id: one for one in flow_logs}
    missing = [one for one in ids if one not in by_id]
    if missing:
        raise errors.not_found(missing)
    return [by_id[one] for one in ids]


def _filters(asked: Parameters) -> list[tuple[str, list[str]]]:
    """Return the names and values of the request's filters. Raises `Refused`."""
    filters = [(one.text("Name"), one.texts("Value")) for one in asked.structures("Filter")]
    for name, _ in filters:
        if name not in _FILTERS and not name.startswith("tag:"):
            raise errors.invalid_filter(name)
    return filters


def _page_size(given: str) -> int:
    if not given:
        return RESULTS_MAX
    if not given.isdecimal() or not 1 <= int(given) <= RESULTS_MAX:
        raise errors.value(f"Value ( {given} ) for parameter maxResults is invalid.")
    return int(given)


def _place(flow_log: FlowLog) -> tuple[int, str]:
    return flow_log.created_ms, flow_log.flow_log_id


def _token(last: FlowLog) -> str:
    return urlsafe_b64encode(f"{last.created_ms} {last.flow_log_id}".encode()).decode("ascii")


def _after(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    try:
        created_ms, _, flow_log_id = urlsafe_b64decode(token.encode()).decode().partition(" ")
        return int(created_ms), flow_log_id
    except ValueError:  # The token is not base64, not UTF-8, or has no number.
        raise errors.invalid_page() from None
