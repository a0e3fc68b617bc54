"""A Kafka in the foreground: started, described to the user, and stopped by SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.kafka.cluster import Cluster, ClusterSettings, kafka_cluster
from emulator.kafka.errors import KafkaFailed
from emulator.kafka.jars import kafka_version, published
from emulator.kafka.node import Node
from emulator.kafka.security.certificates import write_private
from emulator.kafka.security.listeners import SecuredListener, Security

USER = "vpcflow"
"""The SASL user, and the common name of the client certificate."""

_PASSWORD = f"{USER}.password"
MECHANISM = "SCRAM-SHA-512"
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """The options of the command. `listener` is None for plaintext, `folder` None for a temporary one."""

    brokers: int
    port: int
    listener: SecuredListener | None
    folder: Path | None


async def run(options: KafkaOptions, say: Say) -> None:
    """Run a Kafka until a signal, and print how to use it. Raises `KafkaFailed`.

    If its only broker ends, that is an error. If one of several ends, it is started again.
    """
    this = asyncio.current_task()
    assert this is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    try:
        await _run(options, say)
    except asyncio.CancelledError:
        say("Kafka is stopped.")


async def _run(options: KafkaOptions, say: Say) -> None:
    password = _password(options)
    wanted = _wanted(options, password)
    async with kafka_cluster(options.folder, wanted) as cluster:
        for line in _description(cluster, options, password):
            say(line)
        if len(cluster.nodes) == 1:
            (node,) = cluster.nodes
            await node.wait()
            raise KafkaFailed(f"Kafka ended; its log ends with:\n{node.last_words()}")
        await asyncio.gather(*(_keep(node, say) for node in cluster.nodes))


async def _keep(node: Node, say: Say) -> None:
    while True:
        await node.wait()
        say(f"Broker {node.place.node_id} ended. It is started again.")
        await node.start()
        say(f"Broker {node.place.node_id} is ready again, process {node.pid}.")


def _wanted(options: KafkaOptions, password: str) -> ClusterSettings:
    if options.listener is None:
        return ClusterSettings(options.brokers, options.port)
    security = Security({USER: password} if password else {}, listeners=(options.listener,))
    return ClusterSettings(options.brokers, security=security, secured_ports={options.listener: options.port})


def _password(options: KafkaOptions) -> str:
    """Return the password of `USER`: that of the folder, or a new one; empty without SASL."""
    if options.listener is None or not options.listener.has_sasl:
        return ""
    kept = options.folder / _PASSWORD if options.folder else None
    if kept is not None and kept.exists():
        return kept.read_text()
    return secrets.token_urlsafe(24)


def _description(cluster: Cluster, options: KafkaOptions, password: str) -> list[str]:
    first, count = cluster.nodes[0], len(cluster.nodes)
    took_s = max(node.start_s for node in cluster.nodes)
    memory_mb = sum(node.rss_mb() for node in cluster.nodes)
    fate = "kept" if options.folder else "deleted at the end"
    brokers = ", ".join(f"{node.place.node_id} (process {node.pid})" for node in cluster.nodes)
    return [
        f"Kafka {kafka_version(published())} is ready: {count} broker{'s' if count > 1 else ''} in"
        f" {took_s:.1f} s, {memory_mb:.0f} MB, cluster {first.cluster_id}",
        f"Brokers: {brokers}. Data: {cluster.folder}, {fate}.",
        "Set these variables for each vpcflow command, or write them to vpcflow.env:",
        *(f"  {name}={value}" for name, value in _settings(cluster, options.listener, password).items()),
        "Ctrl-C stops it.",
    ]


def _settings(cluster: Cluster, listener: SecuredListener | None, password: str) -> dict[str, object]:
    """Return the settings of a client, and write the files that they name."""
    if listener is None:
        return {"VPCFLOW_KAFKA": cluster.bootstrap}
    certificates = cluster.nodes[0].certificates
    settings: dict[str, object] = {
        "VPCFLOW_KAFKA": cluster.secured(listener),
        "VPCFLOW_KAFKA_SECURITY": listener.protocol.lower(),
    }
    if listener.has_tls:
        settings["VPCFLOW_KAFKA_CA"] = certificates.authority
    if listener is SecuredListener.MTLS:
        issued = certificates.issue(USER)
        settings |= {"VPCFLOW_KAFKA_CERT": issued.certificate, "VPCFLOW_KAFKA_CERT_KEY": issued.key}
    if listener.has_sasl:
        path = cluster.folder / _PASSWORD
        write_private(path, password.encode())
        settings |= {
            "VPCFLOW_KAFKA_SASL": MECHANISM,
            "VPCFLOW_KAFKA_USER": USER,
            "VPCFLOW_KAFKA_PASSWORD_FILE": path,
        }
    return settings
