"""The settings of a small single KRaft node, as data. Every value that is not Kafka's default says why."""

from __future__ import annotations

from pathlib import Path


def server_properties(data: Path, port: int, controller_port: int) -> str:
    """Return `server.properties` for one broker and controller on loopback."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data / "log"),
        "auto.create.topics.enable": "false",  # A topic made by accident has the wrong settings.
        "default.replication.factor": "1",
        "num.partitions": "8",
        # One node: internal topics cannot be replicated, and few partitions start faster.
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",  # Nobody else is coming.
        "group.min.session.timeout.ms": "1000",  # Tests want to see a session end.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "message.max.bytes": str(8 << 20),
        "replica.fetch.max.bytes": str(8 << 20),
        # Small: two cores, and memory that others want.
        "log.cleaner.dedupe.buffer.size": str(4 << 20),
        "log.cleaner.io.buffer.size": str(8 << 20),
        "num.network.threads": "2",
        "num.io.threads": "3",
        "num.recovery.threads.per.data.dir": "2",
        "background.threads": "2",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


LOG4J2 = """\
Configuration:
  Appenders:
    RollingFile:
      name: file
      fileName: "${sys:vpcflow.log}"
      filePattern: "${sys:vpcflow.log}.%i"
      PatternLayout: {pattern: "[%d] %p %m (%c)%n"}
      Policies: {SizeBasedTriggeringPolicy: {size: 8MB}}
      DefaultRolloverStrategy: {max: 1}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: file}}
"""
