"""The decision to open slots again in place after an error of Kafka, and the pause before.

A broker that fails, restarts or hands over a coordinator can end a transaction. The slots are then closed and
opened again, as after a rebalance: a hop continues at the position that its state has, so it stays exact. All
other errors end the process. So do errors that keep coming: a supervisor then starts a new process.
"""

from __future__ import annotations

from aiokafka.errors import (
    BrokerNotAvailableError,
    CommitFailedError,
    ConcurrentTransactions,
    IllegalGenerationError,
    IllegalStateError,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RebalanceInProgressError,
    ReplicaNotAvailableError,
    UnknownError,
    UnknownMemberIdError,
    UnknownProducerId,
    UnknownTopicOrPartitionError,
)

from connectors.errors import ConnectError

FIRST_PAUSE_S, PAUSE_MAX_S = 2.0, 10.0
"""The first pause is longer than a heartbeat, so that a process that was paused learns of its revocation."""

QUIET_S = 60.0
"""Time with open slots after which the next error is a first one again."""

ATTEMPTS = 8

# Kafka's protocol guide calls most of these retriable; aiokafka 0.14 does not.
_OF_BROKERS = (
    BrokerNotAvailableError,
    ConcurrentTransactions,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaTimeoutError,
    KafkaUnavailableError,
    OutOfOrderSequenceNumber,
    ReplicaNotAvailableError,
    UnknownProducerId,
)
# A rebalance took a partition away between two calls, or this consumer out of its group.
_OF_REBALANCES = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class TransactionExpired(KafkaError):  # type: ignore[misc]
    """Kafka has aborted a transaction that was open beyond its time-out; the message names the slot."""


def is_fence(error: BaseException | None) -> bool:
    """Return whether Kafka has refused a producer that it fenced.

    aiokafka 0.14 does not know the code PRODUCER_FENCED (90), and raises `UnknownError` for it.
    """
    while error is not None and not isinstance(error, (ProducerFenced, UnknownError)):
        error = error.__cause__
    return error is not None


def is_passing(error: BaseException | None) -> bool:
    """Return whether an error, or one that caused it, comes from a fail-over of brokers or a rebalance."""
    while error is not None:
        if isinstance(error, (UnknownTopicOrPartitionError, ConnectError)):
            # A topic that was deleted does not come back, and an operator must act, whatever the cause was.
            return False
        is_retriable = isinstance(error, KafkaError) and error.retriable
        if is_retriable or isinstance(error, (*_OF_BROKERS, *_OF_REBALANCES, TransactionExpired)):
            return True
        error = error.__cause__
    return False


class Recovery:
    """The recent recoveries of one process. Times are monotonic, in seconds, and passed in."""

    def __init__(self) -> None:
        self._attempts, self._open_since = 0, float("inf")

    def opened(self, now: float) -> None:
        """Record that the slots are open. A repeated call has no effect before the next error."""
        self._open_since = min(self._open_since, now)

    def pause_s(self, error: BaseException, now: float) -> float | None:
        """Return the pause before the slots are opened again; None if the error must end the process."""
        if not is_passing(error):
            return None
        self._attempts = self._attempts + 1 if now - self._open_since < QUIET_S else 1
        self._open_since = float("inf")
        if self._attempts > ATTEMPTS:
            return None
        return float(min(FIRST_PAUSE_S * 2 ** (self._attempts - 1), PAUSE_MAX_S))
