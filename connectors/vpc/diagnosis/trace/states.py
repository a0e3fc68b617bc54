"""The check of an interface: its instance or database runs, and it is attached. Pure."""

from __future__ import annotations

from connectors.vpc.diagnosis.trace.findings import Trace
from connectors.vpc.network import Eni

# The descriptions of interfaces of AWS services, which are attached to no instance of the account.
_SERVICES = (
    "ELB ",
    "RDSNetworkInterface",
    "AWS Lambda VPC ENI",
    "ElastiCache ",
    "EFS mount target",
    "Interface for NAT Gateway",
    "VPC Endpoint Interface",
    "Network Interface for Transit Gateway Attachment",
    "arn:aws:ecs:",
    "RedshiftNetworkInterface",
    "Amazon EKS ",
    "AWS created network interface for ",
    "ES ",
    "DAX ",
    "DMSNetworkInterface",
    "Route 53 Resolver: ",
    "Created By Amazon Workspaces",
    "ClientVPN Endpoint",
    "ElastiCache+",
    "Network interface for DBProxy",
    "EC2 Instance Connect Endpoint",
    "ENI managed by APIGateway",
    "AWS ElasticMapReduce",
    "AWS CodeStar Connections",
    "Amazon Kinesis Firehose",
    "Amazon MSK",
    "Amazon MQ",
    "Attached to Glue",
    "CloudHSM ",
    "CloudHsm ",
    "Interface for Amazon FSx",
    "moto ECS",
)


def is_of_service(eni: Eni) -> bool:
    """Return whether an AWS service owns the interface, by its type, requester or description."""
    return (
        eni.interface_type != "interface" or eni.is_requester_managed or eni.description.startswith(_SERVICES)
    )


def is_attached(trace: Trace, eni: Eni) -> bool:
    """Return whether the interface belongs to an instance, an AWS service or a stand-in."""
    return bool(eni.instance_id) or is_of_service(eni) or eni.interface_id in trace.connection.aliases


def check_state(trace: Trace, eni: Eni) -> None:
    """Add a cause if the interface cannot send or receive. The second check of an interface adds none."""
    if eni.interface_id in trace.connection.checked:
        return
    trace.connection.checked.add(eni.interface_id)
    if not eni.is_running:
        at = eni.instance_id or trace.named(eni)
        trace.blame("BAD_STATE", at, f"{at} is not running: start it.")
    elif not is_attached(trace, eni):
        at = eni.interface_id
        trace.blame("BAD_STATE_ATTACHMENT", at, f"{at} is attached to no instance: attach it.")
