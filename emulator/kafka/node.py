"""One Kafka node as a child process: formatted, started, ready when it answers, stopped cleanly.

Its data folder is its own, and holds its settings and logs too; a killed node can be started again on it. It
has its own session, so that a terminal's Ctrl-C does not end it before its clients, and on Linux it ends with
its parent (`orphan`). The first clean stop takes some seconds longer: it writes the class-data archive
(`archive`). A node is ready when its port answers with the cluster id of its storage.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from emulator.kafka.archive import keep, make_flags, use_flags
from emulator.kafka.errors import KafkaFailed
from emulator.kafka.installation import Installation
from emulator.kafka.orphan import dying_with_parent
from emulator.kafka.ports import require_free
from emulator.kafka.properties import LOG4J2, NodeIdentity, jvm_flags, last_words, server_properties
from emulator.kafka.readiness import ask
from emulator.kafka.security.certificates import Certificates
from emulator.kafka.security.listeners import SecuredListener, scram_credentials, security_properties
from emulator.kafka.storage import cluster_id, format_arguments

READY_S = 60.0
STOP_S = 20.0
_POLL_S = 0.05
_USERS = "users"
_TAIL_BYTES = 1 << 16


class Node:
    """A node in a data folder. `start_s` is the time until its last start answered, without fetching.

    `new_id` is the cluster id for storage that is not formatted yet. With secured listeners, `certificates`
    are required.
    """

    def __init__(
        self,
        installed: Installation,
        data_dir: Path,
        place: NodeIdentity,
        new_id: str,
        *,
        heap_mb: int = 256,
        certificates: Certificates | None = None,
    ) -> None:
        self.data_dir, self.place, self.start_s = data_dir, place, 0.0
        self._installed, self._new_id, self._heap_mb = installed, new_id, heap_mb
        self._certificates = certificates
        self._process: asyncio.subprocess.Process | None = None

    @property
    def port(self) -> int:
        """The port of the `PLAINTEXT` listener."""
        return self.place.port

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers of the `PLAINTEXT` listener."""
        return f"127.0.0.1:{self.port}"

    def secured(self, listener: SecuredListener) -> str:
        """Return the bootstrap servers of a secured listener."""
        return f"127.0.0.1:{self.place.secured_ports[listener]}"

    @property
    def certificates(self) -> Certificates:
        """The certificates of a node with TLS. Raises `KafkaFailed` if it has none."""
        if self._certificates is None:
            raise KafkaFailed("this Kafka has no secured listeners, so it has no certificates")
        return self._certificates

    @property
    def cluster_id(self) -> str:
        """The cluster id of its storage; empty before it is formatted."""
        return storage_id(self.data_dir)

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
        """Start the node and wait until it answers. Raises `PortInUse` and `KafkaFailed`."""
        began = time.monotonic()
        self._require_ports()
        self._write_settings()
        if not self.cluster_id:
            await self._format()
        self._process = await self._java(self._archive_flags(), ["kafka.Kafka", str(self._config)])
        await self._await_ready()
        self.start_s = time.monotonic() - began

    async def stop(self) -> None:
        """Stop it cleanly, or kill it after `STOP_S`. The first time, keep its class-data archive."""
        await self._end(signal.SIGTERM)
        await asyncio.to_thread(keep, self._made_archive, self._installed.archive)

    async def kill(self) -> None:
        """Kill it (SIGKILL), as a crash would."""
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
        """Return the end of its log, for an error message."""
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

    def _require_ports(self) -> None:
        for port in (self.port, self._controller_port, *self.place.secured_ports.values()):
            require_free(port)

    @property
    def _controller_port(self) -> int:
        return self.place.controller_ports[self.place.node_id - 1]

    def _write_settings(self) -> None:
        secured: dict[str, object] = {}
        if self.place.security is not None:
            certificates = self.certificates
            secured = security_properties(self.place.security, certificates.authority, certificates.server)
        self.data_dir.mkdir(exist_ok=True)
        self._config.touch(mode=0o600)  # It may hold passwords.
        self._config.write_text(server_properties(self.data_dir, self.place, secured))
        (self.data_dir / "log4j2.properties").write_text(LOG4J2)

    async def _format(self) -> None:
        known = self._installed.archive.exists()
        flags = use_flags(self._installed.java, self._installed.archive) if known else []
        # A short life: compiling it well would take longer than it lives.
        flags.append("-XX:TieredStopAtLevel=1")
        security = self.place.security
        scram = scram_credentials(security.users, os.urandom(16)) if security else []
        process = await self._java(flags, format_arguments(self._new_id, str(self._config), scram))
        self._process = process  # So that a cancelled start ends it too.
        try:
            status = await asyncio.wait_for(process.wait(), READY_S)
        except TimeoutError:
            raise KafkaFailed(f"Kafka's storage is not formatted after {READY_S:.0f} s") from None
        if status:
            raise KafkaFailed(f"Kafka's storage cannot be formatted:\n{self.last_words()}")
        (self.data_dir / _USERS).write_text(" ".join(security.users if security else ()))

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
                        self._require_ports()  # Taken since `start` looked: the better reason of the two.
                        raise KafkaFailed(f"Kafka ended while it was starting:\n{self.last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.kill()
            raise KafkaFailed(f"Kafka does not answer after {READY_S:.0f} s:\n{self.last_words()}") from None

    async def _answers(self) -> bool:
        answer = await ask(self.port)
        is_ours = answer is not None and answer.cluster_id == self.cluster_id
        return is_ours and answer is not None and self.place.node_id in answer.brokers

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


def storage_id(data_dir: Path) -> str:
    """Return the cluster id of the storage in a node's folder; empty if there is none."""
    try:
        return cluster_id((data_dir / "log" / "meta.properties").read_text())
    except FileNotFoundError:
        return ""


def formatted_users(data_dir: Path) -> set[str]:
    """Return the users with SCRAM credentials in a node's storage, which are made when it is formatted."""
    try:
        return set((data_dir / _USERS).read_text().split())
    except FileNotFoundError:
        return set()


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace")
