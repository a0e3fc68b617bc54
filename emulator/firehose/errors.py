"""The ways Firehose says no. Codes are the model's (botocore `firehose/2015-08-04`).

Sentences are AWS's where somebody saw them: moto's recordings of the service, and, for sizes and sources,
error reports on public pages. Where nobody did, the sentence is ours and says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.kinesis.errors import Refused


def invalid_argument(message: str) -> Refused:
    """Return the refusal of a value that cannot be used."""
    return Refused("InvalidArgumentException", message)


def not_played(what: str) -> Refused:
    """Return the refusal of what AWS has and this emulator has not."""
    return invalid_argument(f"{what} is not played by this emulator.")


def not_found(name: str, account: str) -> Refused:
    """Return AWS's answer to a name that nobody has."""
    return Refused("ResourceNotFoundException", f"Firehose {name} under account {account} not found.")


def nothing_to_update(name: str, account: str) -> Refused:
    """Return the same for `UpdateDestination`, which says it in other words (moto's recording)."""
    return Refused("ResourceNotFoundException", f"Firehose {name} under accountId {account} not found.")


def exists(name: str, account: str) -> Refused:
    """Return AWS's answer to a name that is taken."""
    return Refused("ResourceInUseException", f"Firehose {name} under accountId {account} already exists")


def not_active(name: str, account: str, status: str) -> Refused:
    """Return the answer to a change of a stream that is being made or deleted. The sentence is ours."""
    return Refused(
        "ResourceInUseException", f"Firehose {name} under accountId {account} is in state {status}."
    )


def too_many(names: Sequence[str], limit: int) -> Refused:
    """Return AWS's answer to one delivery stream too many."""
    return Refused(
        "LimitExceededException",
        f"You have already consumed your firehose quota of {limit} hoses. "
        f"Firehose names: [{', '.join(names)}]",
    )


def other_version(name: str, current: str, specified: str) -> Refused:
    """Return AWS's answer to an update of what has been updated since."""
    return Refused(
        "ConcurrentModificationException",
        f"Cannot update firehose: {name} since the current version id: {current} and specified version id: "
        f"{specified} do not match",
    )


def slow_down() -> Refused:
    """Return AWS's answer to more records than it can take (the model's documentation of 503)."""
    return Refused("ServiceUnavailableException", "Slow down.", 503)
