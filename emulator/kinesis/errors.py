"""The errors of the Kinesis API: one exception, and one function for each message.

Codes are the model's (botocore `kinesis/2013-12-02`). Messages are AWS's where they are published: most in
kinesalite's suite, which can run against the real service, the sizes in `aws/amazon-kinesis-streams-for-
fluent-bit#21` and `awslabs/kinesis-aggregation#30`. Our own messages are marked as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.kinesis.state.consumers import Consumer
    from emulator.scope import Scope


class Refused(Exception):
    """A refused request, with a code and a message. It has changed nothing."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid_argument(message: str) -> Refused:
    """Return the error for a value that is invalid only for this stream."""
    return Refused("InvalidArgumentException", message)


def serialization(message: str = "") -> Refused:
    """Return the error for a body with wrong types."""
    return Refused("SerializationException", message)


def validation(sentences: Sequence[str]) -> Refused:
    """Return the error for values outside their limits, with one sentence for each value."""
    plural = "s" if len(sentences) > 1 else ""
    return Refused(
        "ValidationException",
        f"{len(sentences)} validation error{plural} detected: {'; '.join(sentences)}",
    )


def unknown_operation(message: str) -> Refused:
    """Return the error for a call that this emulator does not implement."""
    return Refused("UnknownOperationException", message)


def stream_not_found(name: str, account: str) -> Refused:
    """Return AWS's error for a stream that does not exist, or not yet."""
    return Refused("ResourceNotFoundException", f"Stream {name} under account {account} not found.")


def stream_exists(name: str, account: str) -> Refused:
    """Return AWS's error for a name that is in use."""
    return Refused("ResourceInUseException", f"Stream {name} under account {account} already exists.")


def stream_not_active(name: str, account: str, status: str) -> Refused:
    """Return AWS's error for a change of a stream that is already being changed."""
    return Refused(
        "ResourceInUseException",
        f"Stream {name} under account {account} not ACTIVE, instead in state {status}",
    )


def stream_has_consumers(name: str, account: str) -> Refused:
    """Return AWS's error for `DeleteStream` without `EnforceConsumerDeletion` (rebuy-de/aws-nuke#497)."""
    return Refused(
        "ResourceInUseException",
        f"DeleteStream can't delete {account}:{name} because there are consumers associated with this data "
        f"stream. To delete {name} anyway, set the EnforceConsumerDeletion parameter to true to force the "
        "deletion of all the consumers that are associated with it.",
    )


def stream_on_demand(name: str, account: str) -> Refused:
    """Return AWS's error for resharding an on-demand stream (seen by moto)."""
    return Refused(
        "ValidationException",
        f"Request is invalid. Stream {name} under account {account} is in On-Demand mode.",
    )


def strategy_needs_on_demand() -> Refused:
    """Return the error for AUTO with a provisioned stream (the code is AWS's, the message our own)."""
    return invalid_argument(
        "RecordDistributionStrategy is only supported for data streams with the on-demand capacity mode."
    )


def limit_exceeded(message: str) -> Refused:
    """Return the error for exceeding a limit."""
    return Refused("LimitExceededException", message)


def too_many_shards(scope: Scope, have: int, limit: int, more: int) -> Refused:
    """Return AWS's error for exceeding the account's shard limit."""
    return limit_exceeded(
        f"This request would exceed the shard limit for the account {scope.account} in {scope.region}. "
        f"Current shard count for the account: {have}. Limit: {limit}. Number of additional shards "
        f"that would have resulted from this request: {more}. Refer to the AWS Service Limits page "
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and "
        "how to request higher limits."
    )


def too_many_on_demand_streams(scope: Scope, have: int, limit: int) -> Refused:
    """Return AWS's error for one more on-demand stream (hashicorp/terraform-provider-aws#38094)."""
    return limit_exceeded(
        f"This request would exceed the limit on the number of On-Demand streams for the account "
        f"{scope.account} in {scope.region}. Current On-Demand streams count: {have}. Limit: {limit}."
    )


def access_denied(account: str, operation: str, arn: str) -> Refused:
    """Return AWS's error for a caller of another account, in IAM's words, which all services share."""
    return Refused(
        "AccessDeniedException",
        f"User: arn:aws:iam::{account}:root is not authorized to perform: kinesis:{operation} on resource: "
        f"{arn} because no resource-based policy allows the kinesis:{operation} action",
    )


def consumer_not_found(consumer: str, account: str) -> Refused:
    """Return AWS's error for a consumer that is not registered (seen by moto)."""
    return Refused("ResourceNotFoundException", f"Consumer {consumer}, account {account} not found.")


def consumer_exists(name: str, stream: str, account: str) -> Refused:
    """Return AWS's error for a consumer name that is in use."""
    return Refused(
        "ResourceInUseException",
        f"Consumer {name} under stream {stream} already exists for account {account}.",
    )


def consumer_not_active(consumer: Consumer, stream: str, account: str) -> Refused:
    """Return AWS's error for the use of a consumer that is not ACTIVE (kinesis-hot-shard-advisor#37)."""
    return Refused(
        "ResourceInUseException",
        f"Consumer {consumer.name} with creation timestamp {consumer.created_ms // 1000} under stream: "
        f"{stream} , account {account} is not in ACTIVE status.",
    )


def no_shard(shard_id: str, name: str, account: str) -> Refused:
    """Return AWS's error for splitting or merging a shard that does not exist."""
    return Refused(
        "ResourceNotFoundException",
        f"Could not find shard {shard_id} in stream {name} under account {account}.",
    )


def shard_closed(shard_id: str, name: str, account: str) -> Refused:
    """Return AWS's error for a shard that was already split or merged (seen by moto)."""
    return invalid_argument(
        f"Shard {shard_id} in stream {name} under account {account} has already been merged or split, and "
        "thus is not eligible for merging or splitting."
    )


def shard_not_found(shard_id: str, name: str, account: str) -> Refused:
    """Return AWS's error for a shard that does not exist in the stream."""
    return Refused(
        "ResourceNotFoundException",
        f"Shard {shard_id} in stream {name} under account {account} does not exist",
    )


def dry_run() -> Refused:
    """Return the answer to a call with `DryRun` that would have succeeded (the model's own sentence)."""
    return Refused(
        "DryRunOperationException",
        "The request was rejected because the DryRun parameter was specified.",
    )
