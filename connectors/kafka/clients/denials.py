"""Kafka's authorization errors as sentences that name the missing ACL and the command that adds it.

Kafka's answer has the name of the resource, but not the operation. It follows from the kind of the client: a
consumer reads topics and joins a group, a producer writes topics under a transactional id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from connectors.errors import ConnectError
from connectors.kafka.clients.acls import GROUP, READ, TOPIC, TRANSACTIONAL_ID, WRITE, Acl, command
from connectors.kafka.clients.connection import KafkaConnection

DENIED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


class MissingAcl(ConnectError):
    """Kafka does not allow an operation on some resources; the message names them, and the command to add."""

    def __init__(self, connection: KafkaConnection, missing: Sequence[Acl]) -> None:
        self.missing = tuple(missing)
        super().__init__("; ".join(refusals(connection, missing)))


def refusals(connection: KafkaConnection, missing: Sequence[Acl]) -> list[str]:
    """Return a sentence for each kind of missing ACLs, with the command that adds them."""
    user = connection.login.user if connection.login else ""
    kinds: dict[tuple[str, str, bool], list[Acl]] = {}
    for acl in missing:
        kinds.setdefault((acl.operation, acl.resource, acl.is_prefix), []).append(acl)
    return [
        f"Kafka does not allow {', '.join([str(alike[0]), *(acl.pattern for acl in alike[1:])])}: add the ACL"
        f" ({command(alike, connection.servers, user)})"
        for alike in kinds.values()
    ]


@contextmanager
def naming_missing_acls(
    connection: KafkaConnection,
    topics: Iterable[str] = (),
    groups: Iterable[str] = (),
    transactional_id: str = "",
) -> Iterator[None]:
    """Turn the authorization errors of a block into `MissingAcl`, also those inside other errors.

    The names are those that the block uses; they stand in where Kafka's error has none. With a transactional
    id the block produces, else it consumes.
    """
    try:
        yield
    except MissingAcl:
        raise
    except Exception as error:
        denied = find(error)
        if denied is None:
            raise
        names = _names(denied)
        if isinstance(denied, TransactionalIdAuthorizationFailed):
            missing = [Acl(WRITE, TRANSACTIONAL_ID, transactional_id or name) for name in names or [""]]
        elif isinstance(denied, GroupAuthorizationFailedError):
            missing = [Acl(READ, GROUP, name) for name in names or groups]
        else:
            operation = WRITE if transactional_id else READ
            missing = [Acl(operation, TOPIC, name) for name in names or sorted(set(topics))]
        raise MissingAcl(connection, missing) from error


def find(error: BaseException) -> BaseException | None:
    """Return the authorization error that an error is, or was caused by; None if there is none."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, DENIED):
            return cast("BaseException", one)
        seen.add(id(one))
        waiting += [one.__context__, one.__cause__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return None


def _names(denied: BaseException) -> list[str]:
    """Return the names in an error of aiokafka: a string, or a set of strings; a sentence is no name."""
    given = denied.args[0] if denied.args else ()
    names = {given} if isinstance(given, str) else set(given)
    return sorted(name for name in map(str, names) if " " not in name)
