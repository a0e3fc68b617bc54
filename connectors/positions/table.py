"""The positions of all slots and their owners on Kafka: read, and rewritten while no connector runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import GroupAuthorizationFailedError

from connectors.errors import ConnectError
from connectors.kafka.clients import factory
from connectors.kafka.clients.acls import GROUP, READ, Acl
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import MissingAcl, naming_missing_acls
from connectors.kafka.slots import Slot, read_compacted
from connectors.kafka.topics import ensure_topics
from connectors.positions.rows import State
from connectors.settings import Common


async def read_state(settings: Common) -> State:
    """Return the committed positions of every slot. Raises `TopicError`."""
    kafka = KafkaConnection.of(settings)
    await ensure_topics(kafka, settings.prefix, settings.slots)
    topic = f"{settings.prefix}positions"
    reading = (read_compacted(kafka, topic, slot) for slot in range(settings.slots))
    return dict(enumerate(await asyncio.gather(*reading)))


async def read_owners(settings: Common) -> dict[int, str]:
    """Return the owner of each slot: the client id and host of the member of the consumer group."""
    topic = f"{settings.prefix}positions"
    return {
        slot: name
        for name, assignment in await _members(settings)
        for assigned, slots in _assigned(assignment)
        if assigned == topic
        for slot in slots
    }


async def _members(settings: Common) -> list[tuple[str, bytes]]:
    """Return the name and the assignment of every instance in the consumer group. Raises `MissingAcl`."""
    kafka, name = KafkaConnection.of(settings), f"{settings.prefix}connect"
    admin = factory.admin(kafka)
    await admin.start()
    try:
        with naming_missing_acls(kafka, groups=[name]):
            answers = await admin.describe_consumer_groups([name])
    finally:
        await admin.close()
    for answer in answers:
        if any(group[0] == GroupAuthorizationFailedError.errno for group in answer.groups):
            raise MissingAcl(kafka, [Acl(READ, GROUP, name)])
    members = [member for answer in answers for group in answer.groups for member in group[5]]
    return [(f"{client_id}@{host.lstrip('/')}", given) for _, client_id, host, _, given in members]


def _assigned(assignment: bytes) -> list[tuple[str, list[int]]]:
    return list(ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment) if assignment else []


async def write(settings: Common, moves: Mapping[int, dict[bytes, bytes | None]]) -> None:
    """Write positions. Raises `ConnectError` if an instance runs, since it would keep its own positions."""
    if members := await _members(settings):
        running = ", ".join(sorted(name for name, _ in members))
        raise ConnectError(f"connectors of VPCFLOW_PREFIX={settings.prefix} run ({running}): stop them first")
    for partition, state in moves.items():
        if state:
            kafka, prefix = KafkaConnection.of(settings), settings.prefix
            slot = Slot(kafka, f"{prefix}positions", partition, f"{prefix}connect-{partition}")
            await slot.open()
            try:
                await slot.commit(state, [])
            finally:
                await slot.close()
