"""The IAM actions of a diagnosis. Pure."""

from __future__ import annotations

_ESSENTIAL = "DescribeVpcs DescribeSubnets DescribeNetworkInterfaces"
_EC2 = """
DescribeSecurityGroups DescribeRouteTables DescribeNetworkAcls
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

ESSENTIAL_CALLS = frozenset({"describe_vpcs", "describe_subnets", "describe_network_interfaces"})
"""The calls without which there is no diagnosis."""
ESSENTIAL_ACTIONS = frozenset(f"ec2:{name}" for name in _ESSENTIAL.split())
"""The IAM actions of the essential calls."""
ACTIONS = ESSENTIAL_ACTIONS | frozenset(
    (
        *(f"ec2:{name}" for name in _EC2.split()),
        *(f"elasticloadbalancing:{name}" for name in _ELB.split()),
        "rds:DescribeDBInstances",
    )
)
"""All IAM actions of a diagnosis. Without one of the others, its resources are unknown."""
NAME_ACTIONS = frozenset(
    (
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeCacheSubnetGroups",
        "lambda:ListFunctions",
        "ecs:ListClusters",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
    )
)
"""The IAM actions for an end that is the name of a cache, a function or a task."""


def action_of(operation: str) -> str:
    """Return the IAM action of a boto3 operation: `describe_vpcs` → `ec2:DescribeVpcs`."""
    spelled = "".join(part.capitalize() for part in operation.split("_")).replace("Db", "DB")
    known = (one for one in (*ACTIONS, *NAME_ACTIONS) if one.partition(":")[2] == spelled)
    return next(known, f"ec2:{spelled}")
