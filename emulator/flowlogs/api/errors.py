"""The errors of the flow-log calls of EC2: codes and messages.

Messages are AWS's where they are published: LocalStack's recordings (`test_ec2`, 2024-09-24), moto's suite,
Terraform's acceptance tests, public error reports (an invalid `logFormat`, `flowLogId`,
`DeliverLogsPermissionArn … s3 delivery`, the region of a destination). The other messages are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """EC2 refuses a request."""

    code: str
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class Unsuccessful:
    """The error for one resource of a request whose other resources may have succeeded."""

    resource_id: str
    code: str
    message: str


def parameter(message: str) -> Refused:
    """Return the error for parameters that contradict each other."""
    return Refused("InvalidParameter", message)


def value(message: str) -> Refused:
    """Return the error for an invalid value."""
    return Refused("InvalidParameterValue", message)


def missing(name: str) -> Refused:
    """Return the error for a missing required parameter."""
    return Refused("MissingParameter", f"The request must contain the parameter {name}")


def invalid_format(name: str, given: str) -> Refused:
    """Return AWS's error for a `LogFormat` that does not parse."""
    shown = f"'{given}'" if given else "null"
    return value(f"1 validation error detected: Value {shown} at '{name}' has an invalid format")


def dry_run() -> Refused:
    """Return the answer to a request that would have succeeded."""
    return Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def already_exists() -> Refused:
    """Return the error for a duplicate flow log. It fails the whole call, as in moto."""
    return Refused(
        "FlowLogAlreadyExists",
        "Error. There is an existing Flow Log with the same configuration and log destination.",
    )


def too_many(resource_id: str, limit: int) -> Refused:
    """Return the error for exceeding the number of flow logs per resource. The message is our own."""
    return Refused("FlowLogsLimitExceeded", f"{resource_id} has the {limit} flow logs that it may have.")


def not_found(flow_log_ids: Sequence[str]) -> Refused:
    """Return the error for ids that do not exist."""
    shown = " ".join(flow_log_ids)
    return Refused(
        "InvalidFlowLogId.NotFound",
        f"These flow log ids in the input list are not found: [TotalCount: {len(flow_log_ids)}] {shown}",
    )


def invalid_filter(name: str) -> Refused:
    """Return EC2's error for a filter that the call does not support."""
    return value(f"The filter '{name}' is invalid")


def invalid_page() -> Refused:
    """Return EC2's error for an invalid `NextToken`."""
    return Refused("InvalidPaginationToken", "The specified pagination token is not valid or is expired.")


def other_parameters() -> Refused:
    """Return the error for a client token that was used before with other parameters."""
    return Refused(
        "IdempotentParameterMismatch",
        "The client token you have provided is associated with a resource that has different parameters.",
    )


def no_resource(resource_type: str, resource_id: str) -> Refused:
    """Return the error for a resource that does not exist."""
    kind, named = {
        "VPC": ("InvalidVpcID", "vpc ID"),
        "Subnet": ("InvalidSubnetID", "subnet ID"),
        "NetworkInterface": ("InvalidNetworkInterfaceID", "networkInterface ID"),
    }[resource_type]
    return Refused(f"{kind}.NotFound", f"The {named} '{resource_id}' does not exist")


def malformed(resource_type: str, resource_id: str) -> Refused:
    """Return the error for a malformed resource id."""
    kind, prefix = {
        "VPC": ("InvalidVpcID", "vpc"),
        "Subnet": ("InvalidSubnetID", "subnet"),
        "NetworkInterface": ("InvalidNetworkInterfaceID", "eni"),
    }[resource_type]
    return Refused(f"{kind}.Malformed", f'Invalid id: "{resource_id}" (expecting "{prefix}-...")')


def no_destination(resource_id: str, name: str) -> Unsuccessful:
    """Return AWS's message for a bucket or stream that does not exist."""
    return Unsuccessful(resource_id, "400", f"LogDestination: {name} does not exist")


def denied_destination(resource_id: str, name: str) -> Unsuccessful:
    """Return AWS's message for a bucket or stream that denies access."""
    sentence = f"Access Denied for LogDestination: {name}. Please check LogDestination permission"
    return Unsuccessful(resource_id, "400", sentence)


def undeliverable(resource_id: str, name: str) -> Unsuccessful:
    """Return AWS's message for an unusable destination (VPC guide, "Troubleshoot")."""
    return Unsuccessful(resource_id, "400", f"LogDestination: {name} is undeliverable")


def policy_too_long(name: str) -> Refused:
    """Return the error for a too large bucket policy (VPC guide, "Troubleshoot"). The message is our own."""
    return Refused(
        "LogDestinationPermissionIssueException",
        f"The policy of bucket {name} would be longer than the 20 KB that S3 allows.",
    )
