"""The IAM actions of a diagnosis. Pure."""

from __future__ import annotations

_ESSENTIAL = """
DescribeVpcs DescribeSubnets DescribeNetworkInterfaces DescribeSecurityGroups DescribeRouteTables
DescribeNetworkAcls
"""
_EC2 = """
DescribeInstances DescribeInstanceTypes DescribeInternetGateways DescribeEgressOnlyInternetGateways
DescribeVpnGateways DescribeNatGateways DescribeVpcPeeringConnections DescribeVpcEndpoints
DescribeManagedPrefixLists GetManagedPrefixListEntries DescribeTransitGateways
DescribeTransitGatewayAttachments DescribeTransitGatewayVpcAttachments DescribeTransitGatewayRouteTables
SearchTransitGatewayRoutes GetTransitGatewayRouteTableAssociations GetTransitGatewayRouteTablePropagations
DescribeVpcBlockPublicAccessOptions DescribeVpcBlockPublicAccessExclusions
"""
_ELB = """
DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeListeners DescribeRules DescribeTargetGroups
DescribeTargetGroupAttributes DescribeTargetHealth
"""

ESSENTIAL_ACTIONS = frozenset(f"ec2:{name}" for name in _ESSENTIAL.split())
"""The IAM actions without which there is no diagnosis."""
ACTIONS = ESSENTIAL_ACTIONS | frozenset(
    (
        *(f"ec2:{name}" for name in _EC2.split()),
        *(f"elasticloadbalancing:{name}" for name in _ELB.split()),
        "rds:DescribeDBInstances",
    )
)
"""All IAM actions of a diagnosis. Without one of the others, its resources are unknown."""
