"""Topologies for diagnoses, built with boto3 in the emulator under names of their own.

Each method makes one resource and keeps its id under a name, so that a case can refer to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Network
from typing import Any

from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.account.reading import read_inventory
from tests.emulator.aws import session

REGION = "us-east-1"
IMAGE = "ami-12c6146b"
PROTOCOLS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1"}
TARGETS = {
    "igw": "GatewayId",
    "vgw": "GatewayId",
    "nat": "NatGatewayId",
    "pcx": "VpcPeeringConnectionId",
    "tgw": "TransitGatewayId",
    "eni": "NetworkInterfaceId",
    "i": "InstanceId",
    "eigw": "EgressOnlyInternetGatewayId",
    "vpce": "VpcEndpointId",
}
ALLOW_ALL = ("in 100 allow all 0.0.0.0/0", "out 100 allow all 0.0.0.0/0")


class Lab:
    """An account of the emulator."""

    def __init__(self, url: str, account: str) -> None:
        opened = session(account)
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": REGION,
        }
        """The variables by which a command finds the account."""
        self.ec2, self.elbv2, self.rds = (
            opened.client(one, REGION, endpoint_url=url) for one in ("ec2", "elbv2", "rds")
        )
        self.ids: dict[str, str] = {}

    def read(self) -> Inventory:
        """Return what the account's APIs describe."""
        return read_inventory(self.ec2, self.elbv2, self.rds)

    def id(self, name: str) -> str:
        """Return the id of a name, or the name itself."""
        return self.ids.get(name, name)

    def vpc(self, name: str, cidr: str, *more: str, ipv6: bool = False) -> None:
        """Make a VPC with its blocks; its main route table is `main-<name>`."""
        made = self.ec2.create_vpc(CidrBlock=cidr, AmazonProvidedIpv6CidrBlock=ipv6)["Vpc"]["VpcId"]
        self.ids[name] = made
        for block in more:
            self.ec2.associate_vpc_cidr_block(VpcId=made, CidrBlock=block)
        filters = [{"Name": "vpc-id", "Values": [made]}]
        self.ids[f"main-{name}"] = self.ec2.describe_route_tables(Filters=filters)["RouteTables"][0][
            "RouteTableId"
        ]
        self.ids[f"acl-{name}"] = self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0][
            "NetworkAclId"
        ]
        self.ids[f"default-{name}"] = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0][
            "GroupId"
        ]

    def subnet(self, name: str, vpc: str, cidr: str, zone: str = "a", ipv6: int | None = None) -> None:
        """Make a subnet; `ipv6` is the number of its /64."""
        more: dict[str, Any] = {}
        if ipv6 is not None:
            found = self.ec2.describe_vpcs(VpcIds=[self.id(vpc)])["Vpcs"][0]
            block = found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
            more["Ipv6CidrBlock"] = _sub(block, ipv6)
        made = self.ec2.create_subnet(
            VpcId=self.id(vpc), CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}", **more
        )
        self.ids[name] = made["Subnet"]["SubnetId"]

    def igw(self, name: str, vpc: str = "") -> None:
        """Make an internet gateway, attached if a VPC is named."""
        made = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ids[name] = made
        if vpc:
            self.ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=self.id(vpc))

    def eigw(self, name: str, vpc: str) -> None:
        """Make an egress-only internet gateway."""
        made = self.ec2.create_egress_only_internet_gateway(VpcId=self.id(vpc))
        self.ids[name] = made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]

    def vgw(self, name: str, vpc: str) -> None:
        """Make a virtual private gateway."""
        made = self.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
        self.ids[name] = made
        if vpc:
            self.ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=self.id(vpc))

    def table(self, name: str, vpc: str, routes: dict[str, str], *subnets: str, edge: str = "") -> None:
        """Make a route table: destination → name of the target."""
        made = self.ec2.create_route_table(VpcId=self.id(vpc))["RouteTable"]["RouteTableId"]
        self.ids[name] = made
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=made, SubnetId=self.id(subnet))
        if edge:
            self.ec2.associate_route_table(RouteTableId=made, GatewayId=self.id(edge))
        for destination, target in routes.items():
            self.route(name, destination, target)

    def route(self, table: str, destination: str, target: str) -> None:
        """Add a route."""
        field = "DestinationPrefixListId" if destination in self.ids else "DestinationCidrBlock"
        field = "DestinationIpv6CidrBlock" if ":" in destination else field
        found = self.id(target)
        self.ec2.create_route(
            RouteTableId=self.id(table),
            **{field: self.id(destination), TARGETS[found.partition("-")[0]]: found},
        )

    def group(self, name: str, vpc: str, *ingress: str, egress: Sequence[str] | None = None) -> None:
        """Make a security group with rules `tcp 443 0.0.0.0/0` or `tcp 443 <name>`; all outbound if None."""
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.id(vpc))["GroupId"]
        self.ids[name] = made
        self.allow(name, *ingress)
        if egress is not None:
            found = self.ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]
            self.ec2.revoke_security_group_egress(GroupId=made, IpPermissions=found["IpPermissionsEgress"])
            for line in egress:
                self.ec2.authorize_security_group_egress(GroupId=made, IpPermissions=[self._permission(line)])

    def allow(self, name: str, *ingress: str) -> None:
        """Add inbound rules to a security group."""
        for line in ingress:
            permission = self._permission(line)
            self.ec2.authorize_security_group_ingress(GroupId=self.id(name), IpPermissions=[permission])

    def _permission(self, line: str) -> dict[str, Any]:
        protocol, *ports, peer = line.split()
        found: dict[str, Any] = {"IpProtocol": {"all": "-1"}.get(protocol, protocol)}
        if ports:
            low, _, high = ports[0].replace("/", "-").partition("-")
            found |= {"FromPort": int(low), "ToPort": int(high or low)}
        elif protocol in ("icmp", "icmpv6"):
            found |= {"FromPort": -1, "ToPort": -1}
        named = self.id(peer)
        if ":" in named:
            return found | {"Ipv6Ranges": [{"CidrIpv6": named}]}
        if "/" in named:
            return found | {"IpRanges": [{"CidrIp": named}]}
        if named.startswith("pl-"):
            return found | {"PrefixListIds": [{"PrefixListId": named}]}
        return found | {"UserIdGroupPairs": [{"GroupId": named}]}

    def acl(self, name: str, vpc: str, lines: Sequence[str], *subnets: str) -> None:
        """Make a custom network ACL with lines `in 100 allow tcp 443 0.0.0.0/0`."""
        made = self.ec2.create_network_acl(VpcId=self.id(vpc))["NetworkAcl"]["NetworkAclId"]
        self.ids[name] = made
        for line in lines:
            self.entry(name, line)
        for subnet in subnets:
            filters = [{"Name": "association.subnet-id", "Values": [self.id(subnet)]}]
            found = self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["Associations"]
            old = next(one for one in found if one["SubnetId"] == self.id(subnet))
            self.ec2.replace_network_acl_association(
                AssociationId=old["NetworkAclAssociationId"], NetworkAclId=made
            )

    def entry(self, acl: str, line: str) -> None:
        """Add an entry to a network ACL."""
        way, number, verb, protocol, *ports, block = line.split()
        more: dict[str, Any] = {"Ipv6CidrBlock" if ":" in block else "CidrBlock": block}
        if ports:
            low, _, high = ports[0].partition("-")
            more["PortRange"] = {"From": int(low), "To": int(high or low)}
        elif protocol == "icmp":
            more["IcmpTypeCode"] = {"Type": -1, "Code": -1}
        self.ec2.create_network_acl_entry(
            NetworkAclId=self.id(acl),
            RuleNumber=int(number),
            Protocol=PROTOCOLS[protocol],
            RuleAction=verb,
            Egress=way == "out",
            **more,
        )

    def host(
        self,
        name: str,
        subnet: str,
        *groups: str,
        address: str = "",
        public: bool = False,
        ipv6: bool = False,
    ) -> None:
        """Make a running instance; its interface is `eni-<name>`, its public address `ip-<name>`."""
        interface: dict[str, Any] = {"DeviceIndex": 0, "SubnetId": self.id(subnet)}
        interface["Groups"] = [self.id(one) for one in groups]
        if address:
            interface["PrivateIpAddress"] = address
        made = self.ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])
        self.ids[name] = made["Instances"][0]["InstanceId"]
        filters = [{"Name": "attachment.instance-id", "Values": [self.ids[name]]}]
        found = self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"][0]
        self.ids[f"eni-{name}"] = found["NetworkInterfaceId"]
        self.ids[f"addr-{name}"] = found["PrivateIpAddress"]
        if ipv6:
            made = self.ec2.assign_ipv6_addresses(
                NetworkInterfaceId=self.ids[f"eni-{name}"], Ipv6AddressCount=1
            )
            self.ids[f"six-{name}"] = made["AssignedIpv6Addresses"][0]
        if public:
            given = self.ec2.allocate_address(Domain="vpc")
            self.ids[f"ip-{name}"] = given["PublicIp"]
            self.ec2.associate_address(
                AllocationId=given["AllocationId"], NetworkInterfaceId=found["NetworkInterfaceId"]
            )

    def appliance(self, name: str, subnet: str, *groups: str, public: bool = False) -> None:
        """Make an instance that forwards packets."""
        self.host(name, subnet, *groups, public=public)
        self.ec2.modify_network_interface_attribute(
            NetworkInterfaceId=self.ids[f"eni-{name}"], SourceDestCheck={"Value": False}
        )

    def nat(self, name: str, subnet: str, *, private: bool = False) -> None:
        """Make a NAT gateway."""
        more: dict[str, Any] = {"ConnectivityType": "private"}
        if not private:
            more = {"AllocationId": self.ec2.allocate_address(Domain="vpc")["AllocationId"]}
        made = self.ec2.create_nat_gateway(SubnetId=self.id(subnet), **more)["NatGateway"]
        self.ids[name] = made["NatGatewayId"]

    def peer(self, name: str, requester: str, accepter: str, *, accept: bool = True) -> None:
        """Make a VPC peering connection."""
        made = self.ec2.create_vpc_peering_connection(VpcId=self.id(requester), PeerVpcId=self.id(accepter))
        self.ids[name] = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        if accept:
            self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=self.ids[name])

    def tgw(self, name: str, **options: str) -> None:
        """Make a transit gateway; its default route table is `rtb-<name>`."""
        made = self.ec2.create_transit_gateway(Options=options)["TransitGateway"]
        self.ids[name] = made["TransitGatewayId"]
        self.ids[f"rtb-{name}"] = made["Options"].get("AssociationDefaultRouteTableId", "")

    def attach(self, name: str, tgw: str, vpc: str, *subnets: str, **options: str) -> None:
        """Attach a VPC to a transit gateway."""
        made = self.ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=self.id(tgw),
            VpcId=self.id(vpc),
            SubnetIds=[self.id(one) for one in subnets],
            **({"Options": options} if options else {}),
        )
        self.ids[name] = made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]


def _sub(block: str, number: int) -> str:
    return str(list(IPv6Network(block).subnets(new_prefix=64))[number])
