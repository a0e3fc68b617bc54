"""Reading the model from EC2's answers: from AWS's shapes, and from moto's, which leave things out."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.vpc.addresses import cidr
from connectors.vpc.ec2 import described, described_eni
from connectors.vpc.ec2.described_estate import Answers, resources
from connectors.vpc.estate import Estate
from connectors.vpc.network import ANY, EniId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import conversation
from emulator.http.messages import Service
from tests.emulator.aws import Aws, call, calling


def test_a_permission_is_one_rule_for_each_peer() -> None:
    """As `DescribeSecurityGroupRules` counts them."""
    group = described.security_group(
        {
            "GroupId": "sg-1",
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 80,
                    "ToPort": 90,
                    "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                    "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                    "PrefixListIds": [{"PrefixListId": "pl-1"}],
                    "UserIdGroupPairs": [{"GroupId": "sg-2", "UserId": "1"}],
                },
                {"IpProtocol": "58", "FromPort": 128, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            ],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        }
    )
    assert [rule.text for rule in group.ingress] == [
        "tcp 80-90 10.0.0.0/8",
        "tcp 80-90 ::/0",
        "tcp 80-90 pl-1",
        "tcp 80-90 sg-2",
        "icmpv6 128 ::/0",
    ]
    assert [rule.text for rule in group.egress] == ["all 0.0.0.0/0"]


def test_an_acl_entry_without_ports_means_all_of_them() -> None:
    acl = described.network_acl(
        {
            "NetworkAclId": "acl-1",
            "VpcId": "vpc-1",
            "Entries": [
                {
                    "RuleNumber": 1,
                    "Egress": False,
                    "RuleAction": "allow",
                    "Protocol": "6",
                    "CidrBlock": "0.0.0.0/0",
                },
                {
                    "RuleNumber": 2,
                    "Egress": True,
                    "RuleAction": "deny",
                    "Protocol": "1",
                    "CidrBlock": "10.0.0.0/8",
                    "IcmpTypeCode": {"Type": 8, "Code": -1},
                },
                {
                    "RuleNumber": 32767,
                    "Egress": True,
                    "RuleAction": "deny",
                    "Protocol": "-1",
                    "Ipv6CidrBlock": "::/0",
                },
            ],
        }
    )
    assert [entry.text for entry in acl.entries] == [
        "1 allow tcp 0.0.0.0/0",
        "2 deny icmp 8 10.0.0.0/8",
        "* deny all ::/0",
    ]
    assert (acl.entries[1].icmp_type, acl.entries[1].icmp_code) == (8, ANY)


TARGETS = {
    "GatewayId": "igw-1",
    "NatGatewayId": "nat-1",
    "VpcPeeringConnectionId": "pcx-1",
    "TransitGatewayId": "tgw-1",
    "EgressOnlyInternetGatewayId": "eigw-1",
    "NetworkInterfaceId": "eni-1",
    "InstanceId": "i-1",
}


@pytest.mark.parametrize("field", TARGETS)
def test_a_route_names_its_target_in_a_field_of_its_own(field: str) -> None:
    table = described.route_table(
        {
            "RouteTableId": "rtb-1",
            "VpcId": "vpc-1",
            "Associations": [{"Main": True}, {"GatewayId": "igw-1"}, {"SubnetId": "subnet-1"}],
            "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", field: TARGETS[field], "State": "blackhole"}],
        }
    )
    assert (table.routes[0].target, table.routes[0].is_blackhole) == (TARGETS[field], True)
    assert (table.is_main, table.gateways, table.subnets) == (True, ("igw-1",), ("subnet-1",))


def test_an_interface_is_read_with_all_its_addresses() -> None:
    eni = described_eni.eni(
        {
            "NetworkInterfaceId": "eni-1",
            "SubnetId": "subnet-1",
            "VpcId": "vpc-1",
            "PrivateIpAddress": "10.0.0.5",
            "PrivateIpAddresses": [
                {
                    "PrivateIpAddress": "10.0.0.6",
                    "Primary": False,
                    "Association": {"PublicIp": "198.51.100.6"},
                },
                {
                    "PrivateIpAddress": "10.0.0.5",
                    "Primary": True,
                    "Association": {"PublicIp": "198.51.100.5"},
                },
            ],
            "Association": {"PublicIp": "198.51.100.5"},
            "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}],
            "Groups": [{"GroupId": "sg-1", "GroupName": "one"}],
            "Attachment": {"InstanceId": "i-1", "InstanceOwnerId": "1"},
            "InterfaceType": "natGateway",
            "TagSet": [{"Key": "Name", "Value": "web"}],
        }
    )
    assert eni.addresses == ("10.0.0.5", "10.0.0.6", "2001:db8::5")
    assert dict(eni.public_ips) == {"10.0.0.5": "198.51.100.5", "10.0.0.6": "198.51.100.6"}
    assert (eni.interface_type, eni.instance_id, eni.groups) == ("nat_gateway", "i-1", ("sg-1",))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ELB net/front/50dc6c495c0c9188", "network_load_balancer"),
        ("ELB app/front/50dc6c495c0c9188", "interface"),
        ("Network Interface for Transit Gateway Attachment tgw-attach-1", "transit_gateway"),
        ("Interface for NAT Gateway nat-1", "nat_gateway"),
        ("", "interface"),
    ],
)
def test_what_aws_writes_tells_the_kind(text: str, kind: str) -> None:
    assert described_eni.eni({"NetworkInterfaceId": "eni-1", "Description": text}).interface_type == kind


def test_transit_gateway_tables_are_filled_from_three_calls() -> None:
    found = resources(
        Answers(
            transit_gateways=[
                {"TransitGatewayId": "tgw-1", "Options": {"AssociationDefaultRouteTableId": "tgw-rtb-1"}}
            ],
            transit_gateway_attachments=[
                {
                    "TransitGatewayAttachmentId": "tgw-attach-1",
                    "TransitGatewayId": "tgw-1",
                    "ResourceType": "vpn",
                    "ResourceId": "vpn-1",
                }
            ],
            transit_gateway_route_tables=[
                {"TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayId": "tgw-1"}
            ],
            transit_gateway_routes={
                "tgw-rtb-1": [
                    {"DestinationCidrBlock": "10.0.0.0/8", "State": "blackhole", "Type": "static"},
                    {
                        "DestinationCidrBlock": "192.168.0.0/16",
                        "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-1"}],
                        "State": "active",
                        "Type": "propagated",
                    },
                ]
            },
            transit_gateway_route_table_associations={
                "tgw-rtb-1": [{"TransitGatewayAttachmentId": "tgw-attach-1"}]
            },
        )
    )
    table = found.transit_gateway_route_tables[0]
    assert [route.attachment_id for route in table.routes] == ["", "tgw-attach-1"]
    assert table.associations == ("tgw-attach-1",)
    assert found.attachments[0].resource_type == "vpn"


def test_an_active_transit_gateway_route_is_no_black_hole() -> None:
    """EC2 API reference, TransitGatewayRoute: `state` says so, also if no attachment is named."""
    found = resources(
        Answers(
            transit_gateway_route_tables=[
                {"TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayId": "tgw-1"}
            ],
            transit_gateway_routes={
                "tgw-rtb-1": [
                    {"DestinationCidrBlock": "10.1.0.0/16", "State": "active", "Type": "static"},
                    {"DestinationCidrBlock": "10.2.0.0/16", "State": "blackhole", "Type": "static"},
                ]
            },
        )
    )
    (table,) = found.transit_gateway_route_tables
    assert [(one.attachment_id, one.is_blackhole) for one in table.routes] == [("", False), ("", True)]


def test_attachments_of_vpns_name_their_own_table() -> None:
    """moto lists the associations of VPC attachments only."""
    vpn = {"TransitGatewayAttachmentId": "tgw-attach-v", "TransitGatewayId": "tgw-1", "ResourceType": "vpn"}
    found = resources(
        Answers(
            transit_gateway_attachments=[
                vpn | {"Association": {"TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated"}}
            ],
            transit_gateway_route_tables=[
                {"TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayId": "tgw-1"}
            ],
        )
    )
    assert found.transit_gateway_route_tables[0].associations == ("tgw-attach-v",)


def test_the_interface_of_a_stopped_instance_is_not_running() -> None:
    """EC2 guide, "Amazon EC2 instance state changes": the interfaces stay while the instance is stopped."""
    interfaces = [
        {
            "NetworkInterfaceId": f"eni-{name}",
            "SubnetId": "subnet-1",
            "Attachment": {"InstanceId": f"i-{name}"},
        }
        for name in ("a", "b")
    ]
    instances = [
        {"InstanceId": "i-a", "State": {"Name": "stopped"}},
        {"InstanceId": "i-b", "State": {"Name": "running"}},
    ]
    found = resources(Answers(network_interfaces=interfaces, instances=instances))
    assert [eni.is_running for eni in found.enis] == [False, True]


def test_prefix_lists_have_their_entries() -> None:
    listed = described.prefix_list({"PrefixListId": "pl-1"}, [{"Cidr": "52.216.0.0/15"}])
    assert listed.cidrs == (cidr("52.216.0.0/15"),)


async def _everything(ec2: Any) -> Answers:
    async def told(name: str, key: str) -> list[Any]:
        answer: list[Any] = (await call(getattr(ec2, f"describe_{name}")))[key]
        return answer

    lists = await told("managed_prefix_lists", "PrefixLists")
    entries = {
        one["PrefixListId"]: (
            await call(ec2.get_managed_prefix_list_entries, PrefixListId=one["PrefixListId"])
        )["Entries"]
        for one in lists
    }
    return Answers(
        vpcs=await told("vpcs", "Vpcs"),
        subnets=await told("subnets", "Subnets"),
        route_tables=await told("route_tables", "RouteTables"),
        network_acls=await told("network_acls", "NetworkAcls"),
        security_groups=await told("security_groups", "SecurityGroups"),
        network_interfaces=await told("network_interfaces", "NetworkInterfaces"),
        internet_gateways=await told("internet_gateways", "InternetGateways"),
        nat_gateways=await told("nat_gateways", "NatGateways"),
        vpc_endpoints=await told("vpc_endpoints", "VpcEndpoints"),
        managed_prefix_lists=lists,
        managed_prefix_list_entries=entries,
    )


async def _built(aws: Aws) -> tuple[Any, str]:
    ec2 = aws.client("ec2")
    vpc = (await call(ec2.create_vpc, CidrBlock="10.9.0.0/16"))["Vpc"]["VpcId"]
    public = (await call(ec2.create_subnet, VpcId=vpc, CidrBlock="10.9.0.0/24"))["Subnet"]["SubnetId"]
    private = (await call(ec2.create_subnet, VpcId=vpc, CidrBlock="10.9.1.0/24"))["Subnet"]["SubnetId"]
    gateway = (await call(ec2.create_internet_gateway))["InternetGateway"]["InternetGatewayId"]
    await call(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    address = (await call(ec2.allocate_address, Domain="vpc"))["AllocationId"]
    nat = (await call(ec2.create_nat_gateway, SubnetId=public, AllocationId=address))["NatGateway"]
    for subnet, target in (
        (public, {"GatewayId": gateway}),
        (private, {"NatGatewayId": nat["NatGatewayId"]}),
    ):
        table = (await call(ec2.create_route_table, VpcId=vpc))["RouteTable"]["RouteTableId"]
        await call(ec2.associate_route_table, RouteTableId=table, SubnetId=subnet)
        await call(ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
    group = (await call(ec2.create_security_group, GroupName="g", Description="g", VpcId=vpc))["GroupId"]
    eni = await call(
        ec2.create_network_interface, SubnetId=private, Groups=[group], PrivateIpAddress="10.9.1.5"
    )
    return ec2, eni["NetworkInterface"]["NetworkInterfaceId"]


@pytest.mark.moto
async def test_what_moto_describes_can_be_judged(moto: Service) -> None:
    """A NAT gateway there has an ordinary interface with the default group; it is told apart."""
    async with calling(moto) as aws:
        ec2, app = await _built(aws)
        estate = Estate(resources(await _everything(ec2)))
    told = conversation(estate, Flow(app, "10.9.1.5", "203.0.113.5", 6, 40000, 443))
    assert told.succeeded, told.sentence
    nat = estate.enis[EniId(told.records[1].interface_id)]
    assert (nat.interface_type, nat.groups) == ("nat_gateway", ())
    ways = [(record.interface_id == app, record.flow_direction) for record in told.records]
    assert ways == [
        (True, "egress"),
        (False, "ingress"),
        (False, "egress"),
        (False, "ingress"),
        (False, "egress"),
        (True, "ingress"),
    ]
