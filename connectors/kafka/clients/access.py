"""The ACLs that this client lacks for a process, found without a change in Kafka.

Kafka tells the operations that a client may do on a topic (KIP-430, Metadata request version 8; aiokafka 0.14
knows older versions). For a group and a transactional id it says whether the client may find the coordinator,
which needs Describe, so there an ACL for Describe alone hides that Read or Write is missing.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from connectors.kafka.clients import factory
from connectors.kafka.clients.acls import GROUP, READ, TOPIC, TRANSACTIONAL_ID, WRITE, Acl, acls
from connectors.kafka.clients.connection import KafkaConnection

_BITS = {READ: 1 << 3, WRITE: 1 << 4}  # by Kafka's enum `AclOperation`
_COORDINATORS = {GROUP: 0, TRANSACTIONAL_ID: 1}


class _Topics(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("id", Int32), ("host", String()), ("port", Int32), ("rack", String()))),
        ("cluster_id", String()),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String()),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _DescribeTopics(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE = 3, 8, _Topics
    SCHEMA = Schema(
        ("topics", Array(String())),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
    )


class _Operations(Request[_DescribeTopics]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request: type[_DescribeTopics]) -> _DescribeTopics:
        return request(self._topics, False, False, True)


async def missing_acls(connection: KafkaConnection, process: str, prefix: str) -> list[Acl]:
    """Return the ACLs that a process needs and this client lacks. Topics that do not exist are left out.

    Raises aiokafka's errors. ACLs for a prefix of topics are left to `examine_topics`.
    """
    wanted = acls(process, prefix)
    topics = [acl for acl in wanted if acl.resource == TOPIC and not acl.is_prefix]
    admin = factory.admin(connection)
    try:
        await admin.start()
        operations = await _operations(admin, {acl.name for acl in topics})
        missing = [acl for acl in topics if not operations.get(acl.name, -1) & _BITS[acl.operation]]
        others = [acl for acl in wanted if acl.resource in _COORDINATORS]
        return missing + [acl for acl in others if not await _finds_coordinator(admin, acl)]
    finally:
        await admin.close()


async def _operations(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, int]:
    """Return the bits of the operations that are allowed on each topic that exists."""
    try:
        answer = (await admin._send_request(_Operations(sorted(names)))).to_object()
    except NotImplementedError:  # Brokers older than Kafka 2.3 do not tell.
        return {}
    return {topic["topic"]: topic["operations"] for topic in answer["topics"] if not topic["error_code"]}


async def _finds_coordinator(admin: AIOKafkaAdminClient, acl: Acl) -> bool:
    name = f"{acl.name}0" if acl.is_prefix else acl.name
    try:
        await admin.find_coordinator(name, _COORDINATORS[acl.resource])
    except (GroupAuthorizationFailedError, TransactionalIdAuthorizationFailed):
        return False
    except GroupCoordinatorNotAvailableError:
        # A new cluster answers this once, while it creates its internal topic. Authorization comes before it.
        return True
    return True
