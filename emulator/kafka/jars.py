"""Kafka's published jars: fetched by coordinates, verified by the list in `jars.txt`, cached per user.

A jar is written under a temporary name and renamed, so that the cache has only complete files. Each start
verifies all jars (a tenth of a second). A cached jar with a wrong SHA-256 is fetched again, and a fetched one
is refused. The package `maven-artifact` knows the address of the repository.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tenacity
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from emulator.kafka.errors import JarError

__all__ = ["Jar", "JarError", "cache_folder", "ensure_jars", "is_whole", "listed", "published"]

LIST = Path(__file__).with_name("jars.txt")
AT_ONCE = 6
TRIES = 3
SILENCE_S = 30.0  # The longest wait for a server that sends nothing.


@dataclass(frozen=True, slots=True)
class Jar:
    """One published artifact."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The name of its file in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def listed(text: str) -> list[Jar]:
    """Parse a list of jars: one `group:artifact:version sha256` for each line; `#` begins a comment."""
    jars = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            coordinates, sha256 = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def published() -> list[Jar]:
    """Return the jars of `jars.txt`."""
    return listed(LIST.read_text())


def kafka_version(jars: Sequence[Jar]) -> str:
    """Return the version of the broker among the jars."""
    return next(jar.version for jar in jars if jar.artifact.startswith("kafka_"))


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of downloads: VPCFLOW_CACHE, or `vpcflow` in the user's cache folder.

    Without a writable home, it is in the temporary folder.
    """
    if environ.get("VPCFLOW_CACHE"):
        return Path(environ["VPCFLOW_CACHE"])
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "vpcflow"
    try:
        cache = Path.home() / ".cache"
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return cache / "vpcflow"
    except (OSError, RuntimeError):  # A read-only home; no home, and no user of this number.
        pass
    return Path(tempfile.gettempdir()) / f"vpcflow-{os.getuid()}"


async def ensure_jars(jars: Sequence[Jar], folder: Path) -> list[Path]:
    """Fetch missing and damaged jars and return the class path. Raises `JarError`."""
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        raise JarError(
            f"{folder} cannot be made ({error}): set VPCFLOW_CACHE to a writable folder"
        ) from error
    whole = await asyncio.gather(*(asyncio.to_thread(is_whole, folder / jar.filename, jar) for jar in jars))
    missing = [jar for jar, ok in zip(jars, whole, strict=True) if not ok]
    if missing:
        await _fetch_all(missing, folder, f"fetching Apache Kafka {kafka_version(published())}")
    return [folder / jar.filename for jar in jars]


def is_whole(path: Path, jar: Jar) -> bool:
    """Return whether a file exists and has the SHA-256 of the jar."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


async def _fetch_all(jars: Sequence[Jar], folder: Path, what: str) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    slots = asyncio.Semaphore(AT_ONCE)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=len(jars))

        async def fetch(jar: Jar) -> None:
            async with slots:
                await asyncio.to_thread(_fetch, jar, folder)
            progress.advance(task)

        try:
            async with asyncio.TaskGroup() as group:
                for jar in jars:
                    group.create_task(fetch(jar))
        except ExceptionGroup as failures:  # The others failed for the same reason.
            raise failures.exceptions[0] from None


def _fetch(jar: Jar, folder: Path) -> None:
    part = folder / f".{jar.filename}.{secrets.token_hex(4)}"
    try:
        _download(jar, part)
        if not is_whole(part, jar):
            raise JarError(
                f"{jar.filename} as fetched is not the listed one: its SHA-256 differs. Check the proxy or"
                " mirror that serves it"
            )
        part.replace(folder / jar.filename)
    except OSError as error:  # Every network error of the fetcher is one, and so is a full disk.
        raise JarError(
            f"{jar.filename} cannot be fetched: {error}. Check the network and its proxy settings"
        ) from error
    finally:
        part.unlink(missing_ok=True)


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(OSError),
    stop=tenacity.stop_after_attempt(TRIES),
    wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
    reraise=True,
)
def _download(jar: Jar, to: Path) -> None:
    try:
        from maven_artifact.artifact import Artifact
        from maven_artifact.downloader import Downloader
    except ImportError as error:
        raise JarError("fetching Kafka needs `maven-artifact`: install vpc-flow-streams[local]") from error
    # Not `Downloader.download`: it prints, and has no time limit.
    downloader = Downloader()
    address = downloader.resolver.uri_for_artifact(Artifact(jar.group, jar.artifact, jar.version))
    with (
        downloader.requestor.request(address, None, stream=True, timeout=SILENCE_S) as answer,
        to.open("wb") as file,
    ):
        for chunk in answer.iter_content(1 << 16):
            file.write(chunk)
