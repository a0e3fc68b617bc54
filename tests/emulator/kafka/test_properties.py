"""The settings are those of one small node, and a log's end is read for people."""

from __future__ import annotations

from pathlib import Path

from emulator.kafka.properties import NodeIdentity, jvm_flags, last_words, server_properties
from emulator.kafka.security.listeners import SecuredListener


def test_the_settings_are_whole() -> None:
    """One value for each name; on loopback only; no topic by accident."""
    lines = server_properties(Path("/data"), NodeIdentity(9092, (9093,)), {}).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert len(settings) == len(lines)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert settings["log.dirs"] == "/data/log"
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["default.replication.factor"] == settings["min.insync.replicas"] == "1"


def test_a_cluster_keeps_every_topic_on_three_nodes_and_two_may_go_on() -> None:
    """Kafka's own topics too; each node has its own ports, and knows the controllers of all."""
    place = NodeIdentity(
        9092, (9101, 9102, 9103, 9104), node_id=2, secured_ports={SecuredListener.MTLS: 9443}
    )
    lines = server_properties(Path("/data"), place, {"password": "\\"}).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert {value for name, value in settings.items() if name.endswith("replication.factor")} == {"3"}
    assert {value for name, value in settings.items() if name.endswith(("min.isr", "insync.replicas"))} == {
        "2"
    }
    assert (
        settings["listeners"]
        == "PLAINTEXT://127.0.0.1:9092,MTLS://127.0.0.1:9443,CONTROLLER://127.0.0.1:9102"
    )
    assert settings["controller.quorum.voters"].endswith("2@127.0.0.1:9102,3@127.0.0.1:9103,4@127.0.0.1:9104")
    assert settings["password"] == 2 * "\\"


def test_the_heap_has_its_cap() -> None:
    """In the JVM's own spelling."""
    assert "-Xmx256m" in jvm_flags(256)


def test_last_words_leave_out_a_stack() -> None:
    """Frames push the message out of sight."""
    log = "WARN first\nERROR the reason\njava.io.IOException: why\n\tat kafka.A(A.java:1)\n\t... 3 more\n\n"
    assert last_words(log) == "WARN first\nERROR the reason\njava.io.IOException: why"
    assert last_words(log, lines=1) == "java.io.IOException: why"
    assert last_words("") == ""
