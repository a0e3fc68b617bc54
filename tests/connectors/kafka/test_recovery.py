"""Errors of brokers that fail over are recovered from, a few times in a row; all others end the process."""

from __future__ import annotations

import pytest
from aiokafka.errors import (
    BrokerNotAvailableError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    InvalidTxnState,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    ProducerFenced,
    UnknownError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
)

from connectors.errors import ConnectError
from connectors.kafka.recovery import (
    ATTEMPTS,
    PAUSE_MAX_S,
    QUIET_S,
    Recovery,
    TransactionExpired,
    is_fence,
    is_passing,
)
from connectors.kafka.slots import CommitTimeout, ContractError, SlotLost

PASSING = (
    KafkaConnectionError,
    BrokerNotAvailableError,
    NotEnoughReplicasError,
    InvalidTxnState,
    TransactionExpired,
    IllegalStateError,
    UnknownMemberIdError,
)
LASTING = (
    ProducerFenced,
    MessageSizeTooLargeError,
    GroupAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    KafkaError,
    CommitTimeout,
    ContractError,
    SlotLost,
    OSError,
)


@pytest.mark.parametrize("kind", PASSING)
def test_an_error_of_a_fail_over_or_a_rebalance_passes_also_as_a_cause(kind: type[Exception]) -> None:
    """aiokafka's sender wraps what it does not expect."""
    outer = KafkaError("Unexpected error during batch delivery")
    outer.__cause__ = kind()
    assert is_passing(kind())
    assert is_passing(outer)


@pytest.mark.parametrize("kind", LASTING)
def test_any_other_error_ends_the_process(kind: type[Exception]) -> None:
    """A fence by another owner too: the slot is not ours any more."""
    assert Recovery().pause_s(kind(), 0.0) is None


def test_an_error_for_the_operator_ends_the_process_also_if_its_cause_passes() -> None:
    """As a missing ACL that is found while a client is closed."""
    error = ConnectError("add the ACL")
    error.__cause__ = KafkaConnectionError()
    assert not is_passing(error)


@pytest.mark.parametrize(
    ("kind", "expected"), [(ProducerFenced, True), (UnknownError, True), (OSError, False)]
)
def test_a_fence_is_recognised_also_by_a_code_that_aiokafka_does_not_know(
    kind: type[Exception], expected: bool
) -> None:
    outer = KafkaError("Unexpected error during batch delivery")
    outer.__cause__ = kind()
    assert is_fence(kind()) == is_fence(outer) == expected


def test_pauses_grow_and_an_error_that_keeps_coming_ends_the_process() -> None:
    recovery = Recovery()
    pauses = [recovery.pause_s(KafkaConnectionError(), float(at)) for at in range(ATTEMPTS + 1)]
    assert pauses == [2.0, 4.0, 8.0, *[PAUSE_MAX_S] * (ATTEMPTS - 3), None]


def test_after_a_minute_with_open_slots_an_error_is_a_first_one() -> None:
    recovery, error = Recovery(), KafkaConnectionError()
    first, second = recovery.pause_s(error, 0.0), recovery.pause_s(error, 1.0)
    assert (first, second) == (2.0, 4.0)
    recovery.opened(5.0)
    recovery.opened(60.0)  # It is open since the first call.
    assert recovery.pause_s(error, 5.0 + QUIET_S) == first


def test_an_error_once_a_minute_ends_the_process() -> None:
    """The slots are open only for a part of that minute."""
    recovery, pauses = Recovery(), list[float | None]()
    for at in range(ATTEMPTS + 1):
        pauses.append(recovery.pause_s(KafkaConnectionError(), at * QUIET_S))
        recovery.opened(at * QUIET_S + (pauses[-1] or 0.0))
    assert pauses[-2:] == [PAUSE_MAX_S, None]


def test_without_an_opening_time_makes_no_error_a_first_one() -> None:
    recovery = Recovery()
    pauses = [recovery.pause_s(KafkaConnectionError(), at * 10 * QUIET_S) for at in range(ATTEMPTS + 1)]
    assert pauses[-1] is None
