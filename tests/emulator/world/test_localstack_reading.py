"""The reader needs nothing of ours: a network that plain EC2 calls made in LocalStack is read and judged.

LocalStack is installed once, into an environment of its own (`tests/localstack.py`). Where it cannot be, the
test fails with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from connectors.vpc.ec2 import reading
from connectors.vpc.network import EniId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import conversation
from tests import localstack

TCP = 6


@pytest.fixture
def ec2(localstack_url: str) -> Iterator[Any]:
    """An EC2 client of LocalStack."""
    session = boto3.Session("test", "test", region_name=localstack.REGION)
    client = session.client("ec2", endpoint_url=localstack_url)
    try:
        yield client
    finally:
        client.close()


def group(ec2: Any, vpc: str, name: str, port: int, **source: Any) -> str:
    """Make a security group that lets one port in."""
    made: str = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
    return made


def subnet(ec2: Any, vpc: str, block: str, **target: str) -> str:
    """Make a subnet with a route table of its own, whose default route leads to the target."""
    made: str = ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=made)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
    return made


def fill(ec2: Any) -> tuple[str, str]:
    """Make a web server and a database in two subnets; return their interfaces."""
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    public = subnet(ec2, vpc, "10.50.0.0/24", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    private = subnet(ec2, vpc, "10.50.1.0/24", NatGatewayId=nat)
    web = group(ec2, vpc, "web", 443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    data = group(ec2, vpc, "data", 5432, UserIdGroupPairs=[{"GroupId": web}])
    launched = ec2.run_instances(
        ImageId="ami-00000000000000000",
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        SubnetId=public,
        SecurityGroupIds=[web],
    )
    database = ec2.create_network_interface(
        SubnetId=private,
        PrivateIpAddress="10.50.1.9",
        Groups=[data],
        Description="RDSNetworkInterface",
    )
    server = launched["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    return server, database["NetworkInterface"]["NetworkInterfaceId"]


@pytest.mark.localstack
def test_what_plain_calls_made_in_localstack_is_read_and_judged(ec2: Any) -> None:
    server, database = fill(ec2)
    told = reading.read(ec2)
    web, data = (told.estate.enis[EniId(one)] for one in (server, database))
    assert (data.private_ips, data.description) == (("10.50.1.9",), "RDSNetworkInterface")
    assert told.instances[web.instance_id].instance_type == "t3.small"

    query = Flow(web.interface_id, web.private_ips[0], "10.50.1.9", TCP, 40000, 5432)
    allowed = conversation(told.estate, query)
    assert allowed.succeeded, allowed.sentence
    assert [(one.interface_id, one.action) for one in allowed.request.records] == [
        (server, "ACCEPT"),
        (database, "ACCEPT"),
    ]
    assert allowed.request.records[-1].decision
    assert allowed.request.records[-1].decision.rule == f"tcp 5432 {web.groups[0]}"

    update = conversation(told.estate, Flow(data.interface_id, "10.50.1.9", "203.0.113.9", TCP, 40000, 443))
    assert update.succeeded, update.sentence
    nat = told.estate.resources.nat_gateways[0]
    assert nat.interface_id in [one.interface_id for one in update.records]
