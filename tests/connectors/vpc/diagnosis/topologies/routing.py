"""Routes that mislead, endpoints of Gateway Load Balancers, networks on premises, several interfaces."""

from __future__ import annotations

from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.between import TGW_ROUTES, one
from tests.connectors.vpc.diagnosis.topologies.case import CODES, Case, Topology

PRIORITY = "VPC guide, How route priority works"
GWLB = "Gateway Load Balancer guide, Getting started: update routing"


def misleading(lab: Lab) -> None:
    """Peered VPCs and a transit gateway, with routes to the wrong place."""
    for number, name in enumerate("abc"):
        one(lab, name, number)
    lab.peer("pcx-b", "v-a", "v-b")
    lab.peer("pcx-c", "v-a", "v-c")
    lab.igw("igw", "v-a")
    lab.subnet("s-nat", "v-a", "10.0.9.0/24")
    lab.nat("nat", "s-nat")
    lab.table("rtb-nat", "v-a", {"0.0.0.0/0": "igw"}, "s-nat")
    lab.route("rtb-a", "10.1.0.0/16", "pcx-b")
    lab.route("rtb-a", "10.1.0.0/24", "nat")
    lab.route("rtb-b", "10.0.0.0/16", "pcx-b")
    lab.route("rtb-c", "10.0.0.0/8", "pcx-c")
    lab.route("rtb-c", "0.0.0.0/0", "pcx-c")
    for number, name in enumerate("xyz", 20):
        one(lab, name, number)
    lab.tgw("tgw", DefaultRouteTableAssociation="disable", DefaultRouteTablePropagation="disable")
    made = lab.ec2.create_transit_gateway_route_table(TransitGatewayId=lab.id("tgw"))
    table = lab.ids["tgw-rtb"] = made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    for name in "xyz":
        lab.attach(f"att-{name}", "tgw", f"v-{name}", f"s-{name}")
        lab.route(f"rtb-{name}", "10.0.0.0/8", "tgw")
        lab.ec2.associate_transit_gateway_route_table(
            TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=lab.id(f"att-{name}")
        )
    for block, name in (("10.20.0.0/16", "x"), ("10.21.0.0/16", "y"), ("10.21.0.0/24", "z")):
        lab.ec2.create_transit_gateway_route(
            DestinationCidrBlock=block,
            TransitGatewayRouteTableId=table,
            TransitGatewayAttachmentId=lab.id(f"att-{name}"),
        )


MISLEADING = Topology(
    "misleading routes",
    misleading,
    (
        Case(
            "a more specific route to a NAT gateway",
            PRIORITY,
            "a b tcp 443",
            ("forward MORE_SPECIFIC_ROUTE rtb-a",),
        ),
        Case(
            "the response takes a more specific route to a NAT gateway",
            PRIORITY,
            "b a tcp 443",
            ("return MORE_SPECIFIC_ROUTE rtb-a",),
            ("eni-b", "pcx-b", "eni-a"),
        ),
        Case(
            "the internet by a peering",
            "VPC peering guide, How VPC peering connections work: limitations",
            "c internet tcp 443",
            ("forward PCX_REQUIRES_ADDRESS_IN_VPC_CIDR pcx-c",),
        ),
        Case(
            "a more specific transit gateway route to another VPC",
            TGW_ROUTES,
            "x y tcp 443",
            ("forward TGW_RTB_MORE_SPECIFIC_ROUTE tgw-rtb",),
        ),
    ),
)


def inspected(lab: Lab) -> None:
    """Traffic with the internet through an endpoint of a Gateway Load Balancer."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    for number, name in enumerate(("app", "fw", "bad")):
        lab.subnet(name, "a", f"10.0.{number}.0/24")
    lab.vpc("box", "10.9.0.0/16")
    lab.subnet("box-a", "box", "10.9.0.0/24")
    made = lab.elbv2.create_load_balancer(Name="gw", Type="gateway", Subnets=[lab.id("box-a")])
    service = lab.ec2.create_vpc_endpoint_service_configuration(
        GatewayLoadBalancerArns=[made["LoadBalancers"][0]["LoadBalancerArn"]]
    )["ServiceConfiguration"]
    lab.ids["gwlbe"] = lab.ec2.create_vpc_endpoint(
        VpcId=lab.id("a"),
        ServiceName=service["ServiceName"],
        VpcEndpointType="GatewayLoadBalancer",
        SubnetIds=[lab.id("fw")],
    )["VpcEndpoint"]["VpcEndpointId"]
    lab.group("sg", "a", "tcp 443 0.0.0.0/0")
    lab.host("web", "app", "sg", public=True)
    lab.host("one-way", "bad", "sg", public=True)
    lab.table("rtb-app", "a", {"0.0.0.0/0": "gwlbe"}, "app")
    lab.table("rtb-fw", "a", {"0.0.0.0/0": "igw"}, "fw")
    lab.table("rtb-bad", "a", {"0.0.0.0/0": "igw"}, "bad")
    lab.table("rtb-igw", "a", {"10.0.0.0/24": "gwlbe", "10.0.2.0/24": "gwlbe"}, edge="igw")


INSPECTED = Topology(
    "gateway load balancer endpoint",
    inspected,
    (
        Case("out by the endpoint", GWLB, "web internet tcp 443", (), ("eni-web", "gwlbe", "igw")),
        Case("in by the endpoint", GWLB, "internet web tcp 443", (), ("igw", "gwlbe", "eni-web")),
        Case(
            "a subnet that bypasses the endpoint of its inbound traffic",
            CODES + ": INGRESS_RTB_TRAFFIC_REDIRECTION",
            "internet one-way tcp 443",
            ("return INGRESS_RTB_TRAFFIC_REDIRECTION rtb-bad",),
        ),
    ),
)


def several_interfaces(lab: Lab) -> None:
    """An instance with interfaces in two subnets, and one with two addresses."""
    lab.vpc("a", "10.0.0.0/16")
    lab.igw("igw", "a")
    for number, name in enumerate(("pub", "in")):
        lab.subnet(name, "a", f"10.0.{number}.0/24")
    lab.table("rtb-pub", "a", {"0.0.0.0/0": "igw"}, "pub")
    lab.group("sg-ssh", "a", "tcp 22 0.0.0.0/0")
    lab.group("sg-app", "a", "tcp 8080 10.0.0.0/16")
    lab.host("multi", "in", "sg-app")
    made = lab.ec2.create_network_interface(SubnetId=lab.id("pub"), Groups=[lab.id("sg-ssh")])
    lab.ids["eni-second"] = made["NetworkInterface"]["NetworkInterfaceId"]
    lab.ids["addr-second"] = made["NetworkInterface"]["PrivateIpAddress"]
    lab.ec2.attach_network_interface(
        NetworkInterfaceId=lab.id("eni-second"), InstanceId=lab.id("multi"), DeviceIndex=1
    )
    given = lab.ec2.allocate_address(Domain="vpc")
    lab.ids["ip-second"] = given["PublicIp"]
    lab.ec2.associate_address(AllocationId=given["AllocationId"], NetworkInterfaceId=lab.id("eni-second"))
    lab.host("client", "pub", "sg-ssh", public=True)
    lab.ec2.assign_private_ip_addresses(
        NetworkInterfaceId=lab.id("eni-client"), PrivateIpAddresses=["10.0.0.99"]
    )
    lab.ec2.create_tags(Resources=[lab.id("multi")], Tags=[{"Key": "Name", "Value": "multi-homed"}])
    lab.ec2.create_tags(Resources=[lab.id("pub")], Tags=[{"Key": "Name", "Value": "public-subnet"}])
    lab.ec2.create_tags(Resources=[lab.id("client")], Tags=[{"Key": "Role", "Value": "bastion"}])


ENIS = "EC2 guide, Elastic network interfaces"
TAGS = "EC2 guide, Tag your Amazon EC2 resources"
SEVERAL = Topology(
    "several interfaces",
    several_interfaces,
    (
        Case("an instance is its primary interface", ENIS, "client multi tcp 8080", (), ("eni-multi",)),
        Case(
            "the primary interface refuses what the second allows",
            ENIS,
            "client multi tcp 22",
            ("forward ENI_SG_RULES_MISMATCH sg-app",),
        ),
        Case("the second interface by its id", ENIS, "client eni-second tcp 22", (), ("eni-second",)),
        Case("the second interface by its address", ENIS, "client addr-second tcp 22", (), ("eni-second",)),
        Case("the internet finds the public interface", ENIS, "internet multi tcp 22", (), ("eni-second",)),
        Case(
            "out by the primary interface",
            ENIS,
            "multi internet tcp 443",
            ("forward NO_ROUTE_TO_DESTINATION main-a",),
        ),
        Case("a secondary private address", ENIS, "multi 10.0.0.99 tcp 22", (), ("eni-client",)),
        Case("an instance by its name", TAGS, "client multi-homed tcp 8080", (), ("eni-multi",)),
        Case("a subnet by its name", TAGS, "public-subnet multi tcp 8080", (), ("eni-multi",)),
        Case("an instance by a tag", TAGS, "Role=bastion multi tcp 8080", (), ("eni-client", "eni-multi")),
    ),
)

ROUTING = (MISLEADING, INSPECTED, SEVERAL)
