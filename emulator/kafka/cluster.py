"""A Kafka of one node or several on this machine, in a data folder: formatted together, started together.

The nodes of a cluster are brokers and controllers at once. A single node's data is in the folder itself, that
of several in `broker-1`, `broker-2`, … Their certificates are in `certificates`, for all nodes the same.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.kafka.errors import KafkaFailed
from emulator.kafka.folder import data_folder
from emulator.kafka.installation import Installation, install
from emulator.kafka.node import Node
from emulator.kafka.ports import free_port
from emulator.kafka.properties import Place
from emulator.kafka.security.certificates import Certificates
from emulator.kafka.security.listeners import Listener, Security
from emulator.kafka.storage import new_cluster_id

__all__ = ["Cluster", "KafkaFailed", "Node", "Wanted", "kafka_cluster", "kafka_node"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The shape of a Kafka. `port` and `secured_ports` are those of the first node; 0 is any free one."""

    brokers: int = 1
    port: int = 0
    security: Security | None = None
    secured_ports: tuple[tuple[Listener, int], ...] = ()
    heap_mb: int = 256


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes of one Kafka."""

    nodes: tuple[Node, ...]

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers of the `PLAINTEXT` listeners."""
        return ",".join(node.bootstrap for node in self.nodes)

    def secured(self, listener: Listener) -> str:
        """Return the bootstrap servers of the secured listeners of one kind."""
        return ",".join(node.secured(listener) for node in self.nodes)

    async def start(self) -> None:
        """Start every node, all at once: one alone does not answer. Raises `KafkaFailed`."""
        starting = [asyncio.ensure_future(node.start()) for node in self.nodes]
        try:
            await asyncio.gather(*starting)
        finally:
            for start in starting:
                start.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def stop(self) -> None:
        """Stop every node, all at once."""
        await asyncio.gather(*(node.stop() for node in self.nodes))


@asynccontextmanager
async def kafka_cluster(data_dir: Path | None, wanted: Wanted) -> AsyncIterator[Cluster]:
    """Run a Kafka in a folder, or in a temporary one. Raises `KafkaFailed`."""
    installed = await install()
    with data_folder(data_dir) as folder:
        cluster = Cluster(tuple(_nodes(installed, folder, wanted)))
        try:
            await cluster.start()
            yield cluster
        finally:
            await cluster.stop()


@asynccontextmanager
async def kafka_node(
    data_dir: Path | None = None, *, port: int = 0, security: Security | None = None
) -> AsyncIterator[Node]:
    """Run a single node, on any free port and in a temporary folder by default. Raises `KafkaFailed`.

    `node.bootstrap` are the servers of its `PLAINTEXT` listener, with `security` those of the super user;
    `node.secured(listener)` are those of a secured listener; `node.certificates` has the authority's file and
    issues client certificates.
    """
    async with kafka_cluster(data_dir, Wanted(port=port, security=security)) as cluster:
        yield cluster.nodes[0]


def _nodes(installed: Installation, folder: Path, wanted: Wanted) -> list[Node]:
    new_id = new_cluster_id(secrets.token_bytes(16))
    certificates = None
    if wanted.security is not None:
        certificates = Certificates(folder / "certificates")
        certificates.make()
    return [
        Node(
            installed,
            _node_folder(folder, wanted.brokers, place.node_id),
            place,
            new_id,
            heap_mb=wanted.heap_mb,
            certificates=certificates,
        )
        for place in _places(wanted)
    ]


def _node_folder(folder: Path, brokers: int, node_id: int) -> Path:
    if brokers == 1:
        return folder
    own = folder / f"broker-{node_id}"
    own.mkdir(exist_ok=True)
    return own


def _places(wanted: Wanted) -> list[Place]:
    """Choose the ports of every node."""
    controllers = tuple(free_port() for _ in range(wanted.brokers))
    listeners = wanted.security.listeners if wanted.security else ()
    places = [
        Place(
            free_port(),
            controllers,
            node_id,
            wanted.security,
            {listener: free_port() for listener in listeners},
        )
        for node_id in range(1, wanted.brokers + 1)
    ]
    chosen = {listener: port for listener, port in wanted.secured_ports if port}
    first = places[0]
    places[0] = replace(
        first, port=wanted.port or first.port, secured_ports={**first.secured_ports, **chosen}
    )
    return places
