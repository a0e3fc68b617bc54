"""The first Java that is new enough runs Kafka, and each Java has its own class-data archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kafka.archive import archive_name, keep, make_flags, use_flags
from emulator.kafka.java import OLDEST, Java, find_java, major_version

SEVENTEEN = Java(Path("java"), 'openjdk version "17.0.15" 2025-04-15')
TWENTY_FIVE = Java(Path("java"), 'openjdk version "25.0.2" 2026-01-20 LTS')


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_412"', 8),
        ("no such file", 0),
        ("", 0),
    ],
)
def test_the_major_version_is_read(said: str, major: int) -> None:
    """Before Java 9, the major version stood second."""
    assert major_version(said) == major


def test_an_old_java_is_passed_over(tmp_path: Path) -> None:
    """JAVA_HOME often names the Java of another project."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    found = find_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
    assert found.path != java
    assert found.major >= OLDEST


def test_a_new_jar_or_another_java_gets_another_archive() -> None:
    """The JVM compares sizes and times of the jars, and so do we."""
    jar = ("/cache/kafka.jar", 10, 1)
    names = {
        archive_name(SEVENTEEN, [jar]),
        archive_name(TWENTY_FIVE, [jar]),
        archive_name(SEVENTEEN, [("/cache/kafka.jar", 10, 2)]),
    }
    assert len(names) == 3
    assert archive_name(SEVENTEEN, [jar]) in names


def test_each_java_gets_the_flags_it_knows() -> None:
    """Java 25 makes an AOT cache in one step; older ones refuse that flag."""
    assert "-XX:SharedArchiveFile=a" in use_flags(SEVENTEEN, Path("a"))
    assert "-XX:ArchiveClassesAtExit=a" in make_flags(SEVENTEEN, Path("a"))
    assert "-XX:AOTCache=a" in use_flags(TWENTY_FIVE, Path("a"))
    assert "-XX:AOTCacheOutput=a" in make_flags(TWENTY_FIVE, Path("a"))


def test_the_first_archive_is_kept_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """A node that stops while its archive is mapped by another must not change it."""
    made, archive = tmp_path / "made", tmp_path / "cache.jsa"
    for content in (b"first", b"second"):
        made.write_bytes(content)
        keep(made, archive)
    keep(made, archive)  # Nothing was made: nothing to do.
    assert [path.name for path in tmp_path.iterdir()] == ["cache.jsa"]
    assert archive.read_bytes() == b"first"
