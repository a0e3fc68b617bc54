"""A Kafka of one node or several on this machine, in a data folder: formatted together, started together.

The nodes of a cluster are brokers and controllers at once. A single node's data is in the folder itself, that
of several in `broker-1`, `broker-2`, … Their certificates are in `certificates`, for all nodes the same.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from emulator.kafka.errors import KafkaFailed
from emulator.kafka.folder import data_folder
from emulator.kafka.installation import Installation, install
from emulator.kafka.node import Node, formatted_users, storage_id
from emulator.kafka.ports import free_port
from emulator.kafka.properties import NodeIdentity
from emulator.kafka.security.certificates import Certificates
from emulator.kafka.security.listeners import SecuredListener, Security
from emulator.kafka.storage import new_cluster_id

__all__ = ["Cluster", "ClusterSettings", "KafkaFailed", "Node", "kafka_cluster", "kafka_node"]


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """The shape of a Kafka.

    Ports are those of the first node, and the other nodes have the following ones. 0 is any free port.
    """

    brokers: int = 1
    port: int = 0
    security: Security | None = None
    secured_ports: Mapping[SecuredListener, int] = field(default_factory=lambda: MappingProxyType({}))
    heap_mb: int = 256


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes of one Kafka, and its data folder."""

    nodes: tuple[Node, ...]
    folder: Path

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers of the `PLAINTEXT` listeners."""
        return ",".join(node.bootstrap for node in self.nodes)

    def secured(self, listener: SecuredListener) -> str:
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
        """Stop every node, all at once, and kill the last ones.

        A broker leaves its cluster by its controllers. Without a majority of them it would wait for minutes.
        """
        stopping = {asyncio.ensure_future(node.stop()) for node in self.nodes}
        waiting = stopping
        while waiting and len(waiting) > len(self.nodes) // 2:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*(node.kill() for node in self.nodes))
        await asyncio.gather(*stopping)


@asynccontextmanager
async def kafka_cluster(data_dir: Path | None, wanted: ClusterSettings) -> AsyncIterator[Cluster]:
    """Run a Kafka in a folder, or in a temporary one. Raises `KafkaFailed`."""
    installed = await install()
    with data_folder(data_dir) as folder:
        cluster = Cluster(tuple(_nodes(installed, folder, wanted)), folder)
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
    async with kafka_cluster(data_dir, ClusterSettings(port=port, security=security)) as cluster:
        yield cluster.nodes[0]


def _nodes(installed: Installation, folder: Path, wanted: ClusterSettings) -> list[Node]:
    places = _places(wanted)
    folders = [_node_folder(folder, wanted.brokers, place.node_id) for place in places]
    _require_same_shape(folder, wanted)
    known = (storage_id(one) for one in folders)  # A start may have ended between two of them.
    new_id = next(filter(None, known), "") or new_cluster_id(secrets.token_bytes(16))
    certificates = None
    if wanted.security is not None:
        certificates = Certificates(folder / "certificates")
        certificates.make()
    return [
        Node(
            installed,
            own,
            place,
            new_id,
            heap_mb=wanted.heap_mb,
            certificates=certificates,
        )
        for own, place in zip(folders, places, strict=True)
    ]


def _node_folder(folder: Path, brokers: int, node_id: int) -> Path:
    return folder if brokers == 1 else folder / f"broker-{node_id}"


def _require_same_shape(folder: Path, wanted: ClusterSettings) -> None:
    """Raise `KafkaFailed` if the data of the folder is of another Kafka than the wanted one."""
    several = sum(1 for one in folder.glob("broker-*") if storage_id(one))
    there = 1 if storage_id(folder) else several
    if there > wanted.brokers or (there == 1 and bool(several) != (wanted.brokers > 1)):
        raise KafkaFailed(
            f"{folder} has the data of a Kafka with {there} broker{'s' if there > 1 else ''}, not"
            f" {wanted.brokers}: ask for as many, or name another folder"
        )
    users = set(wanted.security.users) if wanted.security else set()
    if there and (unknown := users - formatted_users(_node_folder(folder, wanted.brokers, 1))):
        raise KafkaFailed(
            f"{folder} has the data of a Kafka without user {min(unknown)}: name another folder, or ask for"
            " a listener without SASL"
        )


def _places(wanted: ClusterSettings) -> list[NodeIdentity]:
    """Choose the ports of every node."""
    controllers = tuple(free_port() for _ in range(wanted.brokers))
    listeners = wanted.security.listeners if wanted.security else ()

    def chosen(first: int, index: int) -> int:
        return first + index if first else free_port()

    return [
        NodeIdentity(
            chosen(wanted.port, index),
            controllers,
            index + 1,
            wanted.security,
            {one: chosen(wanted.secured_ports.get(one, 0), index) for one in listeners},
        )
        for index in range(wanted.brokers)
    ]
