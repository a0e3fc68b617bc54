"""Creation and deletion of ACLs on a local Kafka, by its `PLAINTEXT` listener, whose user is the super user.

aiokafka's admin client has no calls for ACLs; its protocol classes have the requests. The authorizer applies
an ACL a moment after the answer, when the broker has read it from the metadata log: clients that test a
missing ACL should poll.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from emulator.kafka.errors import KafkaFailed

APPLIED_S = 10.0
_POLL_S = 0.02

# Kafka's enums `ResourceType`, `PatternType`, `AclOperation`, `AclPermissionType`.
_ANY, _ALLOW = 1, 3
_RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional_id": 5}
_LITERAL, _PREFIXED = 3, 4
_OPERATIONS = {
    "all": 2,
    "read": 3,
    "write": 4,
    "create": 5,
    "delete": 6,
    "alter": 7,
    "describe": 8,
    "cluster_action": 9,
    "describe_configs": 10,
    "alter_configs": 11,
    "idempotent_write": 12,
}


@dataclass(frozen=True, slots=True)
class Acl:
    """One operation that one principal may do, from any host, on a resource or on all with a name prefix.

    `resource` is topic, group, cluster or transactional_id; `operation` is read, write, create, describe,
    describe_configs, idempotent_write and so on, as in `kafka-acls`. `user` has no `User:` before it.
    """

    user: str
    resource: str
    name: str
    operation: str
    is_prefix: bool = False

    @property
    def principal(self) -> str:
        """Kafka's name of the user."""
        return f"User:{self.user}"

    @property
    def pattern(self) -> int:
        """Kafka's number of the pattern type."""
        return _PREFIXED if self.is_prefix else _LITERAL


async def allow(bootstrap: str, acls: Sequence[Acl]) -> None:
    """Create ACLs and return when every broker applies them.

    Raises aiokafka's `KafkaError`, and `KafkaFailed` when a broker does not apply them in time.
    """
    async with _client(bootstrap) as client:
        for acl in acls:
            answer = await client.send(client.get_random_node(), CreateAclsRequest(*_fields(acl)))
            _raise_first(answer.creation_responses)
        await _await_applied(client, set(acls), are_there=True)


async def forbid(bootstrap: str, acls: Sequence[Acl]) -> None:
    """Delete ACLs and return when no broker applies them. Raises as `allow` does."""
    async with _client(bootstrap) as client:
        for acl in acls:
            answer = await client.send(client.get_random_node(), DeleteAclsRequest(*_fields(acl)))
            _raise_first(answer.filter_responses)
        await _await_applied(client, set(acls), are_there=False)


@asynccontextmanager
async def _client(bootstrap: str) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


def _fields(acl: Acl) -> tuple[int, str, int, str, str, int, int]:
    """Return what each request begins with: the resource, then the entry, in the order of the protocol."""
    operation = _OPERATIONS[acl.operation]
    return _RESOURCES[acl.resource], acl.name, acl.pattern, acl.principal, "*", operation, _ALLOW


def _raise_first(answers: Iterable[tuple[Any, ...]]) -> None:
    for code, why, *_ in answers:
        if code:
            raise for_code(code)(why)


async def _await_applied(client: AIOKafkaClient, acls: set[Acl], *, are_there: bool) -> None:
    wanted = {_fields(acl) for acl in acls}
    deadline = time.monotonic() + APPLIED_S
    for broker in client.cluster.brokers():
        while True:
            there = wanted & await _listed(client, broker.nodeId)
            if there == (wanted if are_there else set()):
                break
            if time.monotonic() > deadline:
                raise KafkaFailed(f"broker {broker.nodeId} has not applied ACLs within {APPLIED_S:.0f} s")
            await asyncio.sleep(_POLL_S)


async def _listed(client: AIOKafkaClient, node_id: int) -> set[tuple[int, str, int, str, str, int, int]]:
    request = DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY)
    answer = await client.send(node_id, request)
    if answer.error_code:
        raise for_code(answer.error_code)(answer.error_message)
    return {
        (kind, name, pattern, principal, host, operation, permission)
        for kind, name, pattern, entries in answer.resources
        for principal, host, operation, permission in entries
    }
