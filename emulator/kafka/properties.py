"""The settings of a small KRaft node, as data. A comment gives the reason for each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from emulator.kafka.security.listeners import SecuredListener, Security

_MIB = 1 << 20
REPLICAS_MAX = 3
MESSAGE_MAX_BYTES = 8 * _MIB  # Blocks and state messages have up to 1 MiB; a single line may be larger.

LOG4J2 = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:vpcflow.log}
appender.file.filePattern = ${sys:vpcflow.log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d] %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 8MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 1
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A node's identity, and its ports on 127.0.0.1.

    `controller_ports` are those of all nodes of the cluster, in the order of their ids, which begin at 1.
    """

    port: int
    controller_ports: tuple[int, ...]
    node_id: int = 1
    security: Security | None = None
    secured_ports: Mapping[SecuredListener, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def listeners(self) -> str:
        """The listeners for clients and brokers, as in `advertised.listeners`."""
        secured = [f"{listener.name}://127.0.0.1:{port}" for listener, port in self.secured_ports.items()]
        return ",".join([f"PLAINTEXT://127.0.0.1:{self.port}", *secured])


def server_properties(data_dir: Path, place: NodeIdentity, security: Mapping[str, object]) -> str:
    """Return `server.properties` for one broker and controller. `security` is of `security_properties`."""
    voters = enumerate(place.controller_ports, 1)
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": place.node_id,
        # Fixed voters, not a dynamic quorum: that one would keep the controllers' ports in its log, and a
        # single node started again on its folder could not choose another.
        "controller.quorum.voters": ",".join(f"{number}@127.0.0.1:{port}" for number, port in voters),
        "listeners": f"{place.listeners},CONTROLLER://127.0.0.1:{place.controller_ports[place.node_id - 1]}",
        "advertised.listeners": place.listeners,
        "listener.security.protocol.map": _PROTOCOLS,
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data_dir / "log",
        "auto.create.topics.enable": "false",  # A topic made by accident has the wrong settings.
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "replica.fetch.max.bytes": MESSAGE_MAX_BYTES,
    }
    if len(place.controller_ports) == 1:
        settings |= _SHORT_SESSION
    settings |= _replication(len(place.controller_ports)) | _SHORT_WAITS | _SMALL | dict(security)
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: object) -> str:
    """Return a value as `java.util.Properties` reads it."""
    return str(value).replace("\\", "\\\\")


_PROTOCOLS = ",".join(
    [
        "CONTROLLER:PLAINTEXT",
        "PLAINTEXT:PLAINTEXT",
        *(f"{one.name}:{one.protocol}" for one in SecuredListener),
    ]
)


# A killed broker that comes back is let in when the controller has given up its predecessor: that took 12.4 s
# with Kafka's 9 s, and 4 to 5 s with these. A cluster keeps Kafka's values, to fail over as in production.
_SHORT_SESSION: dict[str, object] = {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500}


def _replication(nodes: int) -> dict[str, object]:
    """Return how topics are replicated: on three nodes, so that one may be away and every commit is kept."""
    replicas = min(nodes, REPLICAS_MAX)
    in_sync = max(1, replicas - 1)
    return {
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.num.partitions": 1 if nodes == 1 else nodes * 2,  # Few partitions start faster.
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": 4 if nodes == 1 else nodes * 2,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


_SHORT_WAITS: dict[str, object] = {
    "group.initial.rebalance.delay.ms": 0,  # A group starts without a wait for more members.
    "group.min.session.timeout.ms": 1000,  # Tests wait for the end of a session.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,  # And of a transaction.
}

# For a machine with two cores that runs the pipeline, too.
_SMALL: dict[str, object] = {
    "num.network.threads": 2,
    "num.io.threads": 3,
    "num.recovery.threads.per.data.dir": 2,
    "background.threads": 2,
    "group.coordinator.threads": 1,
    "share.coordinator.threads": 1,
    "log.cleaner.dedupe.buffer.size": 4 * _MIB,
}


def jvm_flags(heap_mb: int) -> list[str]:
    """Return the JVM flags: a limit for each kind of memory, and an exit when one is reached."""
    return [
        f"-Xmx{heap_mb}m",
        f"-Xms{heap_mb // 4}m",
        "-XX:+UseSerialGC",  # The smallest; with a heap this small its pauses are, too.
        "-XX:MaxMetaspaceSize=128m",
        "-XX:ReservedCodeCacheSize=64m",
        "-XX:MaxDirectMemorySize=64m",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
    ]


def last_words(text: str, lines: int = 12) -> str:
    """Return the last lines of a log, without the frames of stack traces."""
    messages = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "... "))
    ]
    return "\n".join(messages[-lines:])
