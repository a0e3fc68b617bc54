"""The settings of a small single KRaft node, as data. Every value that is not Kafka's default says why."""

from __future__ import annotations

from pathlib import Path

_MIB = 1 << 20
MESSAGE_MAX_BYTES = 8 * _MIB  # A block is 1 MiB; a state message under it; the rest is room for large lines.

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


def server_properties(data_dir: Path, port: int, controller_port: int) -> str:
    """Return `server.properties` for one broker and controller on loopback."""
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        # A fixed voter, not a dynamic quorum: that one would keep the controller's port in its log, and a
        # node started again on its folder could not choose another.
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data_dir / "log",
        "auto.create.topics.enable": "false",  # A topic made by accident has the wrong settings.
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "replica.fetch.max.bytes": MESSAGE_MAX_BYTES,
    }
    settings |= _ONE_NODE | _SHORT_WAITS | _SMALL
    return "".join(f"{name}={value}\n" for name, value in settings.items())


# A single node has no replicas for internal topics, and few partitions start faster.
_ONE_NODE: dict[str, object] = {
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
}

_SHORT_WAITS: dict[str, object] = {
    "group.initial.rebalance.delay.ms": 0,  # No other member will join.
    "group.min.session.timeout.ms": 1000,  # Tests want to see a session end.
    # A killed broker that comes back is let in when the controller has given up its predecessor: with Kafka's
    # 9 s, starting again took 12.4 s; with these, 4 to 5 s.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,  # And a transaction time out.
}

# Two cores, and memory that others want.
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
    """Return the JVM's flags: a cap on each kind of memory, and an end, not a limp, when one is reached."""
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
    """Return the end of a log for people: the last lines that are not a stack's frames."""
    said = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "... "))
    ]
    return "\n".join(said[-lines:])
