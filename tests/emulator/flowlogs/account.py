"""One AWS account in the emulator, and what tests of flow logs ask of it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Self

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.emulator.aws import session

REGION = "eu-west-1"
AS_IT_IS = Config(retries={"max_attempts": 0}, parameter_validation=False)


class Account:
    """boto3 clients of one account, made when they are used."""

    def __init__(self, url: str, number: str) -> None:
        self.url, self.number = url, number
        self.role = f"arn:aws:iam::{number}:role/flow-logs"
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = session().client(
                service,
                REGION,
                endpoint_url=self.url,
                aws_access_key_id=self.number,
                aws_secret_access_key="secret",
                config=AS_IT_IS,
            )
        return self._clients[service]

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    @property
    def logs(self) -> Any:
        return self.client("logs")

    @cached_property
    def vpc(self) -> str:
        return str(self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"])

    @cached_property
    def subnets(self) -> list[str]:
        return [one["SubnetId"] for one in self.ec2.describe_subnets()["Subnets"]]

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return parameters of a flow log of the VPC that goes to CloudWatch Logs; None takes one away."""
        parameters = {
            "ResourceType": "VPC",
            "ResourceIds": [self.vpc],
            "TrafficType": "ALL",
            "LogGroupName": "flows",
            "DeliverLogsPermissionArn": self.role,
            **more,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def to_bucket(self, name: str, **more: Any) -> dict[str, Any]:
        """Return parameters of one that goes to S3."""
        destination = {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{name}"}
        return self.settings(LogGroupName=None, DeliverLogsPermissionArn=None, **destination, **more)

    def to_firehose(self, name: str, **more: Any) -> dict[str, Any]:
        """Return parameters of one that goes to a delivery stream."""
        destination = {
            "LogDestinationType": "kinesis-data-firehose",
            "LogDestination": f"arn:aws:firehose:{REGION}:{self.number}:deliverystream/{name}",
        }
        return self.settings(LogGroupName=None, DeliverLogsPermissionArn=None, **destination, **more)

    def create(self, **parameters: Any) -> str:
        """Create a flow log for one resource, and return its id."""
        answer = self.ec2.create_flow_logs(**parameters)
        assert answer["Unsuccessful"] == []
        (flow_log_id,) = answer["FlowLogIds"]
        return str(flow_log_id)

    def unsuccessful(self, **parameters: Any) -> str:
        """Create a flow log in vain, and return why."""
        answer = self.ec2.create_flow_logs(**parameters)
        assert answer["FlowLogIds"] == []
        (item,) = answer["Unsuccessful"]
        assert (item["ResourceId"], item["Error"]["Code"]) == (parameters["ResourceIds"][0], "400")
        return str(item["Error"]["Message"])

    def described(self, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ec2.describe_flow_logs(**parameters)["FlowLogs"]
        return found

    def bucket(self, name: str, policy: object = None) -> str:
        """Make a bucket, with a policy if one is given, and return its name."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if policy is not None:
            s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        return name

    def policy(self, bucket: str) -> Any:
        return json.loads(self.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    """Call in vain, and return the error's code and message."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]
