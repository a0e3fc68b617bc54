"""The cluster behind a port, as its broker reports it. Another Kafka on the port is thereby recognised."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_REQUEST_MS = 5000


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """The cluster id that a broker reports, and the ids of the brokers that it knows."""

    cluster_id: str
    brokers: frozenset[int]


async def ask(port: int) -> ClusterMetadata | None:
    """Return the answer of the `PLAINTEXT` listener on a port of 127.0.0.1; None if Kafka does not answer."""
    # First a bare connection: aiokafka logs an error for each refused one.
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    writer.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        found = await admin.describe_cluster()
    except KafkaError:
        return None
    finally:
        await admin.close()
    return ClusterMetadata(
        found["cluster_id"] or "", frozenset(broker["node_id"] for broker in found["brokers"])
    )
