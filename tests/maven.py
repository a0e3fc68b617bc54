"""A Java program of the tests, built with Maven once for each state of its sources, in this user's cache.

There is a folder for each state of `pom.xml`, with its libraries. Its stamp, written last, names the sources
that were built there: a build that was broken off, or of others, is made again. Where Maven fetches from is
in its own settings, not here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from emulator.kafka.jars import cache_folder

BUILD_S = 480.0  # a first build fetches 75 MB
_TAIL_LINES = 20


class NotBuilt(Exception):
    """The Java program cannot be built; the message says what is missing or what Maven said."""


def class_path(folder: Path) -> str:
    """Return the class path of the program in a folder, built if need be. Raises `NotBuilt`."""
    pom, sources = folder / "pom.xml", sorted(folder.glob("src/**/*.java"))
    out = cache_folder() / folder.name / _digest(pom)
    stamp, wanted = out / "built", _digest(*sources)
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        _build(folder, out)
        stamp.write_text(wanted)
    return f"{out / 'classes'}{os.pathsep}{out / 'lib'}/*"


def tool(name: str) -> str:
    """Return the path of a program of the JDK or of Maven. Raises `NotBuilt`."""
    found = shutil.which(name)
    if found is None:
        raise NotBuilt(f"`{name}` is not on the PATH: this needs a JDK 17 or later, and Maven 3.8 or later.")
    return found


def _build(folder: Path, out: Path) -> None:
    tool("javac")
    command = [tool("mvn"), "--batch-mode", "--no-transfer-progress", f"-Dout={out}", "compile"]
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=quiet, capture_output=True, text=True, timeout=BUILD_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotBuilt(f"Maven did not build {folder} within {BUILD_S:.0f} s.") from None
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
        raise NotBuilt(f"Maven could not build {folder}:\n{last}")


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
