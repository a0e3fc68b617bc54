"""The ways Kinesis says no: one exception, and a maker for each sentence.

Codes are the model's (botocore `kinesis/2013-12-02`). Sentences are AWS's where somebody saw them: most in
kinesalite's suite, which can run against the real service, the sizes in `aws/amazon-kinesis-streams-for-
fluent-bit#21` and `awslabs/kinesis-aggregation#30`. Where nobody did, the sentence is ours and says so.
"""

from __future__ import annotations

from collections.abc import Sequence


class Refused(Exception):
    """The request is refused with a code and a sentence, and has changed nothing."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid_argument(message: str) -> Refused:
    """Return the refusal of a value that only the stream can tell is wrong."""
    return Refused("InvalidArgumentException", message)


def serialization(message: str = "") -> Refused:
    """Return the refusal of a body that is not of the call's types."""
    return Refused("SerializationException", message)


def validation(sentences: Sequence[str]) -> Refused:
    """Return the refusal of values outside their limits, with one sentence for each of them."""
    plural = "s" if len(sentences) > 1 else ""
    return Refused(
        "ValidationException",
        f"{len(sentences)} validation error{plural} detected: {'; '.join(sentences)}",
    )


def unknown_operation(message: str) -> Refused:
    """Return the refusal of a call that is not played."""
    return Refused("UnknownOperationException", message)


def stream_not_found(name: str, account: str) -> Refused:
    """Return AWS's answer to a name that nobody has, or that is not there yet."""
    return Refused("ResourceNotFoundException", f"Stream {name} under account {account} not found.")


def stream_exists(name: str, account: str) -> Refused:
    """Return AWS's answer to a name that is taken."""
    return Refused("ResourceInUseException", f"Stream {name} under account {account} already exists.")


def stream_not_active(name: str, account: str, status: str) -> Refused:
    """Return AWS's answer to a change of a stream that is changing already."""
    return Refused(
        "ResourceInUseException",
        f"Stream {name} under account {account} not ACTIVE, instead in state {status}",
    )


def shard_not_found(shard_id: str, name: str, account: str) -> Refused:
    """Return AWS's answer to a shard that the stream does not have."""
    return Refused(
        "ResourceNotFoundException",
        f"Shard {shard_id} in stream {name} under account {account} does not exist",
    )


def dry_run() -> Refused:
    """Return what a call with `DryRun` answers when it would have succeeded (the model's own sentence)."""
    return Refused(
        "DryRunOperationException",
        "The request was rejected because the DryRun parameter was specified.",
    )
