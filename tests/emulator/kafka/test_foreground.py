"""`vpcflow kafka` describes its Kafka, ends cleanly, and never takes another Kafka for its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from emulator.kafka.ports import free_port, is_free

WITHIN_S = 30.0


def is_alive(pid: int) -> bool:
    """Say whether a process runs."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@dataclass(slots=True)
class Command:
    """A running `vpcflow kafka`, and what it has printed. `jvms` are the process ids of its brokers."""

    process: asyncio.subprocess.Process
    printed: str = ""
    jvms: list[int] = field(default_factory=list)

    def setting(self, name: str) -> str:
        """Return a setting that was printed; empty if it was not."""
        found = re.search(rf"^  {name}=(.*)$", self.printed, re.MULTILINE)
        return found.group(1) if found else ""

    async def read_to(self, end: str) -> None:
        """Read up to a line that begins with `end`, or to the end of the output."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            while line := (await self.process.stdout.readline()).decode():
                self.printed += line
                if line.startswith(end):
                    break
        self.jvms = [int(pid) for pid in re.findall(r"\(process (\d+)\)", self.printed)]

    async def stop(self) -> int:
        """Press Ctrl-C; return the exit status."""
        self.process.send_signal(signal.SIGINT)
        await self.read_to("never printed")
        return await self.process.wait()


@asynccontextmanager
async def vpcflow_kafka(*arguments: str) -> AsyncIterator[Command]:
    """Run the command to its end or until it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "streams.cli", "kafka", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    command = Command(process)
    try:
        await command.read_to("Ctrl-C stops it.")
        yield command
    finally:
        if process.returncode is None:
            await command.stop()


def _secret(command: Command) -> str:
    """Return the password, of a file that only its owner reads."""
    path = Path(command.setting("VPCFLOW_KAFKA_PASSWORD_FILE"))
    assert path.stat().st_mode & 0o077 == 0
    return path.read_text()


def _folder(command: Command) -> Path:
    found = re.search(r"Data: (\S+), deleted at the end", command.printed)
    assert found is not None
    return Path(found.group(1))


@pytest.mark.kafka
async def test_a_folder_is_kept_through_a_crash_and_used_by_one_at_a_time(tmp_path: Path) -> None:
    """Kill the command; its broker ends too, and the next start has the same cluster, user and password."""
    arguments = ("--port", "0", "--security", "sasl_ssl", "--folder", str(tmp_path))
    async with vpcflow_kafka(*arguments) as first:
        secret = _secret(first)
        cluster = re.findall(r"cluster (\S+)", first.printed)
        assert secret not in first.printed
        assert first.setting("VPCFLOW_KAFKA_SECURITY") == "sasl_ssl"
        assert first.setting("VPCFLOW_KAFKA_USER") == "vpcflow"
        assert first.setting("VPCFLOW_KAFKA_CA") == f"{tmp_path}/certificates/ca.pem"
        async with vpcflow_kafka(*arguments) as second:
            assert f"another Kafka runs in {tmp_path}: stop it, or name another folder" in second.printed
            assert await second.process.wait() == 1
        os.kill(first.process.pid, signal.SIGKILL)
        await first.process.wait()
        (jvm,) = first.jvms
        deadline = time.monotonic() + WITHIN_S
        while is_alive(jvm):
            assert time.monotonic() < deadline, "the broker outlived its parent"
            await asyncio.sleep(0.02)
    async with vpcflow_kafka(*arguments) as again:
        assert _secret(again) == secret
        assert re.findall(r"cluster (\S+)", again.printed) == cluster
        assert await again.stop() == 0
        assert "Kafka is stopped." in again.printed
    (tmp_path / "users").unlink()
    async with vpcflow_kafka(*arguments) as other:
        assert f"{tmp_path} has the data of a Kafka without user vpcflow" in other.printed
    async with vpcflow_kafka(*arguments, "--brokers", "3") as other:
        assert f"{tmp_path} has the data of a Kafka with 1 broker, not 3" in other.printed


@pytest.mark.kafka
async def test_two_at_once_on_one_port_are_not_mistaken_for_each_other() -> None:
    """One of two that start together has the port; the other names it, and does not use the first one."""
    port = free_port()
    async with vpcflow_kafka("--port", str(port)) as first:
        async with vpcflow_kafka("--port", str(port)) as second:
            assert f"port {port} of 127.0.0.1 is in use, maybe by another Kafka" in second.printed
            assert "Traceback" not in second.printed
            assert await second.process.wait() == 1
        assert is_alive(first.jvms[0])
        assert await first.stop() == 0
        assert not is_alive(first.jvms[0])
    assert not _folder(first).exists()


@pytest.mark.kafka
async def test_a_broker_of_three_is_started_again() -> None:
    """The ports of the brokers follow each other, and a killed one comes back."""
    port = next(p for p in iter(free_port, 0) if is_free(p + 1) and is_free(p + 2))
    async with vpcflow_kafka("--brokers", "3", "--port", str(port)) as command:
        servers = ",".join(f"127.0.0.1:{port + i}" for i in range(3))
        assert command.setting("VPCFLOW_KAFKA") == servers
        os.kill(command.jvms[1], signal.SIGKILL)
        await command.read_to("Broker 2 is ready again")
        assert "Broker 2 ended. It is started again." in command.printed
        assert await command.stop() == 0
    assert not any(map(is_alive, command.jvms))


async def test_a_port_of_another_program_is_named() -> None:
    """Nothing is started, and the sentence says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with vpcflow_kafka("--port", str(port)) as command:
            assert await command.process.wait() == 1
    assert command.printed == (
        f"Error: port {port} of 127.0.0.1 is in use, maybe by another Kafka: stop the program that listens"
        " there, or choose another port (0 for any free one)\n"
    )


@pytest.mark.parametrize("arguments", [("--brokers", "3", "--port", "65534"), ("--port", "70000")])
async def test_ports_that_do_not_exist_are_refused(arguments: tuple[str, ...]) -> None:
    async with vpcflow_kafka(*arguments) as command:
        assert await command.process.wait() == 2
    assert "Traceback" not in command.printed
    assert "65535" in command.printed
