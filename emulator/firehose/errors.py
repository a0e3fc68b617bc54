"""The errors of the Firehose API. Codes are the model's (botocore `firehose/2015-08-04`).

Messages are AWS's where they are published: moto's recordings of the service, and public error reports for
sizes and sources. The other messages are our own and state what to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.kinesis.errors import Refused


def invalid_argument(message: str) -> Refused:
    """Return the error for an invalid value."""
    return Refused("InvalidArgumentException", message)


def not_supported(what: str) -> Refused:
    """Return the error for a feature of AWS that this emulator does not have."""
    return invalid_argument(f"{what} is not supported by this emulator.")


def not_found(name: str, account: str) -> Refused:
    """Return AWS's error for a delivery stream that does not exist."""
    return Refused("ResourceNotFoundException", f"Firehose {name} under account {account} not found.")


def nothing_to_update(name: str, account: str) -> Refused:
    """Return the same error in the words of `UpdateDestination` (moto's recording)."""
    return Refused("ResourceNotFoundException", f"Firehose {name} under accountId {account} not found.")


def exists(name: str, account: str) -> Refused:
    """Return AWS's error for a name that is in use."""
    return Refused("ResourceInUseException", f"Firehose {name} under accountId {account} already exists")


def not_active(name: str, account: str, status: str) -> Refused:
    """Return the error for a change of a stream that is CREATING or DELETING. The message is our own."""
    return Refused(
        "ResourceInUseException", f"Firehose {name} under accountId {account} is in state {status}."
    )


def too_many(names: Sequence[str], limit: int) -> Refused:
    """Return AWS's error for exceeding the number of delivery streams."""
    return Refused(
        "LimitExceededException",
        f"You have already consumed your firehose quota of {limit} hoses. "
        f"Firehose names: [{', '.join(names)}]",
    )


def other_version(name: str, current: str, specified: str) -> Refused:
    """Return AWS's error for an update with an outdated version id."""
    return Refused(
        "ConcurrentModificationException",
        f"Cannot update firehose: {name} since the current version id: {current} and specified version id: "
        f"{specified} do not match",
    )


def slow_down() -> Refused:
    """Return AWS's error for exceeding the throughput (the model's documentation of 503)."""
    return Refused("ServiceUnavailableException", "Slow down.", 503)
