"""One Kafka node as a process of ours: formatted, started, ready when it answers, stopped cleanly.

Its data folder is its own (`folder`), and holds its settings and logs too; a killed node can be started again
on it. It has its own session, so that a terminal's Ctrl-C does not end it before those who use it, and on
Linux it ends when we do (`orphan`). The first clean stop takes some seconds longer: it writes the class-data
archive (`archive`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pybase64
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from emulator.kafka.archive import keep, make_flags, use_flags
from emulator.kafka.errors import KafkaFailed
from emulator.kafka.folder import data_folder
from emulator.kafka.installation import Installation, install
from emulator.kafka.orphan import dying_with_parent
from emulator.kafka.ports import free_port
from emulator.kafka.properties import LOG4J2, jvm_flags, last_words, server_properties

__all__ = ["KafkaFailed", "Node", "kafka_node"]

READY_S = 60.0
STOP_S = 20.0
_POLL_S = 0.05
_TAIL_BYTES = 1 << 16


class Node:
    """A node in a data folder. `start_s`: how long its last start took until it answered, fetching aside."""

    def __init__(self, installed: Installation, data_dir: Path, port: int, heap_mb: int) -> None:
        self.data_dir, self.port, self.start_s = data_dir, port, 0.0
        self._installed = installed
        self._heap_mb = heap_mb
        self._process: asyncio.subprocess.Process | None = None

    @property
    def bootstrap(self) -> str:
        """Return the bootstrap servers for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The JVM's process id; 0 when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    def rss_mb(self) -> float:
        """Return its resident memory now, in MiB; 0 when it does not run."""
        try:
            return psutil.Process(self.pid).memory_info().rss / 2**20 if self.pid else 0.0
        except psutil.NoSuchProcess:
            return 0.0

    async def start(self) -> None:
        """Start the node and wait until it answers. Raises `KafkaFailed`."""
        began = time.monotonic()
        # No client uses the controller's port, so it may be another one each time.
        settings = server_properties(self.data_dir, self.port, free_port())
        self._config.write_text(settings)
        (self.data_dir / "log4j2.properties").write_text(LOG4J2)
        if not (self.data_dir / "log" / "meta.properties").exists():
            await self._format()
        self._process = await self._java(self._archive_flags(), ["kafka.Kafka", str(self._config)])
        await self._await_ready()
        self.start_s = time.monotonic() - began

    async def stop(self) -> None:
        """End it cleanly, at once if it does not listen. The first time, keep its class-data archive."""
        await self._end(signal.SIGTERM)
        await asyncio.to_thread(keep, self._made_archive, self._installed.archive)

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Start it again, on the same port and data; stop it first if it still runs."""
        await self.stop()
        await self.start()

    async def wait(self) -> None:
        """Wait until the process has ended, for any reason."""
        if self._process is not None:
            await self._process.wait()

    def last_words(self) -> str:
        """Return the end of what it logged."""
        logs = [log for log in self.data_dir.glob("*.log") if log.name in ("kafka.log", "console.log")]
        logs.sort(key=lambda log: log.stat().st_mtime_ns)
        return last_words("\n".join(map(_tail, logs)))

    @property
    def _config(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def _made_archive(self) -> Path:
        return self.data_dir / "classes.jsa"

    def _archive_flags(self) -> list[str]:
        if self._installed.archive.exists():
            return use_flags(self._installed.java, self._installed.archive)
        return make_flags(self._installed.java, self._made_archive)

    async def _format(self) -> None:
        known = self._installed.archive.exists()
        flags = use_flags(self._installed.java, self._installed.archive) if known else []
        # A short life: compiling it well would take longer than it lives.
        flags.append("-XX:TieredStopAtLevel=1")
        main = ["kafka.tools.StorageTool", "format", "--cluster-id", _new_cluster_id(), "--config"]
        process = await self._java(flags, [*main, str(self._config)])
        self._process = process  # So that a cancelled start ends it too.
        try:
            status = await asyncio.wait_for(process.wait(), READY_S)
        except TimeoutError:
            raise KafkaFailed(f"Kafka's storage is not formatted after {READY_S:.0f} s") from None
        if status:
            raise KafkaFailed(f"Kafka's storage cannot be formatted:\n{self.last_words()}")

    async def _java(self, flags: Sequence[str], main: Sequence[str]) -> asyncio.subprocess.Process:
        with (self.data_dir / "console.log").open("ab") as console:
            return await asyncio.create_subprocess_exec(
                self._installed.java.path,
                *jvm_flags(self._heap_mb),
                *flags,
                f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}",
                f"-Dvpcflow.log={self.data_dir / 'kafka.log'}",
                "-cp",
                os.pathsep.join(map(str, self._installed.jars)),
                *main,
                cwd=self.data_dir,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=dying_with_parent(),
            )

    async def _await_ready(self) -> None:
        try:
            async with asyncio.timeout(READY_S):
                while not await self._answers():
                    if not self.pid:
                        raise KafkaFailed(f"Kafka ended while it was starting:\n{self.last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.kill()
            raise KafkaFailed(f"Kafka does not answer after {READY_S:.0f} s:\n{self.last_words()}") from None

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
            return bool((await admin.describe_cluster())["brokers"])
        except KafkaError:
            return False
        finally:
            await admin.close()

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            pass  # It had its time.
        finally:  # Also when we are cancelled: its whole session, in case it was writing an archive.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace")


def _new_cluster_id() -> str:
    """Return what `StorageTool random-uuid` would, without a JVM for it: 16 bytes in URL-safe base64.

    Never one that begins with a hyphen (one in 64), as Kafka's own `Uuid.randomUuid`: it would be an option.
    """
    while (name := pybase64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return name


@asynccontextmanager
async def kafka_node(
    data_dir: Path | None = None, *, port: int = 0, heap_mb: int = 256
) -> AsyncIterator[Node]:
    """Run a node, on any free port and in a temporary folder if not told otherwise. Raises `KafkaFailed`."""
    installed = await install()
    with data_folder(data_dir) as folder:
        node = Node(installed, folder, port or free_port(), heap_mb)
        try:
            await node.start()
            yield node
        finally:
            await node.stop()
