"""The flow logs of a world, one for each VPC, with the role, log group, stream and bucket that they need.

Ordinary AWS calls make the resources. Existing ones are used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from emulator.world.builder.local_client import local_client

Destination = Literal["kinesis", "cloudwatch", "s3", "firehose"]
ROLE = "vpcflow-world"
_SERVICES = ("vpc-flow-logs.amazonaws.com", "logs.amazonaws.com", "firehose.amazonaws.com")
_THERE = {
    *("ResourceInUseException", "ResourceAlreadyExistsException", "EntityAlreadyExists"),
    *("BucketAlreadyOwnedByYou", "BucketAlreadyExists"),
}


class ProvisionError(Exception):
    """The error for flow logs that cannot be created. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class AwsEndpoint:
    """An AWS endpoint, or an emulator's, with credentials."""

    url: str
    region: str = "us-east-1"
    access_key: str = "test"
    secret_key: str = "test"

    def client(self, service: str) -> Any:
        """Return a boto3 client that uses only these settings."""
        return local_client(service, self.url, self.region, self.access_key, self.secret_key)


@dataclass(frozen=True, slots=True)
class FlowLogOptions:
    """The destination and the options of the flow logs.

    `name` names the log group, the bucket and the delivery stream. If `http_endpoint` is set, the delivery
    stream posts to it, and the bucket gets only the failed data.
    """

    to: Destination = "kinesis"
    stream: str = "flow-logs"
    shards: int = 4
    name: str = "vpcflow-world"
    interval_s: int = 60
    log_format: str = ""
    traffic_type: str = "ALL"
    http_endpoint: str = ""
    access_key: str = ""


def provision(endpoint: AwsEndpoint, vpc_ids: Sequence[str], wanted: FlowLogOptions) -> list[str]:
    """Create the flow logs and return their ids. Raises `ProvisionError` and botocore's errors."""
    _without_old_ones(endpoint, vpc_ids, wanted.name)
    role = _role(endpoint)
    request: dict[str, Any] = {
        "ResourceIds": list(vpc_ids),
        "ResourceType": "VPC",
        "TrafficType": wanted.traffic_type,
        "MaxAggregationInterval": wanted.interval_s,
        "TagSpecifications": [
            {"ResourceType": "vpc-flow-log", "Tags": [{"Key": "Name", "Value": wanted.name}]}
        ],
        **({"LogFormat": wanted.log_format} if wanted.log_format else {}),
        **_destination(endpoint, wanted, role),
    }
    answer = endpoint.client("ec2").create_flow_logs(**request)
    for refused in answer.get("Unsuccessful") or ():
        raise ProvisionError(f"{refused['ResourceId']}: {refused['Error']['Message']}")
    made: list[str] = answer["FlowLogIds"]
    return made


def _without_old_ones(endpoint: AwsEndpoint, vpc_ids: Sequence[str], name: str) -> None:
    """Delete flow logs that an earlier run of this name left on the VPCs."""
    ec2 = endpoint.client("ec2")
    filters = {"tag:Name": [name], "resource-id": list(vpc_ids)}
    named = [{"Name": key, "Values": values} for key, values in filters.items()]
    old = ec2.describe_flow_logs(Filters=named)["FlowLogs"]
    if old:
        ec2.delete_flow_logs(FlowLogIds=[one["FlowLogId"] for one in old])


def _destination(endpoint: AwsEndpoint, wanted: FlowLogOptions, role: str) -> dict[str, Any]:
    if wanted.to in ("kinesis", "cloudwatch"):
        logs = endpoint.client("logs")
        _made(lambda: logs.create_log_group(logGroupName=wanted.name))
        if wanted.to == "kinesis":
            arn = _stream(endpoint, wanted)
            filter_ = {"filterName": "vpcflow", "filterPattern": "", "destinationArn": arn, "roleArn": role}
            logs.put_subscription_filter(logGroupName=wanted.name, **filter_)
        return {"LogGroupName": wanted.name, "DeliverLogsPermissionArn": role}
    _made(lambda: endpoint.client("s3").create_bucket(Bucket=wanted.name))
    if wanted.to == "s3":
        return {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{wanted.name}"}
    arn = _delivery_stream(endpoint, wanted, role)
    return {"LogDestinationType": "kinesis-data-firehose", "LogDestination": arn}


def _stream(endpoint: AwsEndpoint, wanted: FlowLogOptions) -> str:
    kinesis = endpoint.client("kinesis")
    _made(lambda: kinesis.create_stream(StreamName=wanted.stream, ShardCount=wanted.shards))
    kinesis.get_waiter("stream_exists").wait(
        StreamName=wanted.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    arn: str = kinesis.describe_stream_summary(StreamName=wanted.stream)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    return arn


def _delivery_stream(endpoint: AwsEndpoint, wanted: FlowLogOptions, role: str) -> str:
    firehose = endpoint.client("firehose")
    bucket = {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{wanted.name}"}
    if wanted.http_endpoint:
        key = {"AccessKey": wanted.access_key} if wanted.access_key else {}
        hints = {"SizeInMBs": 1, "IntervalInSeconds": 1}
        to: dict[str, Any] = {
            "HttpEndpointDestinationConfiguration": {
                "EndpointConfiguration": {"Url": wanted.http_endpoint, "Name": "vpcflow", **key},
                "RequestConfiguration": {"ContentEncoding": "GZIP"},
                "BufferingHints": hints,
                "S3Configuration": bucket,
            }
        }
    else:
        hints = {"SizeInMBs": 5, "IntervalInSeconds": 60}
        to = {"ExtendedS3DestinationConfiguration": {**bucket, "BufferingHints": hints}}
    _made(
        lambda: firehose.create_delivery_stream(
            DeliveryStreamName=wanted.name, DeliveryStreamType="DirectPut", **to
        )
    )
    described = firehose.describe_delivery_stream(DeliveryStreamName=wanted.name)
    arn: str = described["DeliveryStreamDescription"]["DeliveryStreamARN"]
    return arn


def _role(endpoint: AwsEndpoint) -> str:
    """Return the ARN of a role that those services may assume and that permits the deliveries."""
    iam = endpoint.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": list(_SERVICES)}, "Action": "sts:AssumeRole"}
        ],
    }
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["logs:*", "kinesis:PutRecord*", "s3:PutObject"], "Resource": "*"}
        ],
    }
    _made(lambda: iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust)))
    iam.put_role_policy(RoleName=ROLE, PolicyName="deliver", PolicyDocument=json.dumps(allowed))
    arn: str = iam.get_role(RoleName=ROLE)["Role"]["Arn"]
    return arn


def _made(make: Callable[[], Any]) -> None:
    """Make a resource unless it exists."""
    try:
        make()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE:
            raise
