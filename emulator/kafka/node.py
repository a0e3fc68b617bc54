"""One Kafka node as a process of ours: formatted, started, ready when it answers, stopped cleanly.

Its data folder is its own; a killed node can be started again on it. On Linux the JVM asks the kernel for a
SIGTERM should its parent die, so that a killed test leaves no broker behind. A class-data archive, made at
the first clean stop and kept per user, halves later starts (1.3 s against 3.1 s: design.md 3).
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from emulator.kafka.jars import cache_folder, ensure_jars
from emulator.kafka.java import find_java
from emulator.kafka.properties import LOG4J2, server_properties
from emulator.ports import free_port

READY_S = 60.0
STOP_S = 20.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class KafkaFailed(RuntimeError):
    """Kafka did not start, or ended; the message has the end of its log."""


class Node:
    """A running node. `start_s` is how long its last start took until it answered."""

    def __init__(self, data: Path, port: int, heap_mb: int) -> None:
        self.data, self.port, self.start_s = data, port, 0.0
        self._controller_port = free_port()
        self._heap_mb = heap_mb
        self._process: asyncio.subprocess.Process | None = None
        self._archive = self._own_archive = data / "classes.jsa"

    @property
    def bootstrap(self) -> str:
        """What clients are given."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The JVM's process id; 0 when it does not run."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else 0

    def rss_mb(self) -> float:
        """Resident memory now, in MiB; 0 when it does not run."""
        try:
            return psutil.Process(self.pid).memory_info().rss / 2**20 if self.pid else 0.0
        except psutil.NoSuchProcess:
            return 0.0

    async def start(self) -> None:
        """Start the node and wait until it answers. Raises `KafkaFailed`."""
        began = time.monotonic()
        jars = await asyncio.to_thread(ensure_jars)
        java, said = await asyncio.to_thread(find_java)
        self.data.mkdir(parents=True, exist_ok=True)
        config = self.data / "server.properties"
        config.write_text(server_properties(self.data, self.port, self._controller_port))
        (self.data / "log4j2.yaml").write_text(LOG4J2)
        classpath = os.pathsep.join(map(str, jars))
        if not (self.data / "log" / "meta.properties").exists():
            format_it = ["kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster_id()]
            await self._java(java, classpath, [], [*format_it, "-c", str(config)], wait=True)
        name = hashlib.sha256((said + classpath).encode()).hexdigest()[:16]
        self._archive = cache_folder() / f"classes-{name}.jsa"
        flags = _archive_flags(self._archive, self._own_archive)
        self._process = await self._java(java, classpath, flags, ["kafka.Kafka", str(config)], wait=False)
        await self._await_ready()
        self.start_s = time.monotonic() - began

    async def _java(
        self, java: Path, classpath: str, flags: list[str], main: list[str], *, wait: bool
    ) -> asyncio.subprocess.Process:
        with (self.data / "console.log").open("ab") as console:
            process = await asyncio.create_subprocess_exec(
                str(java),
                f"-Xmx{self._heap_mb}m",
                f"-Xms{self._heap_mb // 2}m",
                "-XX:+UseSerialGC",
                "-XX:MaxMetaspaceSize=96m",
                "-XX:ReservedCodeCacheSize=48m",
                *flags,
                f"-Dlog4j2.configurationFile={self.data / 'log4j2.yaml'}",
                f"-Dvpcflow.log={self.data / 'kafka.log'}",
                "-cp",
                classpath,
                *main,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        if wait and await process.wait():
            raise KafkaFailed(f"Kafka's storage cannot be formatted:\n{self._tail()}")
        return process

    async def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if not self.pid:
                raise KafkaFailed(f"Kafka ended while starting:\n{self._tail()}")
            if await self._answers():
                return
            await asyncio.sleep(0.1)
        await self.kill()
        raise KafkaFailed(f"Kafka does not answer after {READY_S:.0f} s:\n{self._tail()}")

    async def _answers(self) -> bool:
        """Ask for metadata, once the port is open: aiokafka logs an error for each refused connection."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5000)
        try:
            await admin.start()
            await admin.list_topics()
        except KafkaError:
            return False
        finally:
            await admin.close()
        return True

    def _tail(self) -> str:
        logs = [self.data / "console.log", self.data / "kafka.log"]
        text = "".join(log.read_text(errors="replace") for log in logs if log.exists())
        return "\n".join(text.splitlines()[-15:])

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        await self._end(signal.SIGKILL, STOP_S)

    async def stop(self) -> None:
        """End it cleanly; at once if it does not listen. The first time, keep its class-data archive."""
        await self._end(signal.SIGTERM, STOP_S)
        if self._own_archive.exists() and not self._archive.exists():
            part = self._archive.with_suffix(f".{os.getpid()}")
            shutil.copyfile(self._own_archive, part)
            part.rename(self._archive)

    async def restart(self) -> None:
        """Start it again on the same port and data."""
        await self.start()

    async def _end(self, number: signal.Signals, within_s: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            process.kill()
            await process.wait()


def _archive_flags(archive: Path, own: Path) -> list[str]:
    """Use the class-data archive; where there is none yet, have the JVM write one when it ends."""
    flags = ["-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    if archive.exists():
        return [*flags, f"-XX:SharedArchiveFile={archive}"]
    return [*flags, f"-XX:ArchiveClassesAtExit={own}"]


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _cluster_id() -> str:
    return "vpcflow-local-kafka-00"  # 22 characters of base64, as Kafka wants it; one node needs no other


@asynccontextmanager
async def kafka_node(data: Path | None = None, *, port: int = 0, heap_mb: int = 192) -> AsyncIterator[Node]:
    """Run a node; without a folder its data is temporary. Raises `KafkaFailed` or `jars.JarError`."""
    folder = data or Path(tempfile.mkdtemp(prefix="vpcflow-kafka-"))
    node = Node(folder, port or free_port(), heap_mb)
    try:
        await node.start()
        yield node
    finally:
        await node.stop()
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
