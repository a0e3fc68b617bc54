"""Kafka's published jars: fetched by coordinates, checked against the list in the checkout, kept per user.

A jar is written under a temporary name and renamed, so that a cache holds whole files only; one whose
SHA-256 is not the listed one is refused, whoever sent it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.progress import track

LIST = Path(__file__).with_name("jars.txt")
AT_ONCE = 6


class JarError(RuntimeError):
    """A jar cannot be had, or is not the listed one; the message says which."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One published artifact."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The name it is kept under."""
        return f"{self.artifact}-{self.version}.jar"


def listed(text: str) -> list[Jar]:
    """Read the list: `group:artifact:version sha256`, one a line, `#` begins a comment."""
    jars = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            coordinates, sha256 = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def cache_folder() -> Path:
    """Return where downloads are kept: VPCFLOW_CACHE, or the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("VPCFLOW_CACHE") or Path(base) / "vpcflow")


def ensure_jars(folder: Path | None = None, jars: list[Jar] | None = None) -> list[Path]:
    """Return the class path, after fetching what is missing. Raises `JarError`."""
    wanted = jars if jars is not None else listed(LIST.read_text())
    folder = folder or cache_folder() / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in wanted if not is_whole(folder / jar.filename, jar)]
    if missing:
        console = Console(stderr=True)
        # The fetcher prints addresses; ours is the progress line.
        with redirect_stdout(StringIO()), ThreadPoolExecutor(AT_ONCE) as pool:
            fetched = pool.map(lambda jar: _fetch(jar, folder), missing)
            list(track(fetched, "fetching Apache Kafka", total=len(missing), transient=True, console=console))
    return [folder / jar.filename for jar in wanted]


def is_whole(path: Path, jar: Jar) -> bool:
    """Say whether a kept file is the listed jar."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _fetch(jar: Jar, folder: Path) -> None:
    from maven_artifact.artifact import Artifact
    from maven_artifact.downloader import Downloader
    from maven_artifact.requestor import RequestException

    part = folder / f".{jar.filename}.{secrets.token_hex(4)}"
    try:
        Downloader().download(Artifact(jar.group, jar.artifact, jar.version), str(part))
        if not is_whole(part, jar):
            raise JarError(f"{jar.filename} as fetched is not the listed one: its SHA-256 differs")
        part.rename(folder / jar.filename)
    except RequestException as error:
        raise JarError(f"{jar.filename} cannot be fetched: is there a network, or a mirror set?") from error
    finally:
        part.unlink(missing_ok=True)
