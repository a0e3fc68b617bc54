"""What `CreateFlowLogs` refuses, in which words: one line for each reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.flowlogs.account import Account, refusal

pytestmark = pytest.mark.moto

TO_BUCKET = {
    "LogDestinationType": "s3",
    "LogDestination": "arn:aws:s3:::somewhere",
    "LogGroupName": None,
    "DeliverLogsPermissionArn": None,
}


def tagged(key: str, value: str = "v", kind: str = "vpc-flow-log") -> dict[str, Any]:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value}]}]}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no resources": (
        {"ResourceIds": None},
        "MissingParameter",
        "The request must contain the parameter ResourceId",
    ),
    "no resource type": (
        {"ResourceType": None},
        "MissingParameter",
        "The request must contain the parameter ResourceType",
    ),
    "no traffic type": (
        {"TrafficType": None},
        "MissingParameter",
        "The request must contain the parameter TrafficType",
    ),
    "another resource type": (
        {"ResourceType": "Instance"},
        "InvalidParameterValue",
        "Value (Instance) for parameter ResourceType is invalid.",
    ),
    "a resource type that is not played": (
        {"ResourceType": "TransitGateway", "ResourceIds": ["tgw-1"]},
        "UnsupportedOperation",
        "This emulator supports flow logs of VPCs, subnets and network interfaces, not of TransitGateway.",
    ),
    "another traffic type": (
        {"TrafficType": "SOME"},
        "InvalidParameterValue",
        "Value (SOME) for parameter TrafficType is invalid.",
    ),
    "an id of another type": (
        {"ResourceIds": ["subnet-1"]},
        "InvalidVpcID.Malformed",
        'Invalid id: "subnet-1" (expecting "vpc-...")',
    ),
    "no such subnet": (
        {"ResourceType": "Subnet", "ResourceIds": ["subnet-0123456789abcdef0"]},
        "InvalidSubnetID.NotFound",
        "The subnet ID 'subnet-0123456789abcdef0' does not exist",
    ),
    "no such interface": (
        {"ResourceType": "NetworkInterface", "ResourceIds": ["eni-0123456789abcdef0"]},
        "InvalidNetworkInterfaceID.NotFound",
        "The networkInterface ID 'eni-0123456789abcdef0' does not exist",
    ),
    "no destination": (
        {"LogGroupName": None},
        "InvalidParameter",
        "LogDestination can't be empty if LogGroupName is not provided.",
    ),
    "a group and a destination": (
        {"LogDestination": "arn:aws:logs:eu-west-1:111111111111:log-group:g"},
        "InvalidParameter",
        "Please only provide LogGroupName or only provide LogDestination.",
    ),
    "a group for s3": (
        {"LogDestinationType": "s3", "DeliverLogsPermissionArn": None},
        "InvalidParameter",
        "LogDestination type must be cloud-watch-logs if LogGroupName is provided.",
    ),
    "no role for cloudwatch logs": (
        {"DeliverLogsPermissionArn": None},
        "InvalidParameter",
        "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.",
    ),
    "a role for s3": (
        {**TO_BUCKET, "DeliverLogsPermissionArn": "arn:aws:iam::111111111111:role/r"},
        "InvalidParameter",
        "DeliverLogsPermissionArn is not applicable for s3 delivery",
    ),
    "a role that is no role": (
        {"DeliverLogsPermissionArn": "flow-logs"},
        "InvalidParameterValue",
        "1 validation error detected: Value 'flow-logs' at 'deliverLogsPermissionArn' has an invalid format",
    ),
    "another destination type": (
        {"LogDestinationType": "opensearch"},
        "InvalidParameterValue",
        "Value (opensearch) for parameter LogDestinationType is invalid.",
    ),
    "a destination that is no arn": (
        {**TO_BUCKET, "LogDestination": "somewhere"},
        "InvalidParameterValue",
        "1 validation error detected: Value 'somewhere' at 'logDestination' has an invalid format",
    ),
    "the reserved folder": (
        {**TO_BUCKET, "LogDestination": "arn:aws:s3:::somewhere/AWSLogs/"},
        "InvalidParameter",
        "AWSLogs is a reserved term and can't be the folder of a LogDestination.",
    ),
    "a group of another region": (
        {
            "LogGroupName": None,
            "LogDestination": "arn:aws:logs:us-east-1:111111111111:log-group:g",
        },
        "InvalidParameter",
        "LogDestination must be in the same region as the API caller.",
    ),
    "a group of another account without its role": (
        {
            "LogGroupName": None,
            "LogDestination": "arn:aws:logs:eu-west-1:999999999999:log-group:g",
        },
        "InvalidParameter",
        "DeliverCrossAccountRole can't be empty if LogDestination is in another account.",
    ),
    "an interval of 59 seconds": (
        {"MaxAggregationInterval": 59},
        "InvalidParameter",
        "Invalid Flow Log Max Aggregation Interval",
    ),
    "an unknown field": (
        {"LogFormat": "${version} ${colour}"},
        "InvalidParameter",
        "Unknown fields provided: colour",
    ),
    "a field of transit gateways": (
        {"LogFormat": "${version} ${tgw-id}"},
        "InvalidParameter",
        "Unknown fields provided: tgw-id",
    ),
    "a field twice": (
        {"LogFormat": "${version} ${version}"},
        "InvalidParameter",
        "Duplicate fields provided: version",
    ),
    "a format of bare names": (
        {"LogFormat": "version start"},
        "InvalidParameterValue",
        "1 validation error detected: Value 'version start' at 'logFormat' has an invalid format",
    ),
    "options for cloudwatch logs": (
        {"DestinationOptions": {"PerHourPartition": True}},
        "InvalidParameter",
        "DestinationOptions are not applicable for cloud-watch-logs delivery",
    ),
    "another file format": (
        {**TO_BUCKET, "DestinationOptions": {"FileFormat": "orc"}},
        "InvalidParameterValue",
        "Value (orc) for parameter FileFormat is invalid.",
    ),
    "a tag key that is too long": (
        tagged("k" * 128),
        "InvalidParameterValue",
        "Tag key exceeds the maximum length of 127 characters",
    ),
    "a tag value that is too long": (
        tagged("k", "v" * 257),
        "InvalidParameterValue",
        "Tag value exceeds the maximum length of 256 characters",
    ),
    "a tag key of AWS's": (
        tagged("aws:k"),
        "InvalidParameterValue",
        "Tag keys starting with 'aws:' are reserved for internal use ('aws:k').",
    ),
    "tags for something else": (
        tagged("k", kind="vpc"),
        "InvalidParameterValue",
        "'vpc' is not a valid taggable resource type for this operation.",
    ),
    "three tag keys in records": (
        {"TagFieldSpecifications": [{"ResourceType": "instance", "TagKeys": ["a", "b", "c"]}]},
        "InvalidParameterValue",
        "A TagFieldSpecification has one or two tag keys; instance has 3.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(account: Account, name: str) -> None:
    changes, code, message = REFUSED[name]
    assert refusal(account.ec2.create_flow_logs, **account.settings(**changes)) == (code, message)
    assert account.described() == []


def test_more_resources_than_a_call_may_have_are_refused(account: Account) -> None:
    ids = [f"vpc-{number:017x}" for number in range(301)]
    code, _ = refusal(account.ec2.create_flow_logs, **account.settings(ResourceIds=ids))
    assert code == "InvalidParameterValue"


def test_more_tags_than_a_resource_may_have_are_refused(account: Account) -> None:
    tags = [{"Key": str(number), "Value": ""} for number in range(51)]
    specification = [{"ResourceType": "vpc-flow-log", "Tags": tags}]
    code, _ = refusal(account.ec2.create_flow_logs, **account.settings(TagSpecifications=specification))
    assert code == "TagLimitExceeded"


@pytest.mark.parametrize("call", ["describe_flow_logs", "delete_flow_logs"])
def test_what_is_no_flow_log_id_is_refused(account: Account, call: str) -> None:
    assert refusal(getattr(account.ec2, call), FlowLogIds=["vpc-1"]) == (
        "InvalidParameterValue",
        "1 validation error detected: Value 'vpc-1' at 'flowLogId' has an invalid format",
    )


def test_to_delete_nothing_is_refused(account: Account) -> None:
    assert refusal(account.ec2.delete_flow_logs, FlowLogIds=[]) == (
        "InvalidParameterValue",
        "1 validation error detected: Value null at 'flowLogId' has an invalid format",
    )
