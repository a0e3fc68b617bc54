"""The validation of `CreateFlowLogs` in AWS's order: from parameters to settings, or to an error. Pure.

`calls` checks that the resource, the bucket and the delivery stream exist.
"""

from __future__ import annotations

import re

from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, Format, log_format
from emulator.flowlogs.api import errors
from emulator.flowlogs.api.query import Parameters
from emulator.flowlogs.flow_log import CLOUDWATCH, FIREHOSE, S3, DestinationOptions, Settings, TagFields
from emulator.scope import Scope

RESOURCES_MAX = 300  # API reference, "ResourceIds"
PREFIXES = {"VPC": "vpc", "Subnet": "subnet", "NetworkInterface": "eni"}
TAGS_MAX, TAG_KEY_MAX, TAG_VALUE_MAX = 50, 127, 256
_NOT_SUPPORTED = (
    *("TransitGateway", "TransitGatewayAttachment", "RegionalNatGateway"),
    *("CoreNetwork", "CoreNetworkEdge", "CoreNetworkAttachment"),
)
_DESTINATIONS = (CLOUDWATCH, S3, FIREHOSE)
_LOG_FORMAT = re.compile(r"\$\{[^${}\s]+\}(?: \$\{[^${}\s]+\})*")
_FIELD = re.compile(r"\$\{([^}]+)\}")
_TRANSIT_GATEWAY_VERSION = 6
_ARNS = {
    CLOUDWATCH: re.compile(r"arn:aws[a-z-]*:logs:([a-z0-9-]+):(\d{12}):log-group:([^:*]+)(?::\*)?"),
    S3: re.compile(r"arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/.*)?"),
    FIREHOSE: re.compile(r"arn:aws[a-z-]*:firehose:([a-z0-9-]+):(\d{12}):deliverystream/[\w.-]{1,64}"),
}
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


def settings(asked: Parameters, scope: Scope) -> Settings:
    """Return the settings that a request asks for. Raises `Refused`."""
    resource_type = _resource_type(asked)
    traffic_type = _traffic_type(asked)
    destination_type = asked.text("LogDestinationType") or CLOUDWATCH
    if destination_type not in _DESTINATIONS:
        raise errors.value(f"Value ({destination_type}) for parameter LogDestinationType is invalid.")
    _check_destination(asked, destination_type)
    interval_s = _interval_s(asked)
    fields, text = _format(asked.text("LogFormat"))
    destination, group = _place(asked, destination_type, scope)
    return Settings(
        resource_type=resource_type,
        traffic_type=traffic_type,
        destination_type=destination_type,
        log_destination=destination,
        log_group_name=group,
        permission_arn=_role(asked, "DeliverLogsPermissionArn"),
        cross_account_role=_role(asked, "DeliverCrossAccountRole"),
        log_format=text,
        fields=fields,
        interval_s=interval_s,
        options=_options(asked.structure("DestinationOptions"), destination_type),
        tag_fields=_tag_fields(asked),
    )


def resource_ids(asked: Parameters, resource_type: str) -> list[str]:
    """Return the resource ids, without duplicates. Raises `Refused`."""
    found = list(dict.fromkeys(asked.texts("ResourceId")))
    if len(found) > RESOURCES_MAX:
        raise errors.value(f"ResourceIds may have {RESOURCES_MAX} members at most.")
    for one in found:
        if not re.fullmatch(rf"{PREFIXES[resource_type]}-[0-9a-zA-Z-]+", one):
            raise errors.malformed(resource_type, one)
    return found


def tags(asked: Parameters) -> dict[str, str]:
    """Return the tags for the new flow logs. Raises `Refused`."""
    found: dict[str, str] = {}
    for specification in asked.structures("TagSpecification"):
        kind = specification.text("ResourceType")
        if kind != "vpc-flow-log":
            raise errors.value(f"'{kind}' is not a valid taggable resource type for this operation.")
        for tag in specification.structures("Tag"):
            found[tag.text("Key")] = tag.text("Value")
    check_tags(found)
    return found


def check_tags(found: dict[str, str]) -> None:
    """Check tags against EC2's limits. Raises `Refused`."""
    if len(found) > TAGS_MAX:
        raise errors.Refused(
            "TagLimitExceeded", "The maximum number of Tags for a resource has been reached."
        )
    for key, value in found.items():
        if not key or key.lower().startswith("aws:"):
            raise errors.value(f"Tag keys starting with 'aws:' are reserved for internal use ('{key}')."
                               if key else "Tag key must not be null or empty.")  # fmt: skip
        if len(key) > TAG_KEY_MAX:
            raise errors.value(f"Tag key exceeds the maximum length of {TAG_KEY_MAX} characters")
        if len(value) > TAG_VALUE_MAX:
            raise errors.value(f"Tag value exceeds the maximum length of {TAG_VALUE_MAX} characters")


def _resource_type(asked: Parameters) -> str:
    given = asked.text("ResourceType")
    if not asked.texts("ResourceId"):
        raise errors.missing("ResourceId")
    if not given:
        raise errors.missing("ResourceType")
    if given in _NOT_SUPPORTED:
        raise errors.Refused(
            "UnsupportedOperation",
            f"This emulator supports flow logs of VPCs, subnets and network interfaces, not of {given}.",
        )
    if given not in PREFIXES:
        raise errors.value(f"Value ({given}) for parameter ResourceType is invalid.")
    return given


def _traffic_type(asked: Parameters) -> str:
    given = asked.text("TrafficType")
    if not given:
        raise errors.missing("TrafficType")
    if given.upper() not in {"ACCEPT", "REJECT", "ALL"}:  # moto's test suite sends `Accept`.
        raise errors.value(f"Value ({given}) for parameter TrafficType is invalid.")
    return given


def _check_destination(asked: Parameters, kind: str) -> None:
    group, destination = asked.text("LogGroupName"), asked.text("LogDestination")
    role = asked.text("DeliverLogsPermissionArn")
    if not group and not destination:
        raise errors.parameter("LogDestination can't be empty if LogGroupName is not provided.")
    if group and kind != CLOUDWATCH:
        raise errors.parameter("LogDestination type must be cloud-watch-logs if LogGroupName is provided.")
    if group and destination:
        raise errors.parameter("Please only provide LogGroupName or only provide LogDestination.")
    if kind == CLOUDWATCH and not role:
        raise errors.parameter(
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        )
    if kind == S3 and role:
        raise errors.parameter("DeliverLogsPermissionArn is not applicable for s3 delivery")


def _interval_s(asked: Parameters) -> int:
    given = asked.text("MaxAggregationInterval") or "600"
    if given not in {"60", "600"}:
        raise errors.parameter("Invalid Flow Log Max Aggregation Interval")
    return int(given)


def _format(given: str) -> tuple[Format, str]:
    """Return the fields, and the format text that `DescribeFlowLogs` returns."""
    if not given:
        return DEFAULT_FORMAT, log_format(DEFAULT_FORMAT)
    if not _LOG_FORMAT.fullmatch(given):
        raise errors.invalid_format("logFormat", given)
    names = tuple(_FIELD.findall(given))
    unknown = [name for name in names if FIELD_VERSIONS.get(name, _TRANSIT_GATEWAY_VERSION) == 6]
    if unknown:
        raise errors.parameter(f"Unknown fields provided: {', '.join(unknown)}")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise errors.parameter(f"Duplicate fields provided: {', '.join(twice)}")
    return names, given


def _place(asked: Parameters, kind: str, scope: Scope) -> tuple[str, str]:
    """Return the destination's ARN and the log group's name. A log group has one or both."""
    group, arn = asked.text("LogGroupName"), asked.text("LogDestination")
    if group:
        if not re.fullmatch(r"[\w./#-]{1,512}", group, re.ASCII):
            raise errors.invalid_format("logGroupName", group)
        return "", group
    found = _ARNS[kind].fullmatch(arn)
    if found is None:
        raise errors.invalid_format("logDestination", arn)
    if kind == S3:
        if arn.partition("/")[2].strip("/").partition("/")[0] == "AWSLogs":
            raise errors.parameter("AWSLogs is a reserved term and can't be the folder of a LogDestination.")
        return arn, ""
    if found[1] != scope.region:
        raise errors.parameter("LogDestination must be in the same region as the API caller.")
    if found[2] != scope.account:
        for name in ("DeliverLogsPermissionArn", "DeliverCrossAccountRole"):
            if not asked.text(name):
                raise errors.parameter(f"{name} can't be empty if LogDestination is in another account.")
    return arn, found[3] if kind == CLOUDWATCH else ""


def _role(asked: Parameters, name: str) -> str:
    given = asked.text(name)
    if given and not _ROLE.fullmatch(given):
        raise errors.invalid_format(name[0].lower() + name[1:], given)
    return given


def _options(asked: Parameters, kind: str) -> DestinationOptions | None:
    if not asked:
        return DestinationOptions() if kind == S3 else None
    if kind != S3:
        raise errors.parameter(f"DestinationOptions are not applicable for {kind} delivery")
    file_format = asked.text("FileFormat") or "plain-text"
    if file_format not in ("plain-text", "parquet"):
        raise errors.value(f"Value ({file_format}) for parameter FileFormat is invalid.")
    return DestinationOptions(
        "parquet" if file_format == "parquet" else "plain-text",
        asked.flag("HiveCompatiblePartitions"),
        asked.flag("PerHourPartition"),
    )


def _tag_fields(asked: Parameters) -> tuple[TagFields, ...]:
    found = []
    for one in asked.structures("TagFieldSpecification"):
        kind, keys = one.text("ResourceType"), tuple(one.texts("TagKey"))
        if kind not in ("network-interface", "instance", "auto-scaling-group"):
            raise errors.value(f"Value ({kind}) for parameter TagFieldSpecification is invalid.")
        if not 1 <= len(keys) <= 2:
            raise errors.value(f"A TagFieldSpecification has one or two tag keys; {kind} has {len(keys)}.")
        found.append(TagFields(kind, keys))
    return tuple(found)
