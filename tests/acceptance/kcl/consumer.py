"""The Java consumer as a process: what it says, line by line, and its end.

It is a child of ours, stopped by its own id: by a line, and by SIGKILL if that does not help.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.kcl import FOLDER
from tests.acceptance.kcl.source import STREAM, Put
from tests.maven import class_path, tool

WAIT_S = 90.0  # a new application's worker waits up to 30 s by itself
STOP_S = 50.0  # the program gives its shutdown 35 s
_LINE_BYTES = 1 << 16
_TAIL_BYTES = 4000
# A short life: a small heap, and no time spent on the best machine code.
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
_PASSWORD = "changeit"  # Java's usual one: it guards nothing secret

Line = Mapping[str, Any]


class ConsumerFailed(Exception):
    """The consumer did not do what was waited for; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Application:
    """A consumer application: its name, how it retrieves records, and how it reaches the emulator."""

    name: str
    retrieval: str
    url: str
    options: tuple[str, ...] = ()


@dataclass(slots=True)
class Consumer:
    """A running consumer and all that it has said."""

    application: Application
    process: asyncio.subprocess.Process
    log: Path
    lines: list[Line] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    is_silent: bool = False

    def shards(self, event: str) -> set[str]:
        """Return the shards of which it has said something."""
        return {line["shard"] for line in self.lines if line["event"] == event}

    def arrived(self) -> dict[str, list[Put]]:
        """Return the records of each key in the order of their first arrival: some may come twice."""
        found: dict[str, dict[Put, None]] = defaultdict(dict)
        for line in self.lines:
            if line["event"] == "record":
                found[line["partition_key"]].setdefault((line["sequence_number"], line["sha256"]))
        return {key: list(records) for key, records in found.items()}

    async def has(self, count: int, what: str) -> None:
        """Wait until so many different records have arrived. Raises `ConsumerFailed`."""
        await self.until(lambda: sum(map(len, self.arrived().values())) >= count, what)

    async def until(self, is_done: Callable[[], bool], what: str) -> None:
        """Wait until what it has said suffices. Raises `ConsumerFailed`."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not is_done():
                    if self.is_silent:
                        raise self._failed(f"the program ended before {what}")
                    self.heard.clear()
                    await self.heard.wait()
        except TimeoutError:
            raise self._failed(f"not within {WAIT_S:.0f} s: {what}") from None

    async def stop(self) -> None:
        """Tell it to stop, and wait for its end. Raises `ConsumerFailed`."""
        stdin = self.process.stdin
        assert stdin is not None
        stdin.write(b"stop\n")
        await stdin.drain()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            raise self._failed(f"no end within {STOP_S:.0f} s") from None
        await self.until(lambda: self.is_silent, "its last words were heard")
        if {"event": "stopped"} not in self.lines:
            raise self._failed("it did not stop as told")

    async def listen(self) -> None:
        """Take in what it says, until it ends."""
        stdout = self.process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            self.lines.append(json.loads(line))
            self.heard.set()
        self.is_silent = True
        self.heard.set()

    def _failed(self, what: str) -> ConsumerFailed:
        said = self.log.read_text(errors="replace")[-_TAIL_BYTES:]
        arrived = sum(map(len, self.arrived().values()))
        return ConsumerFailed(
            f"{self.application.name}: {what} ({arrived} records arrived). Its log:\n{said}"
        )


@asynccontextmanager
async def consuming(application: Application, log: Path) -> AsyncIterator[Consumer]:
    """Run one worker of an application. Raises `NotBuilt`."""
    java = [tool("java"), *_JVM, _LOG, *application.options, "-cp", class_path(FOLDER)]
    arguments = [application.url, STREAM, application.name, application.retrieval]
    pipe = asyncio.subprocess.PIPE
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *java,
            "vpcflow.Consumer",
            *arguments,
            stdin=pipe,
            stdout=pipe,
            stderr=file,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
    consumer = Consumer(application, process, log)
    listening = asyncio.create_task(consumer.listen())
    try:
        yield consumer
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


def trusting(authority: Path, store: Path) -> tuple[str, ...]:
    """Put a certificate authority into a trust store, and return the JVM's options for it."""
    command: Sequence[str] = [tool("keytool"), "-importcert", "-noprompt", "-alias", "emulator"]
    files = [
        "-file",
        str(authority),
        "-keystore",
        str(store),
        "-storetype",
        "PKCS12",
        "-storepass",
        _PASSWORD,
    ]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=60)
    return (f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={_PASSWORD}")
