"""The settings are those of one small node, and a log's end is read for people."""

from __future__ import annotations

from pathlib import Path

from emulator.kafka.properties import jvm_flags, last_words, server_properties


def test_the_settings_are_whole() -> None:
    """One value for each name; on loopback only; no topic by accident."""
    lines = server_properties(Path("/data"), 9092, 9093).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert len(settings) == len(lines)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert settings["log.dirs"] == "/data/log"
    assert settings["auto.create.topics.enable"] == "false"


def test_the_heap_has_its_cap() -> None:
    """In the JVM's own spelling."""
    assert "-Xmx256m" in jvm_flags(256)


def test_last_words_leave_out_a_stack() -> None:
    """Frames push the message out of sight."""
    log = "WARN first\nERROR the reason\njava.io.IOException: why\n\tat kafka.A(A.java:1)\n\t... 3 more\n\n"
    assert last_words(log) == "WARN first\nERROR the reason\njava.io.IOException: why"
    assert last_words(log, lines=1) == "java.io.IOException: why"
    assert last_words("") == ""
