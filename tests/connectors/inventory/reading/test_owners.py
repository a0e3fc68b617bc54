"""The owner of an interface, from AWS's descriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.inventory.reading.owners import Owners
from connectors.inventory.reading.sources import Sources

AT = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
AT_S = int(AT.timestamp())
UUID = "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/front/0c15709e9dc0d90b"
ATTACHMENT = f"arn:aws:ecs:eu-west-1:1:attachment/{UUID}"
TASK = {
    "taskArn": "arn:aws:ecs:eu-west-1:1:task/shop/abc",
    "group": "service:checkout",
    "createdAt": AT,
    "attachments": [{"details": [{"name": "networkInterfaceId", "value": "eni-1"}]}],
}
RDS = {
    "DBInstanceIdentifier": "orders",
    "DBInstanceArn": "arn:aws:rds:eu-west-1:1:db:orders",
    "DBSubnetGroup": {"Subnets": [{"SubnetIdentifier": "subnet-1"}]},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
    "AvailabilityZone": "eu-west-1a",
    "TagList": [{"Key": "team", "Value": "shop"}],
}
SOURCES = Sources(
    instances=[{"InstanceId": "i-1", "Tags": [{"Key": "Name", "Value": "web"}]}],
    subnets=[{"SubnetId": "subnet-1", "AvailabilityZone": "eu-west-1a"}],
    nat_gateways=[
        {"NatGatewayId": "nat-1", "CreateTime": AT, "Tags": [{"Key": "Name", "Value": "nat-a"}]},
    ],
    endpoints=[{"VpcEndpointId": "vpce-1", "ServiceName": "com.amazonaws.eu-west-1.s3"}],
    transit_gateway_attachments=[
        {"TransitGatewayAttachmentId": "tgw-attach-1", "TransitGatewayId": "tgw-1", "CreationTime": AT}
    ],
    transit_gateways=[{"TransitGatewayId": "tgw-1", "Tags": [{"Key": "Name", "Value": "hub"}]}],
    load_balancers=[{"LoadBalancerArn": ARN, "CreatedTime": AT}],
    databases=[RDS],
    caches=[
        {"CacheClusterId": "sessions-001", "ReplicationGroupId": "sessions", "ARN": "arn:cache"},
    ],
    functions=[{"FunctionName": "resize-image", "FunctionArn": "arn:function"}],
    tasks=[TASK],
    tags={ARN: {"team": "web"}},
)


def described(text: str, **more: Any) -> dict[str, Any]:
    """Return an element of `DescribeNetworkInterfaces`."""
    usual = {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "Groups": [{"GroupId": "sg-1"}]}
    return {**usual, "Description": text, **more}


@pytest.mark.parametrize(
    ("text", "kind", "id_", "name", "since"),
    [
        ("Interface for NAT Gateway nat-1", "nat-gateway", "nat-1", "nat-a", AT_S),
        ("VPC Endpoint Interface vpce-1", "endpoint", "vpce-1", "com.amazonaws.eu-west-1.s3", None),
        (
            "Network Interface for Transit Gateway Attachment tgw-attach-1",
            *("transit-gateway", "tgw-1", "hub", AT_S),
        ),
        ("ELB app/front/0c15709e9dc0d90b", "load-balancer", ARN, "front", AT_S),
        ("ELB net/other/1234", "load-balancer", "net/other/1234", "other", None),
        ("ELB classic-1", "load-balancer", "classic-1", "classic-1", None),
        ("RDSNetworkInterface", "database", RDS["DBInstanceArn"], "orders", None),
        ("ElastiCache sessions-001", "cache", "arn:cache", "sessions", None),
        ("ElastiCache+other", "cache", "other", "other", None),
        (f"AWS Lambda VPC ENI-resize-image-{UUID}", "function", "arn:function", "resize-image", None),
        (ATTACHMENT, "task", TASK["taskArn"], "checkout", AT_S),
        ("Amazon EKS shop", "cluster", "shop", "shop", None),
        (
            "EFS mount target for fs-1 (fsmt-1)",
            "interface",
            "eni-1",
            "EFS mount target for fs-1 (fsmt-1)",
            None,
        ),
        ("", "interface", "eni-1", "", None),
    ],
)
def test_the_owner_by_description(text: str, kind: str, id_: str, name: str, since: int | None) -> None:
    owner = Owners(SOURCES).of(described(text))
    assert (owner.kind, owner.id, owner.name, owner.since) == (kind, id_, name, since)


def test_an_attachment_names_the_instance_and_its_time() -> None:
    attachment = {"InstanceId": "i-1", "AttachTime": AT}
    owner = Owners(SOURCES).of(described("Primary network interface", Attachment=attachment))
    assert (owner.kind, owner.id, owner.name, owner.since) == ("instance", "i-1", "web", AT_S)


def test_the_attachment_of_a_service_has_no_instance() -> None:
    attachment = {"InstanceOwnerId": "amazon-elb", "AttachTime": AT}
    owner = Owners(SOURCES).of(described("ELB net/other/1234", Attachment=attachment))
    assert (owner.kind, owner.since) == ("load-balancer", AT_S)


@pytest.mark.parametrize(
    "databases",
    [
        [RDS, {**RDS, "DBInstanceIdentifier": "other"}],
        [{**RDS, "AvailabilityZone": "eu-west-1b"}],
        [{**RDS, "VpcSecurityGroups": []}],
        [],
    ],
)
def test_a_database_that_is_not_the_only_candidate_is_unknown(databases: list[dict[str, Any]]) -> None:
    tagged = described("RDSNetworkInterface", TagSet=[{"Key": "Name", "Value": "mine"}])
    owner = Owners(Sources(databases=databases, subnets=SOURCES.subnets)).of(tagged)
    assert (owner.kind, owner.id, owner.name) == ("database", "eni-1", "mine")


def test_the_tags_are_those_of_the_owner() -> None:
    owners = Owners(SOURCES)
    assert owners.of(described("ELB app/front/0c15709e9dc0d90b")).tags == {"team": "web"}
    assert owners.of(described("RDSNetworkInterface")).tags == {"team": "shop"}


@pytest.mark.parametrize(
    ("state", "reason", "ended"),
    [
        ("terminated", "User initiated (2026-11-30 12:00:00 GMT)", AT_S),
        ("shutting-down", "User initiated (2026-11-30 12:00:00 UTC)", AT_S),
        ("terminated", "Server.SpotInstanceTermination", None),
        ("stopped", "User initiated (2026-11-30 12:00:00 GMT)", None),
    ],
)
def test_the_end_of_an_instance(state: str, reason: str, ended: int | None) -> None:
    instance = {"InstanceId": "i-1", "State": {"Name": state}, "StateTransitionReason": reason}
    assert Owners(Sources(instances=[instance])).ended_at("i-1") == ended
